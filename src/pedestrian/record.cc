#include "pedestrian/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/status.h"

namespace pollbus::pedestrian {
namespace {

using nlohmann::json;

constexpr char kTimestamp[] = "Timestamp";
constexpr std::size_t kMaxTimestampBytes = 64;
// One image does not hold more objects than this.
constexpr std::size_t kMaxListEntries = 1'000;
// Levels of nested lists and objects. The JSON library encodes a document recursively, so a deeply
// nested one would overflow the stack. The fields that stages use have at most three levels.
constexpr int kMaxDepth = 32;

absl::Status bad(const char* field, std::string_view expected) {
  return absl::InvalidArgumentError(fmt::format("{}: expected {}", field, expected));
}

bool is_of_file_name(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
         c == '-' || c == '+' || c == '_' || c == ':';
}

absl::StatusOr<std::string> timestamp_of(const json& fields) {
  constexpr char kExpected[] = "a number, or a short text of digits, letters and .-+_:";
  const auto found = fields.find(kTimestamp);
  if (found == fields.end()) return bad(kTimestamp, kExpected);
  if (found->is_number()) return found->dump();
  if (!found->is_string()) return bad(kTimestamp, kExpected);
  const auto& text = found->get_ref<const std::string&>();
  const bool is_name = !text.empty() && text.size() <= kMaxTimestampBytes && text[0] != '.' &&
                       std::all_of(text.begin(), text.end(), is_of_file_name);
  if (!is_name) return bad(kTimestamp, kExpected);
  return text;
}

absl::StatusOr<const json*> field_of(const json& fields, const char* name) {
  const auto found = fields.find(name);
  if (found == fields.end()) return absl::InvalidArgumentError(fmt::format("{}: is missing", name));
  return &*found;
}

// Exactly `count` numbers.
absl::StatusOr<std::vector<double>> numbers_of(const json& list, const char* name,
                                               std::size_t count) {
  const auto is_number = [](const json& entry) { return entry.is_number(); };
  if (!list.is_array() || list.size() != count || !std::all_of(list.begin(), list.end(), is_number))
    return bad(name, fmt::format("a list of {} numbers", count));
  return list.get<std::vector<double>>();
}

}  // namespace

Record::Record(std::unique_ptr<json> fields, std::string timestamp)
    : fields_(std::move(fields)), timestamp_(std::move(timestamp)) {}
Record::Record(Record&&) noexcept = default;
Record& Record::operator=(Record&&) noexcept = default;
Record::~Record() = default;

absl::StatusOr<Record> Record::parse(std::string_view data) {
  bool is_too_deep = false;
  const auto check_depth = [&](int depth, json::parse_event_t event, json&) {
    const bool is_nested =
        event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    is_too_deep = is_too_deep || (is_nested && depth >= kMaxDepth);
    return !is_too_deep;
  };
  auto fields = std::make_unique<json>(json::parse(data, check_depth, /*allow_exceptions=*/false));
  if (is_too_deep)
    return absl::InvalidArgumentError(fmt::format("expected at most {} levels", kMaxDepth));
  if (!fields->is_object()) return absl::InvalidArgumentError("expected one JSON object");
  ASSIGN_OR_RETURN(auto timestamp, timestamp_of(*fields));
  return Record(std::move(fields), std::move(timestamp));
}

absl::StatusOr<Record> Record::with_timestamp(std::string_view json_or_text) {
  json value = json::parse(json_or_text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_number()) value = std::string(json_or_text);
  auto fields = std::make_unique<json>(json{{kTimestamp, std::move(value)}});
  ASSIGN_OR_RETURN(auto timestamp, timestamp_of(*fields));
  return Record(std::move(fields), std::move(timestamp));
}

bool Record::has(const char* field) const { return fields_->contains(field); }

absl::StatusOr<std::vector<Box>> Record::boxes(const char* field) const {
  constexpr char kExpected[] = "a list of boxes [x1,y1,x2,y2] with x1 <= x2 and y1 <= y2";
  ASSIGN_OR_RETURN(const json* const list, field_of(*fields_, field));
  if (!list->is_array() || list->size() > kMaxListEntries) return bad(field, kExpected);
  std::vector<Box> boxes;
  for (const json& entry : *list) {
    const auto numbers = numbers_of(entry, field, 4);
    if (!numbers.ok()) return bad(field, kExpected);
    const Box& box =
        boxes.emplace_back(Box{(*numbers)[0], (*numbers)[1], (*numbers)[2], (*numbers)[3]});
    if (box.x1 > box.x2 || box.y1 > box.y2) return bad(field, kExpected);
  }
  return boxes;
}

absl::StatusOr<std::vector<double>> Record::numbers(const char* field, std::size_t count) const {
  ASSIGN_OR_RETURN(const json* const list, field_of(*fields_, field));
  return numbers_of(*list, field, count);
}

absl::StatusOr<Point> Record::point(const char* field) const {
  ASSIGN_OR_RETURN(const auto xy, numbers(field, 2));
  return Point{xy[0], xy[1]};
}

absl::StatusOr<Dimensions> Record::dimensions(const char* field) const {
  ASSIGN_OR_RETURN(const auto sizes, numbers(field, 2));
  if (!(sizes[0] > 0) || !(sizes[1] > 0)) return bad(field, "length and width above 0");
  return Dimensions{sizes[0], sizes[1]};
}

absl::StatusOr<std::string_view> Record::text(const char* field) const {
  ASSIGN_OR_RETURN(const json* const value, field_of(*fields_, field));
  if (!value->is_string()) return bad(field, "a text");
  return value->get_ref<const std::string&>();
}

void Record::set(const char* field, const std::vector<Box>& boxes) {
  json list = json::array();
  for (const Box& box : boxes) list.push_back({box.x1, box.y1, box.x2, box.y2});
  (*fields_)[field] = std::move(list);
}

void Record::set(const char* field, const std::vector<double>& numbers) {
  (*fields_)[field] = numbers;
}

void Record::set(const char* field, std::string text) { (*fields_)[field] = std::move(text); }

void Record::erase(const char* field) { fields_->erase(field); }

void Record::erase_all() {
  json timestamp = std::move((*fields_)[kTimestamp]);
  *fields_ = json{{kTimestamp, std::move(timestamp)}};
}

std::string Record::encode() const {
  // Parsed text is valid UTF-8 and the fields that stages set are ASCII, so nothing is replaced.
  return fields_->dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace pollbus::pedestrian
