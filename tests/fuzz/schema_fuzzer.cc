#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "broker/schemas/message_schema.h"
#include "require.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using testing::require;

// A schema of this type is either refused with a reason, or says of each message whether it fits.
void check(api::Schema::Type type, const std::string& definition, std::string_view message) {
  const auto schema = MessageSchema::compile(type, definition);
  if (!schema.ok()) {
    require(absl::IsInvalidArgument(schema.status()), "a bad definition is an invalid argument");
    require(!schema.status().message().empty(), "a refusal has a reason");
    return;
  }
  for (const api::Encoding encoding : {api::JSON, api::BINARY}) {
    const absl::Status status = (*schema)->check(message, encoding);
    require(status.ok() || absl::IsInvalidArgument(status), "a bad message is an invalid argument");
    require(status.ok() == status.message().empty(), "a refusal has a reason");
    require((*schema)->check(message, encoding) == status, "a schema always says the same");
  }
}

// An input is a definition, NUL, and a message.
void check(std::string_view input) {
  const std::string definition(input.substr(0, input.find('\0')));
  input.remove_prefix(std::min(definition.size() + 1, input.size()));
  check(api::Schema::AVRO, definition, input);
  check(api::Schema::PROTOCOL_BUFFER, definition, input);
}

}  // namespace
}  // namespace pollbus::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollbus::broker::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
