#include "pedestrian/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pedestrian/producer.h"
#include "pedestrian/record.h"
#include "support/temporary_folder.h"

namespace pollbus::pedestrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

LabelledScene scene(const std::string& timestamp) {
  return {.timestamp = timestamp,
          .car1 = {-51.5, 143},
          .car1_size = {4.8, 2.2},
          .car2 = {-61, 140},
          .car2_size = {4.9, 2.3},
          .pedestrian = {-47, 143.25},
          .pedestrian_box = {1010, 654, 1132, 1080},
          .car_box = {1311, 541, 1919, 931},
          .occluded_image = "A.png",
          .occluding_image = "B.png"};
}

TEST(LabelsTest, WhatIsWrittenIsReadAgain) {
  const std::vector<LabelledScene> scenes{scene("1741128439.11111"), scene("2")};
  const std::string csv = encode_labels(scenes);
  const auto read = parse_labels(csv);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_THAT(*read, SizeIs(2));
  EXPECT_EQ(encode_labels(*read), csv);
  EXPECT_EQ((*read)[0].timestamp, "1741128439.11111");
  EXPECT_EQ((*read)[0].car_box, (Box{1311, 541, 1919, 931}));
}

TEST(LabelsTest, LineEndsOfWindowsAMarkAndFurtherColumnsDoNotMatter) {
  std::string csv = encode_labels(std::vector{scene("1")});
  csv = "\xef\xbb\xbf" + csv;
  csv.replace(csv.find('\n'), 1, ",Lidar\r\n");
  csv.replace(csv.rfind('\n'), 1, ",A.ply\r\n\r\n");
  const auto read = parse_labels(csv);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(encode_labels(*read), encode_labels(std::vector{scene("1")}));
}

TEST(LabelsTest, WhatIsMissingIsNamedWithItsLine) {
  std::string csv = encode_labels(std::vector{scene("1"), scene("2")});
  EXPECT_THAT(std::string(parse_labels("Timestamp,x\n").status().message()),
              HasSubstr("Car1_Location_X"));
  csv.replace(csv.rfind("1010"), 4, "wide");
  EXPECT_THAT(std::string(parse_labels(csv).status().message()),
              HasSubstr("line 3: cam1_pedestrian_x1: expected a number"));
  EXPECT_THAT(std::string(parse_labels(csv.substr(0, csv.rfind(','))).status().message()),
              HasSubstr("line 3"));
}

TEST(ProducerTest, ARecordHasWhatTheFirstStageTakes) {
  const auto message =
      scene_message(scene("1741128439.11111"), {.occluded = "A", .occluding = "BC"});
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->attribute("stage"), "pedestrian-detection");
  const auto record = Record::parse(message->data);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->timestamp(), "1741128439.11111");
  EXPECT_EQ(*record->point("Car2_Location"), (Point{-61, 140}));
  EXPECT_EQ(*record->dimensions("Car1_dimensions"), (Dimensions{4.8, 2.2}));
  EXPECT_EQ(*record->dimensions("Car2_dimensions"), (Dimensions{4.9, 2.3}));
  EXPECT_EQ(*record->text("Occluded_Image_View"), "QQ==");
  EXPECT_EQ(*record->text("Occluding_Image_View"), "QkM=");
  EXPECT_THAT(*record->boxes("Pedestrians_labels"), ElementsAre(Box{1010, 654, 1132, 1080}));
  EXPECT_THAT(*record->boxes("vehicles_labels"), ElementsAre(Box{1311, 541, 1919, 931}));
}

TEST(ProducerTest, AMissingImageIsLeftOut) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "A.png") << "picture";
  const auto images = *load_images(scene("1"), folder.path());
  EXPECT_EQ(images.occluded, "picture");
  EXPECT_EQ(images.occluding, std::nullopt);
  const auto record = Record::parse(scene_message(scene("1"), images)->data);
  EXPECT_TRUE(record->has("Occluded_Image_View"));
  EXPECT_FALSE(record->has("Occluding_Image_View"));
}

TEST(ProducerTest, AnImageThatCannotBeReadIsAnErrorAndNotAMissingOne) {
  const testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "A.png");
  EXPECT_TRUE(absl::IsUnavailable(load_images(scene("1"), folder.path()).status()));
}

TEST(ProgressTest, GoesOnAfterTheLastSceneThatWasPublished) {
  const testing::TemporaryFolder folder;
  const Progress progress(folder / "progress");
  const std::vector<LabelledScene> scenes{scene("1"), scene("2"), scene("3")};
  EXPECT_EQ(*progress.next(scenes), 0U);
  ASSERT_TRUE(progress.remember(scenes[1]).ok());
  EXPECT_EQ(*Progress(folder / "progress").next(scenes), 2U);
  ASSERT_TRUE(progress.remember(scenes[2]).ok());
  EXPECT_EQ(*progress.next(scenes), 3U);
  EXPECT_TRUE(absl::IsFailedPrecondition(progress.next(std::vector{scene("4")}).status()));
  EXPECT_EQ(*Progress("").next(scenes), 0U);
  EXPECT_TRUE(Progress("").remember(scenes[0]).ok());
}

}  // namespace
}  // namespace pollbus::pedestrian
