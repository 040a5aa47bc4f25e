#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pedestrian/record.h"

namespace pollbus::pedestrian {

// The largest record that is published. The bus accepts 10 MB, including the attributes
// (https://cloud.google.com/pubsub/quotas#resource_limits).
inline constexpr std::size_t kMaxRecordBytes = 9'800'000;

// Decodes the image in a field of the record: base64 of a file that decode_image() reads.
absl::StatusOr<cv::Mat> image_of(const Record& record, const char* field);

std::string encode_base64(std::string_view bytes);
bool decode_base64(std::string_view text, std::string* bytes);

// Encodes the record as the data of a message. Converts images to JPEG while it is too large;
// INVALID_ARGUMENT when it is still too large after that.
absl::StatusOr<std::string> encode_within_limit(Record record, std::size_t limit = kMaxRecordBytes);

}  // namespace pollbus::pedestrian
