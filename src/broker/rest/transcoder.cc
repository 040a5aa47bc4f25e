#include "broker/rest/transcoder.h"

#include <fmt/format.h>
#include <google/api/annotations.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "base/text.h"
#include "broker/core/utf8.h"

namespace pollbus::broker {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;

// Parameters of every Google API (https://cloud.google.com/apis/docs/system-parameters), which
// change nothing here.
constexpr std::array<std::string_view, 17> kSystemParameters{
    "$alt",      "alt",    "$.xgafv",      "access_token",
    "callback",  "fields", "key",          "oauth_token",
    "$fields",   "$key",   "$prettyPrint", "prettyPrint",
    "quotaUser", "userIp", "$userProject", "upload_protocol",
    "uploadType"};
// The service serves this method with GET, unlike what its definition says.
constexpr std::string_view kGetIamPolicy = "google.iam.v1.IAMPolicy.GetIamPolicy";
constexpr std::string_view kGetIamPolicyPath = "/v1/{resource=**}:getIamPolicy";

// Values in a body. Each takes up to 100 bytes of memory, however short its text is; a request of
// the official clients has some thousand.
constexpr std::ptrdiff_t kMaxJsonValues = 500'000;

std::unique_ptr<Message> new_message(const Descriptor* type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

const FieldDescriptor* find_field(const Descriptor* type, std::string_view name) {
  const std::string text(name);
  const FieldDescriptor* const field = type->FindFieldByName(text);
  return field != nullptr ? field : type->FindFieldByCamelcaseName(text);
}

absl::Status parse_json(std::string_view json, Message* message) {
  // Each value follows one of these, which may also be part of a text.
  const auto values =
      std::ranges::count_if(json, [](char c) { return c == ',' || c == '{' || c == '['; });
  if (values > kMaxJsonValues) {
    return absl::InvalidArgumentError("Invalid JSON payload received. It has too many values.");
  }
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("Invalid JSON payload received. {}", status.message().ToString()));
}

absl::Status wrong_value(const FieldDescriptor& field, const std::string& value) {
  return absl::InvalidArgumentError(
      fmt::format("Invalid value for {}: \"{}\".", field.json_name(), value));
}

// Sets a field from JSON, by which protobuf converts text to every type.
absl::Status set_from_json(const std::string& value, const FieldDescriptor& field,
                           Message* message) {
  const std::string quoted = to_json_string(value);
  const bool is_boolean = field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL;
  if (is_boolean && value != "true" && value != "false") return wrong_value(field, value);
  const std::string element = is_boolean ? value : quoted;
  const std::string json = fmt::format("{{\"{}\":{}}}", field.json_name(),
                                       field.is_repeated() ? "[" + element + "]" : element);
  const std::unique_ptr<Message> alone(message->New());
  if (!parse_json(json, alone.get()).ok()) return wrong_value(field, value);
  message->MergeFrom(*alone);
  return absl::OkStatus();
}

// Sets the field at `path`, like "topic.name" or "pageSize". NOT_FOUND when there is none.
absl::Status set_field(std::string_view path, const std::string& value, Message* message) {
  const std::size_t dot = path.find('.');
  const FieldDescriptor* const field = find_field(message->GetDescriptor(), path.substr(0, dot));
  if (field == nullptr || field->is_map()) return absl::NotFoundError("");
  const Reflection& reflection = *message->GetReflection();
  if (dot != std::string_view::npos) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_repeated()) {
      return absl::NotFoundError("");
    }
    return set_field(path.substr(dot + 1), value, reflection.MutableMessage(message, field));
  }
  if (!is_valid_utf8(value)) return wrong_value(*field, "…");
  if (field->type() == FieldDescriptor::TYPE_STRING && !field->is_repeated()) {
    reflection.SetString(message, field, value);
    return absl::OkStatus();
  }
  return set_from_json(value, *field, message);
}

// A query has "+" for a blank.
std::optional<std::string> decode_query(std::string_view text) {
  std::string blanks(text);
  std::ranges::replace(blanks, '+', ' ');
  return decode_percent(blanks, /*keeps_slashes=*/false);
}

