#include "base/http_request.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace pollbus {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<HttpRequest> parse_first_line(std::string_view line) {
  const std::size_t method_end = line.find(' ');
  const std::size_t target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end <= method_end ||
      !line.substr(target_end + 1).starts_with("HTTP/1."))
    return std::nullopt;
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  const std::size_t question = std::min(target.find('?'), target.size());
  return HttpRequest{.method = line.substr(0, method_end),
                     .path = target.substr(0, question),
                     .query = target.substr(std::min(question + 1, target.size())),
                     .body = {},
                     .headers = {}};
}

bool has(const HttpRequest& request, std::string_view name) {
  return std::ranges::any_of(request.headers, [&](const auto& each) { return each.first == name; });
}

// The status to refuse the request with, or 0.
int check_body(const HttpRequest& request, std::size_t max_body_bytes, std::size_t* bytes) {
  if (has(request, "transfer-encoding")) return 413;
  if (!has(request, "content-length")) return 0;
  const auto length = parse_integer(request.header("content-length"));
  const bool may_have_body = request.method == "POST";
  if (!length) return may_have_body ? 400 : 413;
  if (*length < 0) return 400;
  if (*length > 0 && !may_have_body) return 413;
  if (static_cast<std::uint64_t>(*length) > max_body_bytes) return 413;
  *bytes = static_cast<std::size_t>(*length);
  return 0;
}

}  // namespace

std::string_view HttpRequest::header(std::string_view lower_case_name) const {
  std::string_view value;
  int count = 0;
  for (const auto& [name, each] : headers) {
    if (name != lower_case_name) continue;
    value = each;
    ++count;
  }
  return count == 1 ? value : std::string_view();
}

std::variant<HttpHead, int> parse_http_head(std::string_view head, std::size_t max_body_bytes) {
  const std::string_view first = head.substr(0, head.find("\r\n"));
  auto request = parse_first_line(first);
  if (!request) return 400;
  std::string_view rest = head.substr(first.size());
  while (rest.starts_with("\r\n")) {
    rest.remove_prefix(2);
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    const std::size_t colon = std::min(line.find(':'), line.size());
    request->headers.emplace_back(lower(line.substr(0, colon)),
                                  trim(line.substr(std::min(colon + 1, line.size()))));
    rest.remove_prefix(line.size());
  }
  const bool is_post = request->method == "POST" && max_body_bytes > 0;
  if (request->method != "GET" && request->method != "HEAD" && !is_post) return 405;
  HttpHead parsed{.request = *std::move(request)};
  // Clients of HTTP/1.0 would have to ask for it; none of today do.
  parsed.keeps_connection =
      first.ends_with("HTTP/1.1") &&
      lower(parsed.request.header("connection")).find("close") == std::string::npos;
  if (const int refused = check_body(parsed.request, max_body_bytes, &parsed.body_bytes))
    return refused;
  return parsed;
}

}  // namespace pollbus
