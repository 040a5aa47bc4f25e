#include "pedestrian/yolo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::pedestrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two classes, of which class 1 is wanted; square and image both have 100 by 100 pixels.
const YoloOptions kOptions{.confidence = 0.5, .overlap = 0.5, .classes = 2, .class_ids = {1}};
const Letterbox kSame{.scale = 1, .width = 100, .height = 100};

// Rows of centre x, centre y, width, height, objectness and two scores, as in YOLOv5.
std::vector<Box> boxes_of(const std::vector<std::vector<float>>& rows,
                          const YoloOptions& options = kOptions) {
  std::vector<float> output;
  for (const auto& row : rows) output.insert(output.end(), row.begin(), row.end());
  const auto layout =
      yolo_layout(std::vector<int>{1, static_cast<int>(rows.size()), 7}, options.classes);
  return yolo_boxes(output, *layout, kSame, 100, 100, options);
}

TEST(LetterboxTest, FitsTheImageIntoTheMiddleOfTheSquare) {
  const auto wide = Letterbox::fit(1920, 1080, 640);
  EXPECT_EQ(wide.width, 640);
  EXPECT_EQ(wide.height, 360);
  EXPECT_EQ(wide.left, 0);
  EXPECT_EQ(wide.top, 140);
  EXPECT_EQ(wide.to_image({0, 140, 640, 500}), (Box{0, 0, 1920, 1080}));
  EXPECT_EQ(wide.to_image({320, 320, 330, 340}), (Box{960, 540, 990, 600}));
  const auto high = Letterbox::fit(50, 100, 200);
  EXPECT_EQ(high.left, 50);
  EXPECT_EQ(high.to_image({50, 0, 150, 200}), (Box{0, 0, 50, 100}));
}

TEST(YoloLayoutTest, KnowsBothUsualOnesAndNoOther) {
  const auto five = yolo_layout(std::vector<int>{1, 25'200, 85}, 80);
  ASSERT_TRUE(five.ok());
  EXPECT_EQ(five->candidates, 25'200U);
  EXPECT_TRUE(five->has_objectness);
  const auto eight = yolo_layout(std::vector<int>{1, 84, 8'400}, 80);
  ASSERT_TRUE(eight.ok());
  EXPECT_EQ(eight->candidates, 8'400U);
  EXPECT_FALSE(eight->has_objectness);
  for (const std::vector<int>& shape : {std::vector<int>{1, 25'200, 84},
                                        {1, 85, 8'400},
                                        {2, 25'200, 85},
                                        {25'200, 85},
                                        {1, 0, 85},
                                        {}}) {
    const auto other = yolo_layout(shape, 80);
    EXPECT_THAT(std::string(other.status().message()), HasSubstr("[1,N,85]"));
  }
}

TEST(YoloBoxesTest, KeepsTheClassesThatAreAskedForAndIsSureOf) {
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.9F, 0.1F, 0.9F}}), ElementsAre(Box{40, 30, 60, 70}));
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.9F, 0.9F, 0.1F}}), IsEmpty()) << "another class";
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.9F, 0.8F, 0.7F}}), IsEmpty()) << "rather another class";
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.9F, 0.0F, 0.5F}}), IsEmpty()) << "0.9 times 0.5";
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.4F, 0.0F, 1.0F}}), IsEmpty()) << "hardly an object";
  YoloOptions both = kOptions;
  both.class_ids = {0, 1};
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.9F, 0.9F, 0.1F}}, both),
              ElementsAre(Box{40, 30, 60, 70}));
}

TEST(YoloBoxesTest, OfBoxesThatOverlapTheSurestRemains) {
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.8F, 0, 1},
                        {52, 50, 20, 40, 0.9F, 0, 1},
                        {80, 50, 20, 40, 0.7F, 0, 1}}),
              ElementsAre(Box{42, 30, 62, 70}, Box{70, 30, 90, 70}));
  // The boxes share 10 of 30 pixels: an overlap of one third.
  EXPECT_THAT(boxes_of({{50, 50, 20, 40, 0.8F, 0, 1}, {60, 50, 20, 40, 0.9F, 0, 1}}),
              ElementsAre(Box{50, 30, 70, 70}, Box{40, 30, 60, 70}));
}

TEST(YoloBoxesTest, BoxesEndWhereTheImageEnds) {
  EXPECT_THAT(boxes_of({{95, 5, 20, 40, 0.9F, 0, 1}}), ElementsAre(Box{85, 0, 100, 25}));
  EXPECT_THAT(boxes_of({{150, 50, 20, 40, 0.9F, 0, 1}}), IsEmpty());
}

TEST(YoloBoxesTest, WhatIsNoNumberIsNoBox) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  EXPECT_THAT(boxes_of({{nan, 50, 20, 40, 0.9F, 0, 1},
                        {50, 50, infinite, 40, 0.9F, 0, 1},
                        {50, 50, 20, -4, 0.9F, 0, 1},
                        {50, 50, 20, 40, nan, 0, 1},
                        {50, 50, 20, 40, 0.9F, nan, nan}}),
              IsEmpty());
}

TEST(YoloBoxesTest, ReadsTheTransposedLayoutOfYoloV8) {
  // Columns are candidates: x, y, width, height, two scores.
  const std::vector<float> output{50, 20, 50, 20, 20, 10, 40, 10, 0.1F, 0.9F, 0.9F, 0.1F};
  const auto layout = yolo_layout(std::vector<int>{1, 6, 2}, 2);
  ASSERT_TRUE(layout.ok());
  EXPECT_THAT(yolo_boxes(output, *layout, kSame, 100, 100, kOptions),
              ElementsAre(Box{40, 30, 60, 70}));
}

}  // namespace
}  // namespace pollbus::pedestrian
