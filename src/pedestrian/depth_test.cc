#include "pedestrian/depth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "pedestrian/image_codec.h"
#include "pedestrian/images.h"
#include "pedestrian/tiny_onnx.h"
#include "support/temporary_folder.h"

namespace pollbus::pedestrian {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInfinite = std::numeric_limits<float>::infinity();

TEST(MedianDepthTest, IsThatOfTheValuesInTheBox) {
  // A map of 4 by 2 values for an image of 8 by 4 pixels.
  const std::vector<float> values{1, 2, 3, 4, 5, 6, 7, kInfinite};
  const DepthMap map{values, 4, 2};
  EXPECT_EQ(median_depth(map, {0, 0, 1, 1}, 8, 4), 1) << "smaller than one value";
  EXPECT_EQ(median_depth(map, {0, 0, 8, 1}, 8, 4), 2) << "of an even number the lower";
  EXPECT_EQ(median_depth(map, {0, 0, 5, 4}, 8, 4), 3);
  EXPECT_EQ(median_depth(map, {4, 2, 8, 4}, 8, 4), 7) << "what is not finite does not count";
  EXPECT_EQ(median_depth(map, {7, 3, 8, 4}, 8, 4), kInfinite);
  EXPECT_EQ(median_depth(map, {-50, -50, -40, -40}, 8, 4), 1) << "outside: the nearest value";
}

TEST(DropBeyondTest, TakesFarObjectsOutOfBothLists) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<Box> boxes{{1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}, {4, 4, 4, 4}, {5, 5, 5, 5}};
  std::vector<double> depths{4, 10.001, 10, nan, std::numeric_limits<double>::infinity()};
  drop_beyond(10, &boxes, &depths);
  EXPECT_THAT(depths, ElementsAre(4, 10));
  EXPECT_THAT(boxes, ElementsAre(Box{1, 1, 1, 1}, Box{3, 3, 3, 3}));
}

class OnnxDepthTest : public ::testing::Test {
 protected:
  std::string write(const std::string& model) {
    std::string file = folder / "depth.onnx";
    std::ofstream(file, std::ios::binary) << model;
    return file;
  }
  // A network that returns `factor` times the red channel, which ranges from 0 to 1.
  DepthConfig red_network(float factor) {
    return {
        .model_file = write(tiny_onnx::pixel_sum(8, 16, {0.229F * factor, 0, 0}, 0.485F * factor)),
        .input_width = 16,
        .input_height = 8};
  }
  // The left half of the image is 0.2 red, the right half 0.4.
  static Record record_with_image() {
    cv::Mat image(80, 160, CV_8UC3, cv::Scalar(0, 0, 51));
    image.colRange(80, 160) = cv::Scalar(255, 255, 102);
    Record record = *Record::with_timestamp("1");
    record.set("Occluding_Image_View", encode_base64(encode_png(image)));
    return record;
  }
  static absl::StatusOr<std::vector<double>> estimate(const DepthConfig& config) {
    auto estimator = make_depth_estimator(config, vehicle_side());
    if (!estimator.ok()) return estimator.status();
    const std::vector<Box> boxes{{0, 0, 60, 80}, {100, 20, 150, 60}};
    return (*estimator)->estimate(record_with_image(), boxes);
  }

  testing::TemporaryFolder folder;
};

TEST_F(OnnxDepthTest, TellsTheMedianOfWhatTheNetworkTellsInEachBox) {
  const auto depths = estimate(red_network(20));
  ASSERT_TRUE(depths.ok()) << depths.status();
  EXPECT_THAT(*depths, ElementsAre(DoubleNear(4, 1e-3), DoubleNear(8, 1e-3)));
}

TEST_F(OnnxDepthTest, ScaledAndInverted) {
  DepthConfig config = red_network(1);
  config.inverse = true;
  config.scale = 2;
  const auto depths = estimate(config);
  ASSERT_TRUE(depths.ok()) << depths.status();
  EXPECT_THAT(*depths, ElementsAre(DoubleNear(10, 1e-2), DoubleNear(5, 1e-2)));
}

TEST_F(OnnxDepthTest, AModelThatIsMissingOrUnfitIsAnErrorThatNamesIt) {
  EXPECT_THAT(std::string(estimate({.model_file = "/none.onnx"}).status().message()),
              HasSubstr("/none.onnx"));
  DepthConfig config{
      .model_file = write(tiny_onnx::constant_output(16, {1, 2, 4}, std::vector<float>(8))),
      .input_width = 16,
      .input_height = 16};
  EXPECT_TRUE(estimate(config).ok()) << "a map of 2 by 4";
  config.model_file = write(tiny_onnx::constant_output(16, {1, 2, 2, 2}, std::vector<float>(8)));
  EXPECT_THAT(std::string(estimate(config).status().message()),
              HasSubstr("its output is [1,2,2,2]"));
}

TEST_F(OnnxDepthTest, WithoutAModelItIsThePinholesTimesTheScale) {
  const auto estimator = make_depth_estimator({.scale = 0.5}, pedestrian_side());
  ASSERT_TRUE(estimator.ok());
  EXPECT_THAT((*estimator)->description(), HasSubstr("embedded default"));
  const std::vector<Box> boxes{{900, 600, 950, 1080}};
  const auto depths = (*estimator)->estimate(*Record::with_timestamp("1"), boxes);
  ASSERT_TRUE(depths.ok());
  // 2,200 px times 0.22 m between camera and head, over 60 px.
  EXPECT_THAT(*depths, ElementsAre(DoubleNear(0.5 * 2'200 * 0.22 / 60, 1e-9)));
}

}  // namespace
}  // namespace pollbus::pedestrian
