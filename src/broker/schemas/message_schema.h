#pragma once

#include <google/pubsub/v1/schema.pb.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus::broker {

// The limit of https://cloud.google.com/pubsub/quotas#resource_limits.
constexpr std::size_t kMaxDefinitionBytes = 300'000;
// How deeply definitions and messages may be nested.
constexpr int kMaxSchemaDepth = 100;

// A schema that messages can be checked against. Immutable, so safe to use from any thread.
// Checking takes time in proportion to the message, and bounded memory.
class MessageSchema {
 public:
  virtual ~MessageSchema() = default;

  // INVALID_ARGUMENT, with the reason, when `data` is no message of this schema. `encoding` is JSON
  // or BINARY.
  virtual absl::Status check(std::string_view data,
                             google::pubsub::v1::Encoding encoding) const = 0;

  // INVALID_ARGUMENT, with the reason, when the definition is not valid.
  static absl::StatusOr<std::shared_ptr<const MessageSchema>> compile(
      google::pubsub::v1::Schema::Type type, const std::string& definition);
};

}  // namespace pollbus::broker
