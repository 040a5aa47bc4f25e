#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/rest/path_template.h"

namespace pollbus::broker {

// A call of gRPC: what a request of REST stands for.
struct RestCall {
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string request;  // serialized
};

// Translates between REST with JSON and calls of gRPC, as the google.api.http annotations of the
// services say and by protobuf's JSON mapping. Methods without an annotation, such as
// StreamingPull, have no REST form. Immutable, so safe to use from any thread.
class Transcoder {
 public:
  // Serves the methods of these services, which must be linked into the program.
  explicit Transcoder(const std::vector<std::string>& services);

  // `target` is the path and query of the request's URL. NOT_FOUND when no method has this path;
  // INVALID_ARGUMENT when the request does not fit the method.
  absl::StatusOr<RestCall> request(std::string_view method, std::string_view target,
                                   std::string_view body) const;

  // The JSON of a serialized response.
  static absl::StatusOr<std::string> response(const google::protobuf::MethodDescriptor& method,
                                              const std::string& serialized);

 private:
  struct Route {
    std::string http_method;
    PathTemplate path;
    std::string body;  // the field that the body is; "*": the whole request; empty: none
    const google::protobuf::MethodDescriptor* method = nullptr;
  };

  void add(const google::protobuf::MethodDescriptor* method);
  void add(std::string_view http_method, std::string_view path, std::string_view body,
           const google::protobuf::MethodDescriptor* method);

  std::vector<Route> routes_;
};

// The body of an answer that reports an error, as the service has it. `details` is a serialized
// google.rpc.Status, or empty.
std::string error_body(absl::StatusCode code, std::string_view message, const std::string& details);

// The HTTP status of a code of gRPC; see google/rpc/code.proto.
int http_status_of(absl::StatusCode code);

}  // namespace pollbus::broker
