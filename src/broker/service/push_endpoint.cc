#include "broker/service/push_endpoint.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "base/text.h"

namespace pollbus::broker {
namespace {

// What an error text repeats of a URL that is not valid.
constexpr std::size_t kMaxShownBytes = 200;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

std::optional<std::string> part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return std::nullopt;
  const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
  return std::string(text);
}

absl::Status invalid(std::string_view url, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("Invalid push endpoint given (endpoint={}{}): {}.",
                                                url.substr(0, kMaxShownBytes),
                                                url.size() > kMaxShownBytes ? "…" : "", why));
}

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string without_brackets(std::string host) {
  if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

absl::StatusOr<PushEndpoint> parse_push_endpoint(std::string_view url) {
  if (url.size() > kMaxPushUrlBytes) {
    return invalid(url, fmt::format("a URL has at most {} bytes", kMaxPushUrlBytes));
  }
  // curl accepts spaces and control characters in some places.
  if (!is_visible_ascii(url)) return invalid(url, "a URL has visible ASCII characters only");
  // curl also takes one or three slashes, and guesses a scheme that is missing.
  const std::size_t slashes = url.find("://");
  const std::string scheme = absl::AsciiStrToLower({url.data(), std::min(slashes, url.size())});
  if (slashes == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return invalid(url, "it must begin with http:// or https://");
  }
  if (url.substr(slashes + 3).starts_with('/')) return invalid(url, "it has no host");
  const Url parsed(curl_url());
  if (parsed == nullptr) return absl::ResourceExhaustedError("Out of memory.");
  if (const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), 0);
      code != CURLUE_OK) {
    return invalid(url, curl_url_strerror(code));
  }
  if (part_of(parsed.get(), CURLUPART_USER) || part_of(parsed.get(), CURLUPART_PASSWORD)) {
    return invalid(url, "a user name or password is not supported");
  }
  curl_url_set(parsed.get(), CURLUPART_FRAGMENT, nullptr, 0);
  PushEndpoint endpoint;
  endpoint.host =
      absl::AsciiStrToLower(without_brackets(part_of(parsed.get(), CURLUPART_HOST).value_or("")));
  if (endpoint.host.empty()) return invalid(url, "it has no host");
  if (endpoint.host.size() > kMaxPushHostBytes) {
    return invalid(url, fmt::format("a host has at most {} bytes", kMaxPushHostBytes));
  }
  const std::string port = part_of(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size() || endpoint.port < 1 ||
      endpoint.port > kMaxPort) {
    return invalid(url, "a port is a number from 1 to 65535");
  }
  endpoint.url = part_of(parsed.get(), CURLUPART_URL).value_or("");
  if (endpoint.url.empty()) return invalid(url, "it is not a URL");
  return endpoint;
}

}  // namespace pollbus::broker
