#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pedestrian/record.h"

namespace pollbus::pedestrian {

// What a record may take on the bus, whose own limit is 10 MB with attributes and all
// (https://cloud.google.com/pubsub/quotas#resource_limits).
inline constexpr std::size_t kMaxRecordBytes = 9'800'000;

// A colour image of a record's field: base64 of what decode_image() reads.
absl::StatusOr<cv::Mat> image_of(const Record& record, const char* field);

std::string encode_base64(std::string_view bytes);
bool decode_base64(std::string_view text, std::string* bytes);

// The record as a message's data. Images that make it too large become JPEG; INVALID_ARGUMENT when
// that does not do.
absl::StatusOr<std::string> encode_within_limit(Record record, std::size_t limit = kMaxRecordBytes);

}  // namespace pollbus::pedestrian
