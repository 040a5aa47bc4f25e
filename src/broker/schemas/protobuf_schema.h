#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "broker/schemas/message_schema.h"

namespace pollbus::broker {

// A definition in the language of protocol buffers. It must have one message at the top level, and
// may not import others (https://cloud.google.com/pubsub/docs/schemas). In the binary encoding,
// fields that the definition does not have are allowed, as everywhere in protocol buffers; in JSON
// they are not.
class ProtobufSchema final : public MessageSchema {
 public:
  static absl::StatusOr<std::shared_ptr<const MessageSchema>> parse(const std::string& definition);
  ~ProtobufSchema() override;

  absl::Status check(std::string_view data, google::pubsub::v1::Encoding encoding) const override;

 private:
  struct Parts;
  explicit ProtobufSchema(std::unique_ptr<Parts> parts);
  absl::Status check_binary(std::string_view data) const;

  std::unique_ptr<Parts> parts_;
};

}  // namespace pollbus::broker
