#include "pedestrian/presenter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <opencv2/core.hpp>

#include "pedestrian/aerial.h"
#include "pedestrian/aerial_view.h"
#include "pedestrian/image_codec.h"
#include "pedestrian/scene_generator.h"
#include "pedestrian/scene_renderer.h"
#include "support/temporary_folder.h"

namespace pollbus::pedestrian {
namespace {

class PresenterTest : public ::testing::Test {
 protected:
  Presenter presenter(const std::string& images = "") const {
    return *Presenter::make({scene}, images);
  }
  // The result of a pipeline that makes no errors.
  View view() const {
    return {.timestamp = scene.timestamp,
            .car1 = scene.car1,
            .pedestrian = scene.pedestrian,
            .car1_box = scene.car_box,
            .pedestrian_box = scene.pedestrian_box};
  }
  std::string picture() const {
    return encode_png(
        draw_aerial_view(*aerial_background(""), {.timestamp = scene.timestamp,
                                                  .car2 = scene.car2,
                                                  .car2_size = scene.car2_size,
                                                  .car1 = scene.car1,
                                                  .car1_box = scene.car_box,
                                                  .car1_size = scene.car1_size,
                                                  .pedestrian = scene.pedestrian,
                                                  .pedestrian_box = scene.pedestrian_box,
                                                  .pedestrian_width_m = 0.4}));
  }
  void write_frames() const {
    std::ofstream(folder / scene.occluded_image) << encode_png(render_occluded_view(scene));
    std::ofstream(folder / scene.occluding_image) << encode_png(render_occluding_view(scene));
  }

  const LabelledScene scene = SceneGenerator(7).next();
  testing::TemporaryFolder folder;
};

TEST_F(PresenterTest, AViewWithoutALabelStaysAsItCame) {
  const auto pictures = presenter().present({.timestamp = "unlabelled"}, "any bytes");
  ASSERT_TRUE(pictures.ok()) << pictures.status();
  EXPECT_EQ(pictures->view, "any bytes");
  EXPECT_EQ(pictures->sheet, std::nullopt);
}

TEST_F(PresenterTest, TheTruePlaceIsDrawnAroundTheFoundOneAndLeavesItsColour) {
  const auto pictures = presenter().present(view(), picture());
  ASSERT_TRUE(pictures.ok()) << pictures.status();
  EXPECT_NE(pictures->view, picture());
  EXPECT_EQ(pictures->sheet, std::nullopt) << "no folder of frames was given";
  const cv::Mat drawn = *decode_image(pictures->view);
  const Pixel car1 = aerial_pixel(scene.car1);
  EXPECT_EQ(drawn.at<cv::Vec3b>(static_cast<int>(car1.y), static_cast<int>(car1.x)),
            cv::Vec3b(255, 255, 0));
}

TEST_F(PresenterTest, TheSheetShowsBothFramesWithTheirBoxesBesideTheView) {
  write_frames();
  const auto pictures = presenter(folder.path()).present(view(), picture());
  ASSERT_TRUE(pictures.ok()) << pictures.status();
  const cv::Mat sheet = *decode_image(*pictures->sheet);
  EXPECT_GE(sheet.cols, 640 + 800);
  // The upper left corner of the box of car 1; the sheet shows frames at a third of their size.
  const cv::Point corner(16 + cvRound(scene.car_box.x1 / 3), 36 + cvRound(scene.car_box.y1 / 3));
  EXPECT_EQ(sheet.at<cv::Vec3b>(corner), cv::Vec3b(255, 255, 0));
}

TEST_F(PresenterTest, AFrameThatIsMissingIsSaidOnTheSheet) {
  const auto without = presenter(folder.path()).present(view(), picture());
  ASSERT_TRUE(without.ok()) << without.status();
  write_frames();
  const auto with = presenter(folder.path()).present(view(), picture());
  EXPECT_NE(*without->sheet, *with->sheet);
  EXPECT_EQ(decode_image(*without->sheet)->size(), decode_image(*with->sheet)->size());
}

TEST_F(PresenterTest, APictureThatCannotBeReadIsAnError) {
  EXPECT_TRUE(absl::IsInvalidArgument(presenter().present(view(), "no picture").status()));
}

}  // namespace
}  // namespace pollbus::pedestrian
