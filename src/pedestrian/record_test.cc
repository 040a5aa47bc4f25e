#include "pedestrian/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "pedestrian/image_codec.h"
#include "pedestrian/images.h"

namespace pollbus::pedestrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string complaint(const absl::Status& status) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(RecordTest, TheTimestampIsANumberOrAShortNameAndNothingElse) {
  const std::pair<const char*, const char*> good[] = {{"1741128439.11111", "1741128439.11111"},
                                                      {"7", "7"},
                                                      {"-3", "-3"},
                                                      {"1.50", "1.5"},
                                                      {"\"7\"", "7"},
                                                      {"\"scene-1_a\"", "scene-1_a"},
                                                      {"1741134704.8356", "1741134704.8356"},
                                                      {"1e3", "1000.0"}};
  for (const auto& [json, text] : good) {
    const auto record = Record::parse(std::string(R"({"Timestamp":)") + json + "}");
    ASSERT_TRUE(record.ok()) << json << ": " << record.status();
    EXPECT_EQ(record->timestamp(), text);
  }
  for (const char* json :
       {"null", "true", "[1]", "\"\"", "\"../x\"", "\"a/b\"", "\".hidden\"", "{}"}) {
    EXPECT_THAT(complaint(Record::parse(std::string(R"({"Timestamp":)") + json + "}").status()),
                HasSubstr("Timestamp: expected"))
        << json;
  }
  EXPECT_THAT(complaint(Record::parse(R"({"Timestamp":")" + std::string(65, '1') + "\"}").status()),
              HasSubstr("Timestamp"));
}

TEST(RecordTest, WhatIsNoObjectIsNoRecord) {
  for (const char* data : {"", "no JSON", "[]", "7", "\"x\"", "{}", R"({"timestamp":1})", "{"})
    EXPECT_FALSE(Record::parse(data).ok()) << data;
}

TEST(RecordTest, FieldsThatNobodyAsksForArePassedOn) {
  const auto record = Record::parse(R"({"Timestamp": 1.5, "other": {"deep": [1, null, "ü"]}})");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->encode(), R"({"Timestamp":1.5,"other":{"deep":[1,null,"ü"]}})");
}

TEST(RecordTest, AFieldThatIsNotWhatIsExpectedIsNamedAndNeverShown) {
  const auto record = Record::parse(
      R"({"Timestamp":1,"boxes":[[1,2,3,4]],"point":[1,2],"text":"secret","numbers":[1,"secret"],
          "turned":[[3,2,1,4]],"short":[[1,2,3]],"flat":[1,2,3,4],"zero":[0,1]})");
  ASSERT_TRUE(record.ok());
  EXPECT_THAT(*record->boxes("boxes"), ElementsAre(Box{1, 2, 3, 4}));
  EXPECT_EQ(*record->point("point"), (Point{1, 2}));
  EXPECT_EQ(*record->text("text"), "secret");
  for (const char* field : {"turned", "short", "flat", "text"})
    EXPECT_THAT(complaint(record->boxes(field).status()), HasSubstr(field));
  EXPECT_THAT(complaint(record->boxes("none").status()), HasSubstr("none: is missing"));
  EXPECT_THAT(complaint(record->numbers("numbers", 2).status()),
              AllOf(HasSubstr("numbers: expected"), Not(HasSubstr("secret"))));
  EXPECT_THAT(complaint(record->numbers("point", 3).status()), HasSubstr("3 numbers"));
  EXPECT_THAT(complaint(record->dimensions("zero").status()), HasSubstr("above 0"));
  EXPECT_THAT(complaint(record->text("point").status()), HasSubstr("text"));
}

TEST(RecordTest, EmptyListsAreLists) {
  const auto record = Record::parse(R"({"Timestamp":1,"boxes":[],"numbers":[]})");
  EXPECT_THAT(*record->boxes("boxes"), IsEmpty());
  EXPECT_THAT(*record->numbers("numbers", 0), IsEmpty());
}

TEST(RecordTest, InTheEndNothingButTheTimestampMayRemain) {
  auto record = Record::parse(R"({"a":1,"Timestamp":1741128439.11111,"z":2})");
  record->erase_all();
  EXPECT_EQ(record->encode(), R"({"Timestamp":1741128439.11111})");
}

// Random pixels, which PNG cannot compress.
cv::Mat noise() {
  cv::Mat image(200, 300, CV_8UC3);
  cv::theRNG().state = 1;
  cv::randu(image, 0, 255);
  return image;
}

TEST(RecordTest, ADocumentThatIsNestedTooDeeplyIsRefused) {
  const auto nested = [](std::size_t depth) {
    return R"({"Timestamp":1,"x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(Record::parse(nested(31)).ok());
  for (const std::size_t depth : {32, 33, 200'000})
    EXPECT_TRUE(absl::IsInvalidArgument(Record::parse(nested(depth)).status())) << depth;
  std::string objects = R"({"Timestamp":1,"x":)";
  for (int i = 0; i < 50'000; ++i) objects += R"({"y":)";
  objects += "1" + std::string(50'001, '}');
  EXPECT_TRUE(absl::IsInvalidArgument(Record::parse(objects).status()));
}

TEST(EncodeWithinLimitTest, OnlyWhatIsTooLargeBecomesJpeg) {
  Record record = *Record::with_timestamp("1");
  const std::string png = encode_base64(encode_png(noise()));
  record.set("Occluded_Image_View", png);
  record.set("Occluding_Image_View", png);
  const std::string whole = record.encode();
  EXPECT_EQ(*encode_within_limit(*Record::parse(whole), whole.size()), whole);

  const auto smaller = encode_within_limit(*Record::parse(whole), whole.size() - 1);
  ASSERT_TRUE(smaller.ok()) << smaller.status();
  EXPECT_LT(smaller->size(), whole.size());
  const auto read = Record::parse(*smaller);
  EXPECT_EQ(*read->text("Occluding_Image_View"), png) << "one was enough";
  std::string bytes;
  ASSERT_TRUE(decode_base64(*read->text("Occluded_Image_View"), &bytes));
  EXPECT_TRUE(bytes.starts_with("\xff\xd8\xff")) << "no JPEG";
  const auto image = image_of(*read, "Occluded_Image_View");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->cols, 300);

  EXPECT_TRUE(absl::IsInvalidArgument(encode_within_limit(*Record::parse(whole), 1'000).status()));
}

}  // namespace
}  // namespace pollbus::pedestrian
