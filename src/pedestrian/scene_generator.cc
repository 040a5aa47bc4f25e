#include "pedestrian/scene_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pedestrian/line_of_sight.h"
#include "pedestrian/projection.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {
namespace {

constexpr std::uint64_t kFirstTimestamp = 1'700'000'000;
constexpr std::uint64_t kTimestampsOfASeed = 100'000;
constexpr std::uint64_t kMaxSeeds = 1'000'000;
// Just inside the upper edge of the aerial view.
constexpr double kPictureEndM = -45.5;
// Objects start at the level of the road.
constexpr double kRoadM = 0;

Box in_whole_pixels(const Box& box) {
  return {std::round(box.x1), std::round(box.y1), std::round(box.x2), std::round(box.y2)};
}

Box seen_by(const Camera& camera, Point way, Dimensions size, double height_m) {
  const auto box = visible_box(cuboid(way, size, kRoadM, height_m), camera);
  return box ? in_whole_pixels(*box) : Box();
}

}  // namespace

SceneGenerator::SceneGenerator(std::uint64_t seed)
    : random_(seed), next_timestamp_(kFirstTimestamp + seed % kMaxSeeds * kTimestampsOfASeed) {}

// std::uniform_real_distribution gives different numbers with different standard libraries.
double SceneGenerator::between(double least, double most) {
  constexpr double kUnit = 1.0 / static_cast<double>(std::uint64_t{1} << 53);
  return least + (most - least) * static_cast<double>(random_() >> 11) * kUnit;
}

LabelledScene SceneGenerator::next() {
  LabelledScene scene{.car1_size = kCarSize, .car2_size = kCarSize};
  do {
    scene.car2 = {between(-63, -61), 140 + between(-0.2, 0.2)};
    scene.car1 = scene.car2 + Point{between(7, 12), between(2.9, 3.1)};
    scene.pedestrian = scene.car1 + Point{between(3.3, 8), between(-1.2, 1.2)};
  } while (scene.pedestrian.x > kPictureEndM ||
           !blocked_at(scene.car2, scene.pedestrian, scene.car1, scene.car1_size));
  scene.pedestrian_box = seen_by(pedestrian_side().camera, scene.pedestrian - scene.car1,
                                 kPedestrianSize, kPedestrianHeightM);
  scene.car_box =
      seen_by(vehicle_side().camera, scene.car1 - scene.car2, scene.car1_size, kCarHeightM);
  scene.timestamp = std::to_string(next_timestamp_);
  scene.occluded_image = fmt::format("A_{}.png", scene.timestamp);
  scene.occluding_image = fmt::format("B_{}.png", scene.timestamp);
  ++next_timestamp_;
  return scene;
}

}  // namespace pollbus::pedestrian
