// Runs the scenes of the occluded-pedestrian data set, which is not part of this repository. It is
// looked for in POLLBUS_PEDESTRIAN_DATA and in a folder beside the checkout.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "pedestrian/aerial.h"
#include "pedestrian/aerial_view.h"
#include "pedestrian/images.h"
#include "pedestrian/producer.h"
#include "pedestrian/scores.h"
#include "pedestrian/steps.h"

namespace pollbus::pedestrian {
namespace {

// Converts the depth of the embedded default to the depth on which the published perceptron of
// camera B was trained (docs/pedestrian.md).
constexpr double kVehicleDepthScale = 0.43;

std::optional<std::filesystem::path> data_folder() {
  const char* const named = std::getenv("POLLBUS_PEDESTRIAN_DATA");
  const std::filesystem::path folder = named != nullptr ? named : POLLBUS_DATA_BESIDE_CHECKOUT;
  if (std::filesystem::exists(folder / "labels.csv")) return folder;
  std::cout << "The data set is not in " << folder << ": nothing to look at.\n";
  return std::nullopt;
}

// All seven steps, with the published perceptrons.
std::vector<Step> steps_with(const std::filesystem::path& data) {
  const Side pedestrian = pedestrian_side();
  const Side vehicle = vehicle_side();
  return {detection_step(pedestrian, *make_detector({}, pedestrian)),
          depth_step(pedestrian, *make_depth_estimator({}, pedestrian)),
          location_step(pedestrian, *Perceptron::load(data / "mlp_camA.json")),
          detection_step(vehicle, *make_detector({}, vehicle)),
          depth_step(vehicle, *make_depth_estimator({.scale = kVehicleDepthScale}, vehicle)),
          location_step(vehicle, *Perceptron::load(data / "mlp_camB.json"))};
}

TEST(DatasetTest, ThePublishedPerceptronsGiveTheReferenceOfScene1) {
  const auto data = data_folder();
  if (!data) return;  // scripts/test reports that this was not run
  const auto camera_a = Perceptron::load(*data / "mlp_camA.json");
  ASSERT_TRUE(camera_a.ok()) << camera_a.status();
  const Point pedestrian = camera_a->locate({1010, 654, 1132, 1080}, 4.669038);
  EXPECT_NEAR(pedestrian.x, 4.935154, 1e-4);
  EXPECT_NEAR(pedestrian.y, 0.287802, 1e-4);
  const auto camera_b = Perceptron::load(*data / "mlp_camB.json");
  ASSERT_TRUE(camera_b.ok()) << camera_b.status();
  const Point car = camera_b->locate({1311, 541, 1919, 931}, 8.153904);
  EXPECT_NEAR(car.x, 9.999999, 1e-4);
  EXPECT_NEAR(car.y, 2.945255, 1e-4);
}

TEST(DatasetTest, TheRealImagesOfScene1FitIntoAMessageAndCanBeRead) {
  const auto data = data_folder();
  if (!data) return;
  const auto scenes = load_labels(*data / "labels.csv");
  ASSERT_TRUE(scenes.ok()) << scenes.status();
  const SceneImages images = *load_images((*scenes)[0], *data);
  ASSERT_TRUE(images.occluded && images.occluding);
  const auto message = scene_message((*scenes)[0], images);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_LE(message->data.size(), kMaxRecordBytes);
  const auto record = Record::parse(message->data);
  for (const char* field : {"Occluded_Image_View", "Occluding_Image_View"}) {
    const auto image = image_of(*record, field);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->cols, 1920);
    EXPECT_EQ(image->rows, 1080);
  }
}

TEST(DatasetTest, AllLabelledScenesAreLocatedWithinTheErrorsThatAreDocumented) {
  const auto data = data_folder();
  if (!data) return;
  const auto scenes = load_labels(*data / "labels.csv");
  ASSERT_TRUE(scenes.ok()) << scenes.status();
  ASSERT_EQ(scenes->size(), 146U);
  const auto steps = steps_with(*data);
  std::vector<View> views;
  for (const LabelledScene& labelled : *scenes) {
    auto record = Record::parse(scene_message(labelled, {})->data);
    Attributes attributes;
    for (const Step& step : steps) {
      const absl::Status status = step(*record, attributes);
      ASSERT_TRUE(status.ok()) << labelled.timestamp << ": " << status;
    }
    const auto scene = aerial_scene(*record, pedestrian_side().camera.focal_px);
    ASSERT_TRUE(scene.ok()) << scene.status();
    views.push_back({record->timestamp(), scene->car1, scene->pedestrian, std::nullopt});
  }
  const Summary summary = summarise(views, *truths_of(*scenes));
  EXPECT_EQ(summary.car1_error_m.count, 146U);
  EXPECT_EQ(summary.pedestrian_error_m.count, 146U);
  EXPECT_LT(summary.car1_error_m.median, 0.15) << summary_text(summary);
  EXPECT_LT(summary.pedestrian_error_m.median, 0.3) << summary_text(summary);
}

}  // namespace
}  // namespace pollbus::pedestrian
