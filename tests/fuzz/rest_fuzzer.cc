#include <google/protobuf/message.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "broker/rest/transcoder.h"
#include "require.h"

namespace pollbus::broker {
namespace {

using testing::require;

// Takes the text before the separator, and the separator, away from the input.
std::string_view take(char separator, std::string_view* input) {
  const std::string_view taken = input->substr(0, input->find(separator));
  input->remove_prefix(std::min(taken.size() + 1, input->size()));
  return taken;
}

bool can_be_parsed(const RestCall& call) {
  const auto* const prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(
      call.method->input_type());
  return std::unique_ptr<google::protobuf::Message>(prototype->New())
      ->ParseFromString(call.request);
}

// An input is an HTTP request: method, space, path, line break, body. The transcoder must turn it
// into a gRPC request, or refuse it with an error that can be written as JSON.
void check(std::string_view input) {
  static const Transcoder transcoder({"google.pubsub.v1.Publisher", "google.pubsub.v1.Subscriber",
                                      "google.pubsub.v1.SchemaService", "google.iam.v1.IAMPolicy"});
  const std::string_view method = take(' ', &input);
  const std::string_view target = take('\n', &input);
  const auto call = transcoder.request(method, target, input);
  if (call.ok()) return require(can_be_parsed(*call), "a request can be parsed by its service");
  const absl::Status& status = call.status();
  require(absl::IsNotFound(status) || absl::IsInvalidArgument(status),
          "a request is unknown or an invalid argument");
  const std::string_view reason(status.message().data(), status.message().size());
  require(!reason.empty(), "a refusal has a reason");
  require(nlohmann::json::accept(error_body(status.code(), reason, /*details=*/"")),
          "a refusal is valid JSON");
}

}  // namespace
}  // namespace pollbus::broker

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pollbus::broker::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
