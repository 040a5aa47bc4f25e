#include "broker/service/plain_publish.h"

#include <google/pubsub/v1/pubsub.pb.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "broker/service/publish_request.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

const WallTime kNow{std::chrono::nanoseconds(1'700'000'000'123'456'789)};

api::PublishRequest plain_request() {
  api::PublishRequest request;
  request.set_topic("projects/p/topics/t");
  for (int i = 0; i < 3; ++i) {
    api::PubsubMessage& message = *request.add_messages();
    if (i > 0) message.set_data(std::string("\0\xff data", 7) + std::string(i * 200, 'x'));
    (*message.mutable_attributes())["function"] = "result";
    (*message.mutable_attributes())["machineID"] = std::to_string(i);
    (*message.mutable_attributes())["empty"] = "";
  }
  return request;
}

std::vector<std::string> messages_in(const IncomingBatch& batch) {
  std::vector<std::string> messages;
  std::size_t begin = 0;
  for (const std::uint32_t end : batch.ends) {
    messages.push_back(batch.body->substr(begin, end - begin));
    begin = end;
  }
  return messages;
}

TEST(PlainPublishTest, StoresTheSameMessagesAsTheLibrary) {
  api::PublishRequest request = plain_request();
  const std::string bytes = request.SerializeAsString();
  const auto plain = PlainPublish::read(bytes);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->topic(), "projects/p/topics/t");
  const IncomingBatch batch = plain->batch(99, kNow);
  const PublishBatch expected(&request, 99, kNow);
  EXPECT_EQ(batch.first_id, 99u);
  EXPECT_EQ(batch.published, kNow);
  EXPECT_TRUE(batch.keys.empty());
  const auto messages = messages_in(batch);
  const auto expected_messages = messages_in(expected.incoming());
  ASSERT_EQ(messages.size(), expected_messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    api::PubsubMessage message;
    api::PubsubMessage expected_message;
    ASSERT_TRUE(message.ParseFromString(messages[i]));
    ASSERT_TRUE(expected_message.ParseFromString(expected_messages[i]));
    EXPECT_EQ(message.DebugString(), expected_message.DebugString());
    std::map<std::string, std::string> attributes;
    for (const Attribute& each : batch.attributes[i]) attributes.emplace(each.key, each.value);
    EXPECT_EQ(attributes, (std::map<std::string, std::string>(message.attributes().begin(),
                                                              message.attributes().end())));
  }
}

TEST(PlainPublishTest, LeavesEverythingElseToTheLibrary) {
  const auto is_plain = [](const auto& change) {
    api::PublishRequest request = plain_request();
    change(request);
    return PlainPublish::read(request.SerializeAsString()).has_value();
  };
  using Request = api::PublishRequest;
  EXPECT_TRUE(is_plain([](Request&) {}));
  EXPECT_FALSE(is_plain([](Request& r) { r.clear_messages(); }));
  EXPECT_FALSE(is_plain([](Request& r) { r.add_messages(); }));
  EXPECT_FALSE(is_plain([](Request& r) { r.mutable_messages(1)->set_ordering_key("k"); }));
  EXPECT_FALSE(is_plain([](Request& r) { r.mutable_messages(1)->set_message_id("7"); }));
  EXPECT_FALSE(is_plain([](Request& r) { r.mutable_messages(1)->mutable_publish_time(); }));
  for (const std::string& key :
       {std::string(), std::string("googX"), std::string("GOOGx"), std::string(257, 'k'),
        std::string("\xc3\xa9"), std::string("\n")}) {
    EXPECT_FALSE(is_plain([&](Request& r) {
      (*r.mutable_messages(1)->mutable_attributes())[key] = "v";
    })) << key;
  }
  for (const std::string& value : {std::string(1'025, 'v'), std::string("\xc3\xa9")}) {
    EXPECT_FALSE(is_plain([&](Request& r) {
      (*r.mutable_messages(1)->mutable_attributes())["k"] = value;
    })) << value;
  }
  EXPECT_FALSE(is_plain([](Request& r) {
    for (int i = 0; i < 100; ++i)
      (*r.mutable_messages(1)->mutable_attributes())["k" + std::to_string(i)] = "v";
  }));
  EXPECT_FALSE(is_plain([](Request& r) {
    while (r.messages_size() <= kMaxPublishMessages) *r.add_messages() = r.messages(0);
  }));
}

TEST(PlainPublishTest, EveryCharacterOfAnAttributeMustBePrintable) {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t place = 0; place < 19; ++place) {
      std::string value(19, '~');
      value[place] = static_cast<char>(c);
      api::PublishRequest request = plain_request();
      (*request.mutable_messages(1)->mutable_attributes())["k"] = value;
      EXPECT_EQ(PlainPublish::read(request.SerializeAsString()).has_value(), c >= ' ' && c <= '~')
          << c << " at " << place;
    }
  }
}

TEST(PlainPublishTest, AKeyThatOccursTwiceIsLeftToTheLibrary) {
  const std::string entry("\x12\x06\x0a\x01k\x12\x01v", 8);
  const std::string once = "\x12" + std::string(1, static_cast<char>(entry.size())) + entry;
  const std::string twice =
      "\x12" + std::string(1, static_cast<char>(2 * entry.size())) + entry + entry;
  EXPECT_TRUE(PlainPublish::read(once).has_value());
  EXPECT_FALSE(PlainPublish::read(twice).has_value());
}

// Whatever is read as plain is a message of the library, too: the same one.
TEST(PlainPublishTest, ChangedBytesAreReadAsTheLibraryReadsThem) {
  const std::string bytes = plain_request().SerializeAsString();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int c : {0, 1, 7, 10, 18, 26, 34, 127, 128, 255}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(c);
      const auto plain = PlainPublish::read(changed);
      if (!plain) continue;
      api::PublishRequest request;
      ASSERT_TRUE(request.ParseFromString(changed)) << at << ' ' << c;
      ASSERT_TRUE(check_publish_request(request, static_cast<std::int64_t>(changed.size())).ok());
      ASSERT_EQ(static_cast<std::size_t>(request.messages_size()), plain->messages());
      ASSERT_EQ(request.topic(), plain->topic());
      for (std::size_t i = 0; const std::string& text : messages_in(plain->batch(1, kNow))) {
        api::PubsubMessage message;
        ASSERT_TRUE(message.ParseFromString(text));
        message.clear_message_id();
        message.clear_publish_time();
        ASSERT_EQ(message.DebugString(), request.messages(static_cast<int>(i++)).DebugString());
      }
    }
  }
}

}  // namespace
}  // namespace pollbus::broker
