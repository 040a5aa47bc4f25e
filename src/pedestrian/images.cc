#include "pedestrian/images.h"

#include <fmt/format.h>

#include "absl/strings/escaping.h"
#include "base/status.h"
#include "pedestrian/image_codec.h"
#include "pedestrian/side.h"

namespace pollbus::pedestrian {
namespace {

constexpr int kJpegQuality = 92;
// Checked against the header, before any pixel is decoded.
constexpr std::size_t kMaxImageBytes = 16'000'000;

absl::Status unreadable(const char* field) {
  return absl::InvalidArgumentError(fmt::format("{}: expected an image in base64", field));
}

}  // namespace

absl::StatusOr<cv::Mat> image_of(const Record& record, const char* field) {
  ASSIGN_OR_RETURN(const auto text, record.text(field));
  std::string bytes;
  if (text.empty() || text.size() > kMaxImageBytes || !decode_base64(text, &bytes))
    return unreadable(field);
  auto image = decode_image(bytes);
  if (!image.ok()) return unreadable(field);
  return image;
}

std::string encode_base64(std::string_view bytes) {
  return absl::Base64Escape({bytes.data(), bytes.size()});
}

bool decode_base64(std::string_view text, std::string* bytes) {
  return absl::Base64Unescape({text.data(), text.size()}, bytes);
}

absl::StatusOr<std::string> encode_within_limit(Record record, std::size_t limit) {
  std::string data = record.encode();
  for (const char* field : {pedestrian_side().image, vehicle_side().image}) {
    if (data.size() <= limit) break;
    if (!record.has(field)) continue;
    ASSIGN_OR_RETURN(const auto image, image_of(record, field));
    record.set(field, encode_base64(encode_jpeg(image, kJpegQuality)));
    data = record.encode();
  }
  if (data.size() <= limit) return data;
  return absl::InvalidArgumentError(fmt::format("larger than {} bytes, also as JPEG", limit));
}

}  // namespace pollbus::pedestrian
