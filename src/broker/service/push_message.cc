#include "broker/service/push_message.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using Json = nlohmann::json;

constexpr std::array kAcknowledging{102, 200, 201, 202, 204};

std::string time_of(const api::PubsubMessage& message) {
  return google::protobuf::util::TimeUtil::ToString(message.publish_time());
}

PushRequest wrapped(const std::string& subscription, const api::PubsubMessage& message,
                    std::uint32_t attempt) {
  Json inner = Json::object();
  if (!message.attributes().empty()) {
    Json& attributes = inner["attributes"] = Json::object();
    for (const auto& [key, value] : message.attributes()) attributes[key] = value;
  }
  if (!message.data().empty()) inner["data"] = absl::Base64Escape(message.data());
  if (!message.ordering_key().empty()) inner["orderingKey"] = message.ordering_key();
  // Both spellings, as the service sends them.
  inner["messageId"] = inner["message_id"] = message.message_id();
  inner["publishTime"] = inner["publish_time"] = time_of(message);
  Json outer{{"message", std::move(inner)}, {"subscription", subscription}};
  if (attempt > 0) outer["deliveryAttempt"] = attempt;
  return {.body = outer.dump(-1, ' ', false, Json::error_handler_t::replace),
          .content_type = "application/json",
          .headers = {}};
}

// Headers that say how the request itself is sent. An attribute of such a name would break it.
constexpr std::array kReservedHeaders{
    "connection", "content-length", "content-type",      "expect",
    "host",       "keep-alive",     "proxy-connection",  "proxy-authenticate",
    "te",         "trailer",        "transfer-encoding", "upgrade"};

// RFC 9110, 5.6.2.
bool is_header_name(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const bool is_token = !name.empty() && std::ranges::all_of(name, [&](unsigned char c) {
    return absl::ascii_isalnum(c) || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
  });
  return is_token &&
         std::ranges::find(kReservedHeaders, absl::AsciiStrToLower({name.data(), name.size()})) ==
             kReservedHeaders.end();
}

bool is_header_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

PushRequest bare(const std::string& subscription, const api::PubsubMessage& message,
                 bool with_metadata) {
  PushRequest request{
      .body = message.data(), .content_type = "application/octet-stream", .headers = {}};
  if (!with_metadata) return request;
  request.headers = {{"x-goog-pubsub-subscription-name", subscription},
                     {"x-goog-pubsub-message-id", message.message_id()},
                     {"x-goog-pubsub-publish-time", time_of(message)}};
  if (is_header_text(message.ordering_key()) && !message.ordering_key().empty()) {
    request.headers.emplace("x-goog-pubsub-ordering-key", message.ordering_key());
  }
  for (const auto& [key, value] : message.attributes()) {
    if (is_header_name(key) && is_header_text(value)) request.headers.emplace(key, value);
  }
  return request;
}

}  // namespace

PushRequest push_request(const std::string& subscription, const api::PushConfig& config,
                         const Delivery& delivery) {
  api::PubsubMessage message;
  const std::string_view wire = delivery.wire();
  message.ParseFromArray(wire.data(), static_cast<int>(wire.size()));
  if (!config.has_no_wrapper()) return wrapped(subscription, message, delivery.shown_attempt);
  return bare(subscription, message, config.no_wrapper().write_metadata());
}

bool acknowledges(int http_status) {
  return std::ranges::find(kAcknowledging, http_status) != kAcknowledging.end();
}

}  // namespace pollbus::broker
