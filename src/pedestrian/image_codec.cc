#include "pedestrian/image_codec.h"

#include <png.h>
#include <turbojpeg.h>

#include <memory>
#include <opencv2/imgproc.hpp>
#include <type_traits>

namespace pollbus::pedestrian {
namespace {

constexpr std::int64_t kMaxPixels = 50'000'000;
constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

using Jpeg = std::unique_ptr<std::remove_pointer_t<tjhandle>, decltype(&tjDestroy)>;

const unsigned char* unsigned_bytes(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

absl::Status check_size(std::int64_t width, std::int64_t height) {
  if (width > 0 && height > 0 && width <= kMaxPixels / height) return absl::OkStatus();
  return absl::InvalidArgumentError("an image of no size, or too large");
}

absl::StatusOr<cv::Mat> decode_png(std::string_view bytes) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(&png, png_image_free);
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0)
    return absl::InvalidArgumentError(png.message);
  if (absl::Status status = check_size(png.width, png.height); !status.ok()) return status;
  // The alpha channel is kept at first: without it, libpng would blend the image with a background.
  png.format = PNG_FORMAT_BGRA;
  cv::Mat whole(static_cast<int>(png.height), static_cast<int>(png.width), CV_8UC4);
  if (png_image_finish_read(&png, nullptr, whole.data, static_cast<int>(whole.step), nullptr) == 0)
    return absl::InvalidArgumentError(png.message);
  cv::Mat image;
  cv::cvtColor(whole, image, cv::COLOR_BGRA2BGR);
  return image;
}

absl::StatusOr<cv::Mat> decode_jpeg(std::string_view bytes) {
  const Jpeg jpeg(tjInitDecompress(), tjDestroy);
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(jpeg.get(), unsigned_bytes(bytes), bytes.size(), &width, &height,
                          &subsampling, &colours) != 0)
    return absl::InvalidArgumentError(tjGetErrorStr2(jpeg.get()));
  if (absl::Status status = check_size(width, height); !status.ok()) return status;
  cv::Mat image(height, width, CV_8UC3);
  if (tjDecompress2(jpeg.get(), unsigned_bytes(bytes), bytes.size(), image.data, width,
                    static_cast<int>(image.step), height, TJPF_BGR, TJFLAG_ACCURATEDCT) != 0)
    return absl::InvalidArgumentError(tjGetErrorStr2(jpeg.get()));
  return image;
}

}  // namespace

absl::StatusOr<cv::Mat> decode_image(std::string_view bytes) {
  return bytes.starts_with(kPngSignature) ? decode_png(bytes) : decode_jpeg(bytes);
}

std::string encode_png(const cv::Mat& image) {
  CV_Assert(image.type() == CV_8UC3);
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.cols);
  png.height = static_cast<png_uint_32>(image.rows);
  png.format = PNG_FORMAT_BGR;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(png), '\0');
  png_alloc_size_t size = bytes.size();
  const int is_written = png_image_write_to_memory(&png, bytes.data(), &size, 0, image.data,
                                                   static_cast<int>(image.step), nullptr);
  CV_Assert(is_written != 0);
  bytes.resize(size);
  return bytes;
}

std::string encode_jpeg(const cv::Mat& image, int quality) {
  CV_Assert(image.type() == CV_8UC3);
  const Jpeg jpeg(tjInitCompress(), tjDestroy);
  std::string bytes(tjBufSize(image.cols, image.rows, TJSAMP_420), '\0');
  auto* buffer = reinterpret_cast<unsigned char*>(bytes.data());
  auto size = static_cast<unsigned long>(bytes.size());  // NOLINT(google-runtime-int): TurboJPEG's
  const int status = tjCompress2(jpeg.get(), image.data, image.cols, static_cast<int>(image.step),
                                 image.rows, TJPF_BGR, &buffer, &size, TJSAMP_420, quality,
                                 TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT);
  CV_Assert(status == 0);
  bytes.resize(size);
  return bytes;
}

}  // namespace pollbus::pedestrian
