#include "pedestrian/detector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "pedestrian/image_codec.h"
#include "pedestrian/images.h"
#include "pedestrian/tiny_onnx.h"
#include "support/temporary_folder.h"

namespace pollbus::pedestrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DetectorTest : public ::testing::Test {
 protected:
  std::string write(const std::string& model) {
    std::string file = folder / "model.onnx";
    std::ofstream(file, std::ios::binary) << model;
    return file;
  }
  // A network with two classes and this output for a square of 64 pixels; class 1 is wanted.
  absl::StatusOr<std::unique_ptr<Detector>> network(const std::vector<int>& shape,
                                                    const std::vector<float>& output) {
    DetectorConfig config{.model_file = write(tiny_onnx::constant_output(64, shape, output)),
                          .input_size = 64,
                          .class_ids = {"1"}};
    config.yolo.classes = 2;
    return make_detector(config, pedestrian_side());
  }
  // An image of 128 by 64 pixels is scaled by one half and placed 16 pixels from the top.
  static Record record_with_image() {
    Record record = *Record::with_timestamp("1");
    record.set("Occluded_Image_View",
               encode_base64(encode_png(cv::Mat(64, 128, CV_8UC3, cv::Scalar(1, 2, 3)))));
    return record;
  }

  testing::TemporaryFolder folder;
};

TEST_F(DetectorTest, ANetworkOfYoloV5sLayoutFindsBoxesOfTheImage) {
  const auto detector = network({1, 2, 7}, {32, 32, 16, 8, 1, 0, 0.9F, 10, 10, 4, 4, 0.1F, 0, 1});
  ASSERT_TRUE(detector.ok()) << detector.status();
  const auto boxes = (*detector)->detect(record_with_image());
  ASSERT_TRUE(boxes.ok()) << boxes.status();
  EXPECT_THAT(*boxes, ElementsAre(Box{48, 24, 80, 40}));
}

TEST_F(DetectorTest, ANetworkOfYoloV8sLayoutFindsTheSame) {
  const auto detector = network({1, 6, 3}, {32, 10, 11, 32, 10, 11, 16, 4, 4, 8, 4, 4,  //
                                            0, 0, 0.9F, 0.9F, 0.1F, 0.1F});
  ASSERT_TRUE(detector.ok()) << detector.status();
  const auto boxes = (*detector)->detect(record_with_image());
  ASSERT_TRUE(boxes.ok()) << boxes.status();
  EXPECT_THAT(*boxes, ElementsAre(Box{48, 24, 80, 40}));
}

TEST_F(DetectorTest, ARecordWithoutAnImageOrWithABrokenOneIsABadOne) {
  const auto detector = network({1, 1, 7}, {32, 32, 16, 8, 1, 0, 1});
  ASSERT_TRUE(detector.ok()) << detector.status();
  Record record = *Record::with_timestamp("1");
  EXPECT_THAT(std::string((*detector)->detect(record).status().message()),
              HasSubstr("Occluded_Image_View"));
  for (const char* broken : {"", "no base64!", "AAAA"}) {
    record.set("Occluded_Image_View", std::string(broken));
    EXPECT_TRUE(absl::IsInvalidArgument((*detector)->detect(record).status())) << broken;
  }
}

TEST_F(DetectorTest, AModelThatIsMissingOrUnfitIsAnErrorThatNamesIt) {
  EXPECT_THAT(
      std::string(
          make_detector({.model_file = "/none.onnx"}, pedestrian_side()).status().message()),
      HasSubstr("/none.onnx"));
  const std::string text = write("this is no ONNX");
  EXPECT_THAT(
      std::string(make_detector({.model_file = text}, pedestrian_side()).status().message()),
      HasSubstr(text));
  const auto other = network({1, 1, 9}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("its output is [1,1,9]"));
  DetectorConfig config{
      .model_file = write(tiny_onnx::constant_output(64, {1, 1, 7}, std::vector<float>(7)))};
  EXPECT_THAT(std::string(make_detector(config, pedestrian_side()).status().message()),
              HasSubstr("[1,N,85]"))
      << "a model of 2 classes where 80 are expected";
}

TEST_F(DetectorTest, WithoutAModelTheBoxesOfTheLabelsAreTaken) {
  const auto detector = make_detector({}, vehicle_side());
  ASSERT_TRUE(detector.ok());
  EXPECT_THAT((*detector)->description(), HasSubstr("embedded default"));
  Record record = *Record::with_timestamp("1");
  EXPECT_THAT(*(*detector)->detect(record), IsEmpty());
  record.set("vehicles_labels", std::vector<Box>{{1, 2, 3, 4}});
  EXPECT_THAT(*(*detector)->detect(record), ElementsAre(Box{1, 2, 3, 4}));
}

}  // namespace
}  // namespace pollbus::pedestrian
