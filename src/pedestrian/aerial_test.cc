#include "pedestrian/aerial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "pedestrian/aerial_view.h"

namespace pollbus::pedestrian {
namespace {

using ::testing::HasSubstr;

std::string record_text(const std::string& vehicles, const std::string& pedestrians) {
  return R"({"Timestamp":1,"Car2_Location":[-61,140],"Car1_dimensions":[5,2],"Car2_dimensions":[4,2],)" +
         vehicles + "," + pedestrians + "}";
}
constexpr char kVehicle[] =
    R"("vehicles":[[1311,541,1919,931]],"vehicles_longitudinal":[9.5],"vehicles_lateral":[3])";
constexpr char kPedestrian[] =
    R"("Pedestrians":[[1010,654,1120,1080]],"Pedestrians_longitudinal":[4],"Pedestrians_lateral":[0.5])";
constexpr char kNoVehicle[] = R"("vehicles":[],"vehicles_longitudinal":[],"vehicles_lateral":[])";
constexpr char kNoPedestrian[] =
    R"("Pedestrians":[],"Pedestrians_longitudinal":[],"Pedestrians_lateral":[])";

absl::StatusOr<AerialScene> scene_of(const std::string& vehicles, const std::string& pedestrians) {
  const auto record = Record::parse(record_text(vehicles, pedestrians));
  EXPECT_TRUE(record.ok()) << record.status();
  return aerial_scene(*record, 2'200);
}

TEST(AerialGeometryTest, PixelsAreAsByHand) {
  // 28.682 * 140 - 3659.026 = 356.454; 28.682 * 61 - 1278.32 = 471.282
  const Pixel pixel = aerial_pixel({-61, 140});
  EXPECT_NEAR(pixel.x, 356.454, 1e-9);
  EXPECT_NEAR(pixel.y, 471.282, 1e-9);
  EXPECT_NEAR(aerial_pixel({-60, 141}).x, 385.136, 1e-9) << "28.682 pixels to the right";
  EXPECT_NEAR(aerial_pixel({-60, 141}).y, 442.600, 1e-9) << "28.682 pixels up";
}

TEST(AerialGeometryTest, ARectangleLiesAroundItsPlaceAndTheCarLooksUp) {
  // 4 m long: 57.364 pixels up and down; 2 m wide: 28.682 to each side.
  EXPECT_EQ(aerial_rectangle({-61, 140}, {4, 2}), (PixelRectangle{328, 414, 385, 529}));
  EXPECT_EQ(aerial_rectangle({-61, 140}, {0, 0}), (PixelRectangle{356, 471, 356, 471}));
  const auto far = aerial_rectangle({1e300, -1e300}, {4, 2});
  EXPECT_EQ(far.left, -1'000'000);
  EXPECT_EQ(far.top, -1'000'000);
}

TEST(AerialSceneTest, PlacesAddUp) {
  const auto scene = scene_of(kVehicle, kPedestrian);
  ASSERT_TRUE(scene.ok()) << scene.status();
  EXPECT_EQ(scene->car2, (Point{-61, 140}));
  EXPECT_EQ(scene->car1, (Point{-51.5, 143}));
  EXPECT_EQ(scene->pedestrian, (Point{-47.5, 143.5}));
  EXPECT_DOUBLE_EQ(scene->pedestrian_width_m, 0.2) << "110 px at 4 m, of 2,200";
  EXPECT_EQ(scene->car1_size, (Dimensions{5, 2}));
}

TEST(AerialSceneTest, WhatIsNotFoundIsNotShown) {
  EXPECT_EQ(scene_of(kVehicle, kNoPedestrian)->pedestrian, std::nullopt);
  EXPECT_TRUE(scene_of(kVehicle, kNoPedestrian)->car1);
  const auto lost = scene_of(kNoVehicle, kPedestrian);
  EXPECT_EQ(lost->car1, std::nullopt);
  EXPECT_EQ(lost->pedestrian, std::nullopt) << "seen from a car of which nobody knows where it is";
}

TEST(AerialSceneTest, OfSeveralTheNearestCounts) {
  const auto scene = scene_of(
      R"("vehicles":[[0,0,1,1],[0,0,2,2]],"vehicles_longitudinal":[9,6],"vehicles_lateral":[0,1])",
      R"("Pedestrians":[[0,0,110,1],[0,0,3,3]],"Pedestrians_longitudinal":[4,4],"Pedestrians_lateral":[0.5,-2])");
  ASSERT_TRUE(scene.ok()) << scene.status();
  EXPECT_EQ(scene->car1, (Point{-55, 141}));
  EXPECT_EQ(scene->pedestrian, (Point{-51, 141.5}));
  EXPECT_DOUBLE_EQ(scene->pedestrian_width_m, 0.2);
}

TEST(AerialSceneTest, ListsOfDifferentLengthsMakeABadRecord) {
  const auto scene =
      scene_of(R"("vehicles":[[0,0,1,1]],"vehicles_longitudinal":[9,6],"vehicles_lateral":[0])",
               kPedestrian);
  EXPECT_THAT(std::string(scene.status().message()), HasSubstr("vehicles_longitudinal"));
}

cv::Vec3b colour_at(const cv::Mat& picture, Point place) {
  const Pixel pixel = aerial_pixel(place);
  return picture.at<cv::Vec3b>(static_cast<int>(pixel.y), static_cast<int>(pixel.x));
}

TEST(AerialViewTest, ShowsCar2BlueCar1CyanAndThePedestrianMagenta) {
  const auto background = aerial_background("");
  ASSERT_TRUE(background.ok());
  const cv::Mat view = draw_aerial_view(*background, *scene_of(kVehicle, kPedestrian));
  EXPECT_EQ(view.cols, 800);
  EXPECT_EQ(view.rows, 600);
  EXPECT_EQ(colour_at(view, {-61, 140}), cv::Vec3b(255, 0, 0));
  EXPECT_EQ(colour_at(view, {-59.1, 140.9}), cv::Vec3b(255, 0, 0)) << "its front, right";
  EXPECT_EQ(colour_at(view, {-51.5, 143}), cv::Vec3b(255, 255, 0));
  EXPECT_EQ(colour_at(view, {-47.5, 143.5}), cv::Vec3b(255, 0, 255));
  EXPECT_EQ(colour_at(view, {-58, 140}), colour_at(*background, {-58, 140})) << "before car 2";
}

TEST(AerialViewTest, ABackgroundThatIsNoPictureIsAnErrorThatNamesIt) {
  EXPECT_THAT(std::string(aerial_background("/none.png").status().message()),
              HasSubstr("/none.png"));
}

}  // namespace
}  // namespace pollbus::pedestrian