absl::Status apply_query(std::string_view query, Message* request) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const auto name = decode_query(parameter.substr(0, equals));
    const auto value = decode_query(parameter.substr(std::min(equals + 1, parameter.size())));
    if (!name || !value) return absl::InvalidArgumentError("The query is not validly encoded.");
    if (std::ranges::find(kSystemParameters, *name) != kSystemParameters.end()) continue;
    const absl::Status status = set_field(*name, *value, request);
    if (absl::IsNotFound(status)) {
      return absl::InvalidArgumentError(fmt::format(
          "Invalid JSON payload received. Unknown name \"{}\": Cannot bind query parameter. Field "
          "'{}' could not be found in request message.",
          *name, *name));
    }
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::Status apply_body(const std::string& field, std::string_view body, Message* request) {
  if (body.empty()) return absl::OkStatus();
  if (field == "*") return parse_json(body, request);
  // Some clients send an object without fields.
  google::protobuf::Empty nothing;
  if (field.empty()) return parse_json(body, &nothing);
  const FieldDescriptor* const target = find_field(request->GetDescriptor(), field);
  return parse_json(body, request->GetReflection()->MutableMessage(request, target));
}

}  // namespace

Transcoder::Transcoder(const std::vector<std::string>& services) {
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  for (const std::string& name : services) {
    const auto* const service = pool->FindServiceByName(name);
    for (int i = 0; service != nullptr && i < service->method_count(); ++i) {
      add(service->method(i));
    }
  }
}

void Transcoder::add(const MethodDescriptor* method) {
  const auto add_rule = [&](const google::api::HttpRule& rule) {
    switch (rule.pattern_case()) {
      case google::api::HttpRule::kGet:
        return add("GET", rule.get(), rule.body(), method);
      case google::api::HttpRule::kPut:
        return add("PUT", rule.put(), rule.body(), method);
      case google::api::HttpRule::kPost:
        return add("POST", rule.post(), rule.body(), method);
      case google::api::HttpRule::kDelete:
        return add("DELETE", rule.delete_(), rule.body(), method);
      case google::api::HttpRule::kPatch:
        return add("PATCH", rule.patch(), rule.body(), method);
      default:
        return;
    }
  };
  const google::api::HttpRule& rule = method->options().GetExtension(google::api::http);
  add_rule(rule);
  std::ranges::for_each(rule.additional_bindings(), add_rule);
  if (method->full_name() == kGetIamPolicy) add("GET", kGetIamPolicyPath, "", method);
}

void Transcoder::add(std::string_view http_method, std::string_view path, std::string_view body,
                     const MethodDescriptor* method) {
  if (auto parsed = PathTemplate::parse(path); parsed.ok()) {
    routes_.push_back({std::string(http_method), *std::move(parsed), std::string(body), method});
  }
}

absl::StatusOr<RestCall> Transcoder::request(std::string_view method, std::string_view target,
                                             std::string_view body) const {
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  for (const Route& route : routes_) {
    if (route.http_method != method) continue;
    const auto bindings = route.path.match(path);
    if (!bindings) continue;
    const std::unique_ptr<Message> request = new_message(route.method->input_type());
    RETURN_IF_ERROR(apply_body(route.body, body, request.get()));
    if (question < target.size()) {
      RETURN_IF_ERROR(apply_query(target.substr(question + 1), request.get()));
    }
    for (const PathTemplate::Binding& binding : *bindings) {
      RETURN_IF_ERROR(set_field(binding.field, binding.value, request.get()));
    }
    return RestCall{.method = route.method, .request = request->SerializeAsString()};
  }
  return absl::NotFoundError(fmt::format(
      "No method of the API has this path with {}. Methods that stream are served by gRPC only.",
      method));
}

absl::StatusOr<std::string> Transcoder::response(const MethodDescriptor& method,
                                                 const std::string& serialized) {
  const std::unique_ptr<Message> message = new_message(method.output_type());
  std::string json;
  if (!message->ParseFromString(serialized) ||
      !google::protobuf::util::MessageToJsonString(*message, &json).ok()) {
    return absl::InternalError("The response cannot be represented as JSON.");
  }
  return json;
}

std::string error_body(absl::StatusCode code, std::string_view message,
                       const std::string& details) {
  nlohmann::json error{{"code", http_status_of(code)},
                       {"message", message},
                       {"status", absl::StatusCodeToString(code)}};
  google::rpc::Status status;
  std::string json;
  if (!details.empty() && status.ParseFromString(details) &&
      google::protobuf::util::MessageToJsonString(status, &json).ok()) {
    const auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
    if (parsed.is_object() && parsed.contains("details")) error["details"] = parsed["details"];
  }
  return nlohmann::json{{"error", std::move(error)}}.dump(-1, ' ', false,
                                                          nlohmann::json::error_handler_t::replace);
}

int http_status_of(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

}  // namespace pollbus::broker
