#pragma once

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "broker/core/ack_id.h"

namespace pollbus::broker {

// Ids that no broker of ours has given out are left out: like stale ones they are no error.
inline std::vector<AckId> parse_ack_ids(
    const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<AckId> ids;
  ids.reserve(static_cast<std::size_t>(texts.size()));
  for (const std::string& text : texts) {
    if (const auto id = AckId::parse(text)) ids.push_back(*id);
  }
  return ids;
}

}  // namespace pollbus::broker
