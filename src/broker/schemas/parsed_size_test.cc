#include "broker/schemas/parsed_size.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/pubsub/v1/pubsub.pb.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using google::protobuf::Descriptor;

constexpr std::size_t kMost = 1 << 20;
constexpr std::size_t kEmptyMessage = 1'000;

bool fits(const std::string& message, const Descriptor& type) {
  google::protobuf::io::ArrayInputStream input(message.data(), static_cast<int>(message.size()));
  return fits_when_parsed(
      &input, type, [](const Descriptor& /*type*/) { return kEmptyMessage; }, kMost);
}

std::string repeated(std::string_view text, std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

TEST(ParsedSizeTest, WhatIsAsLargeAfterParsingFits) {
  api::PublishRequest request;
  request.set_topic("projects/p/topics/t");
  for (int i = 0; i < 100; ++i) {
    auto* const message = request.add_messages();
    message->set_data(std::string(5'000, 'x'));
    (*message->mutable_attributes())["function"] = "submit vote";
  }
  EXPECT_TRUE(fits(request.SerializeAsString(), *api::PublishRequest::descriptor()));
  EXPECT_TRUE(fits("", *api::PublishRequest::descriptor()));
}

TEST(ParsedSizeTest, ManyEmptyValuesDoNotFit) {
  const std::string empty_message("\x12\x00", 2);
  const Descriptor& publish = *api::PublishRequest::descriptor();
  EXPECT_TRUE(fits(repeated(empty_message, 900), publish));
  EXPECT_FALSE(fits(repeated(empty_message, 1'100), publish));
  // ack_ids, then an unknown field, then an unknown group.
  const Descriptor& acknowledge = *api::AcknowledgeRequest::descriptor();
  EXPECT_FALSE(fits(repeated(std::string("\x12\x00", 2), 20'000), acknowledge));
  EXPECT_FALSE(fits(repeated(std::string("\x7a\x00", 2), 20'000), acknowledge));
  EXPECT_FALSE(fits(repeated("\x7b\x7c", 20'000), acknowledge));
  // Attributes of one message.
  std::string attributes = repeated(std::string("\x12\x00", 2), 8'000);
  EXPECT_FALSE(fits(std::string("\x12\x80\x7d", 3) + attributes, publish));
  // Packed numbers of one byte.
  const Descriptor& modify = *api::StreamingPullRequest::descriptor();
  EXPECT_FALSE(fits("\x1a\x80\x89\x7a" + std::string(2'000'000, '\1'), modify));
}

TEST(ParsedSizeTest, ReadingEndsWhereAMessageIsMalformed) {
  const std::string empty_message("\x12\x00", 2);
  for (const std::string& end : {std::string("\xff"), std::string("\x0a\x05"), std::string("\x07"),
                                 std::string("\x0c"), std::string("\0", 1)}) {
    EXPECT_TRUE(fits(end + repeated(empty_message, 100'000), *api::PublishRequest::descriptor()));
  }
  // Deeper than any parser goes.
  EXPECT_TRUE(fits(repeated("\x7b", 5'000), *api::PublishRequest::descriptor()));
}

}  // namespace
}  // namespace pollbus::broker
