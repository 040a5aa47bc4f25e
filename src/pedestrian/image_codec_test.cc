#include "pedestrian/image_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "absl/strings/escaping.h"

namespace pollbus::pedestrian {
namespace {

// PNG files in base64, with 8 bits per channel, written without libpng: one red, half transparent
// pixel; one grey pixel; a header that claims 100,000 by 100,000 pixels.
constexpr std::string_view kTransparentRed =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP4z8DQAAAEgQGA8wvcoAAAAABJRU5ErkJggg"
    "==";
constexpr std::string_view kGrey =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==";
constexpr std::string_view kHuge =
    "iVBORw0KGgoAAAANSUhEUgABhqAAAYagCAAAAACNOVQUAAAACUlEQVR42mMAAAABAAGxDbaTAAAAAElFTkSuQmCC";

// A colour gradient, which JPEG hardly changes.
cv::Mat slope() {
  cv::Mat image(48, 64, CV_8UC3);
  for (int y = 0; y < image.rows; ++y) {
    for (int x = 0; x < image.cols; ++x) {
      image.at<cv::Vec3b>(y, x) = {static_cast<unsigned char>(4 * x),
                                   static_cast<unsigned char>(5 * y), 100};
    }
  }
  return image;
}

double farthest(const cv::Mat& one, const cv::Mat& other) {
  return cv::norm(one, other, cv::NORM_INF);
}

std::string bytes_of(std::string_view base64) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(std::string(base64), &bytes));
  return bytes;
}

TEST(ImageCodecTest, APngIsReadAsItWasWritten) {
  const auto read = decode_image(encode_png(slope()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(farthest(*read, slope()), 0);
}

TEST(ImageCodecTest, APartOfAnImageIsWrittenToo) {
  const cv::Mat part = slope()(cv::Rect(10, 20, 30, 20));
  EXPECT_EQ(farthest(*decode_image(encode_png(part)), part), 0);
  EXPECT_LT(farthest(*decode_image(encode_jpeg(part, 95)), part), 24);
}

TEST(ImageCodecTest, AJpegIsReadAlmostAsItWasWritten) {
  const std::string bytes = encode_jpeg(slope(), 92);
  EXPECT_TRUE(bytes.starts_with("\xff\xd8\xff"));
  const auto read = decode_image(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_LT(farthest(*read, slope()), 24);
  EXPECT_LT(encode_jpeg(slope(), 10).size(), bytes.size());
}

TEST(ImageCodecTest, TransparencyIsLeftOutAndGreyBecomesColour) {
  const auto red = decode_image(bytes_of(kTransparentRed));
  ASSERT_TRUE(red.ok()) << red.status();
  EXPECT_EQ(red->at<cv::Vec3b>(0, 0), cv::Vec3b(0, 0, 255));
  const auto grey = decode_image(bytes_of(kGrey));
  ASSERT_TRUE(grey.ok()) << grey.status();
  EXPECT_EQ(grey->at<cv::Vec3b>(0, 0), cv::Vec3b(128, 128, 128));
}

TEST(ImageCodecTest, WhatIsNoImageOrIsCutOffIsRefused) {
  const std::string png = encode_png(slope());
  const std::string jpeg = encode_jpeg(slope(), 92);
  for (const std::string& bytes :
       {std::string(), std::string("GIF89a"), png.substr(0, 20), png.substr(0, png.size() / 2),
        jpeg.substr(0, 20), jpeg.substr(0, jpeg.size() / 2)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(decode_image(bytes).status())) << bytes.size();
  }
}

TEST(ImageCodecTest, AnImageThatClaimsToBeTooLargeIsRefusedBeforeItIsUnpacked) {
  EXPECT_TRUE(absl::IsInvalidArgument(decode_image(bytes_of(kHuge)).status()));
}

}  // namespace
}  // namespace pollbus::pedestrian
