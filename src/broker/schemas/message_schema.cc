#include "broker/schemas/message_schema.h"

#include <fmt/format.h>

#include "broker/schemas/avro_schema.h"
#include "broker/schemas/protobuf_schema.h"

namespace pollbus::broker {

absl::StatusOr<std::shared_ptr<const MessageSchema>> MessageSchema::compile(
    google::pubsub::v1::Schema::Type type, const std::string& definition) {
  if (definition.size() > kMaxDefinitionBytes) {
    return absl::InvalidArgumentError(fmt::format(
        "The schema definition is too large: it may have {} bytes.", kMaxDefinitionBytes));
  }
  switch (type) {
    case google::pubsub::v1::Schema::AVRO:
      return AvroSchema::parse(definition);
    case google::pubsub::v1::Schema::PROTOCOL_BUFFER:
      return ProtobufSchema::parse(definition);
    default:
      return absl::InvalidArgumentError("Invalid schema type.");
  }
}

}  // namespace pollbus::broker
