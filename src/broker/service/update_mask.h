#pragma once

#include <fmt/format.h>
#include <google/protobuf/util/field_mask_util.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pollbus::broker {

// INVALID_ARGUMENT unless the mask names at least one field, and only fields that may be changed.
// `request` is the name of the request's type, for the error text.
template <typename Resource>
absl::Status check_mask(const google::protobuf::FieldMask& mask, std::string_view request,
                        std::span<const char* const> mutable_fields) {
  if (mask.paths().empty()) {
    return absl::InvalidArgumentError(fmt::format(
        "The update_mask in the {} must be set, and must contain a non-empty paths list.",
        request));
  }
  const std::string& resource = Resource::descriptor()->name();
  for (const std::string& path : mask.paths()) {
    if (!google::protobuf::util::FieldMaskUtil::IsValidPath<Resource>(path)) {
      return absl::InvalidArgumentError(fmt::format(
          "Invalid update_mask provided in the {}: '{}' is not a known {} field. Note that field "
          "paths must be of the form 'push_config' rather than 'pushConfig'.",
          request, path, resource));
    }
    const std::string field = path.substr(0, path.find('.'));
    if (std::ranges::find(mutable_fields, field) == mutable_fields.end()) {
      return absl::InvalidArgumentError(fmt::format(
          "Invalid update_mask provided in the {}: the '{}' field in the {} is not mutable.",
          request, field, resource));
    }
  }
  return absl::OkStatus();
}

// Replaces the fields of `current` that the mask names by those of `update`. Fields that are not
// set there are cleared.
template <typename Resource>
void merge(const Resource& update, const google::protobuf::FieldMask& mask, Resource* current) {
  google::protobuf::util::FieldMaskUtil::MergeOptions options;
  options.set_replace_message_fields(true);
  options.set_replace_repeated_fields(true);
  for (const std::string& path : mask.paths()) {
    if (path.find('.') != std::string::npos) continue;
    const auto* field = Resource::descriptor()->FindFieldByName(path);
    current->GetReflection()->ClearField(current, field);
  }
  google::protobuf::util::FieldMaskUtil::MergeMessageTo(update, mask, options, current);
}

}  // namespace pollbus::broker
