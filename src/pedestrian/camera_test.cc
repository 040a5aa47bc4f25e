#include "pedestrian/camera.h"

#include <gtest/gtest.h>

#include "pedestrian/aerial.h"
#include "pedestrian/labels.h"
#include "pedestrian/line_of_sight.h"
#include "pedestrian/projection.h"
#include "pedestrian/scene_generator.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {
namespace {

// A focal length of 1,000 px, 2 m above the road, 1,920 by 1,080 pixels: an object of 1 m at a
// distance of 10 m has its feet at 540 + 200 and its head at 540 + 100.
constexpr Camera kCamera{.focal_px = 1'000, .mounting_height_m = 2};

struct DepthCase {
  const char* what;
  Box box;
  double object_m;
  double depth_m;
};

TEST(PinholeDepthTest, TakesWhatIsVisible) {
  const DepthCase cases[] = {
      {"all of it", {500, 640, 550, 740}, 1, 10},
      {"nearer, all of it", {500, 740, 550, 940}, 1, 5},
      {"feet below the image: the head tells", {500, 873, 550, 1080}, 1, 1'000.0 / 333},
      {"feet hidden by a kerb: the head tells, not the height", {500, 640, 550, 700}, 1, 10},
      {"head above the image: the feet tell", {500, 0, 550, 1040}, 3, 4},
      {"a head at the horizon tells nothing", {500, 541, 550, 740}, 1.99, 10},
      {"higher than the camera", {500, 440, 550, 740}, 3, 10},
      {"cut off at both ends: as high as what is visible", {500, 0, 550, 1080}, 2, 2'000.0 / 1080},
      {"cut off below, the head above the horizon", {500, 500, 550, 1080}, 2.1, 2'100.0 / 580},
  };
  for (const auto& test : cases)
    EXPECT_NEAR(pinhole_depth(test.box, kCamera, test.object_m), test.depth_m, 1e-9) << test.what;
}

TEST(PinholeDepthTest, IsPositiveAndFiniteForAnyBox) {
  for (const Box& box : {Box{0, 0, 0, 0}, Box{5, 540, 5, 540}, Box{0, 1080, 0, 1080},
                         Box{-1e9, -1e9, 1e9, 1e9}, Box{0, 200, 0, 200}}) {
    const double depth = pinhole_depth(box, kCamera, 1);
    EXPECT_GT(depth, 0);
    EXPECT_LT(depth, 1e5);
  }
}

TEST(ProjectionTest, APointComesWhereThePinholePutsIt) {
  const Point3 point{10, 1, 1};
  const auto outline = project(std::vector<Point3>{point, {10, 2, 1}, {10, 2, 2}}, kCamera);
  ASSERT_EQ(outline.size(), 3U);
  EXPECT_DOUBLE_EQ(outline[0].x, 960 + 100);
  EXPECT_DOUBLE_EQ(outline[0].y, 540 + 100);
}

TEST(ProjectionTest, WhatIsBehindIsNotSeen) {
  EXPECT_TRUE(project(std::vector<Point3>{{-1, 0, 0}, {-1, 1, 0}, {-2, 1, 0}}, kCamera).empty());
}

TEST(ProjectionTest, ABoxIsCutOffAtTheImagesEdge) {
  const auto whole = visible_box(cuboid({10, 0}, {0, 2}, 0, 1), kCamera);
  ASSERT_TRUE(whole);
  EXPECT_EQ(*whole, (Box{860, 640, 1060, 740}));
  const auto cut = visible_box(cuboid({2, 2}, {0, 2}, 0, 1), kCamera);
  ASSERT_TRUE(cut);
  EXPECT_EQ(*cut, (Box{1460, 1040, 1920, 1080}));
  EXPECT_FALSE(visible_box(cuboid({2, 9}, {0, 2}, 0, 1), kCamera));
}

TEST(SceneGeneratorTest, ThePedestrianIsHiddenFromTheEgoVehicleAndSeenByTheOther) {
  SceneGenerator generator(3);
  for (int i = 0; i < 200; ++i) {
    const LabelledScene scene = generator.next();
    EXPECT_TRUE(blocked_at(scene.car2, scene.pedestrian, scene.car1, scene.car1_size));
    EXPECT_GT(scene.pedestrian_box.height(), 100);
    EXPECT_GT(scene.car_box.width(), 100);
    EXPECT_GT(aerial_pixel(scene.pedestrian).y, 20) << "beyond the aerial view";
    const Point way = scene.pedestrian - scene.car1;
    const Side side = pedestrian_side();
    EXPECT_NEAR(pinhole_depth(scene.pedestrian_box, side.camera, side.object_height_m), way.x, 0.6);
  }
}

TEST(SceneGeneratorTest, TheSameSeedDrawsTheSameScenes) {
  SceneGenerator one(5);
  SceneGenerator same(5);
  SceneGenerator other(6);
  const LabelledScene scene = one.next();
  EXPECT_EQ(encode_labels(std::vector{scene}), encode_labels(std::vector{same.next()}));
  EXPECT_NE(scene.timestamp, other.next().timestamp);
}

TEST(IsHiddenTest, OnlyWhatLiesBeyondTheCarIs) {
  constexpr Dimensions kCar{4, 2};
  EXPECT_TRUE(blocked_at({0, 0}, {20, 0}, {10, 0}, kCar));
  EXPECT_FALSE(blocked_at({0, 0}, {20, 5}, {10, 0}, kCar));
  EXPECT_FALSE(blocked_at({0, 0}, {7, 0}, {10, 0}, kCar)) << "before it";
  EXPECT_FALSE(blocked_at({0, 0}, {10, 0}, {10, 0}, kCar)) << "in it";
  EXPECT_FALSE(blocked_at({0, 1.5}, {20, 1.5}, {10, 0}, kCar)) << "beside it";
}

}  // namespace
}  // namespace pollbus::pedestrian
