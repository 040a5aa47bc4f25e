#include "election/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pollbus::wire {
namespace {

constexpr const char* kNotAnObject = "the message must be a JSON object";

std::string not_json(std::size_t byte) {
  return fmt::format("the message is not JSON (error at byte {})", byte);
}

// Reads an object whose names and texts are printable ASCII without escapes, whose numbers are
// digits only, and which contains nothing else: what senders of votes write, several times as fast
// as the parser. Leaves everything else to the parser.
class PlainReader {
 public:
  explicit PlainReader(std::string_view data) : data_(data) {}

  // False if the object is not plain; then the fields have no meaning.
  bool read(std::span<Field> fields) {
    if (!take('{')) return false;
    if (take('}')) return at_end();
    auto next = fields.begin();  // senders write the fields in the order in which they are read
    do {
      std::string_view name;
      if (!text(&name) || !take(':')) return false;
      if (next == fields.end() || next->name != name)
        next = std::ranges::find(fields, name, &Field::name);
      if (!value(next == fields.end() ? nullptr : &*next)) return false;
      if (next != fields.end()) ++next;
    } while (take(','));
    return take('}') && at_end();
  }

 private:
  // Fewer than 19 digits cannot overflow.
  static constexpr std::size_t kMaxDigits = 18;

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  void skip_blanks() {
    while (at_ < data_.size() &&
           (data_[at_] == ' ' || data_[at_] == '\t' || data_[at_] == '\n' || data_[at_] == '\r')) {
      ++at_;
    }
  }

  bool at_end() {
    skip_blanks();
    return at_ == data_.size();
  }

  bool take(char c) {
    skip_blanks();
    if (at_ == data_.size() || data_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool text(std::string_view* text) {
    if (!take('"')) return false;
    const std::size_t begin = at_;
    while (at_ < data_.size() && is_plain(data_[at_])) ++at_;
    if (at_ == data_.size() || data_[at_] != '"') return false;
    *text = data_.substr(begin, at_ - begin);
    ++at_;
    return true;
  }

  bool number(std::int64_t* number) {
    const std::size_t begin = at_;
    *number = 0;
    while (at_ < data_.size() && is_digit(data_[at_])) {
      if (at_ - begin == kMaxDigits) return false;
      *number = *number * 10 + (data_[at_++] - '0');
    }
    const std::size_t digits = at_ - begin;
    return digits == 1 || (digits > 1 && data_[begin] != '0');
  }

  bool value(Field* field) {
    skip_blanks();
    const bool is_text = at_ < data_.size() && data_[at_] == '"';
    std::string_view its_text;
    std::int64_t its_number = 0;
    if (is_text ? !text(&its_text) : !number(&its_number)) return false;
    if (field == nullptr) return true;
    ++field->times;
    field->valid = is_text != field->most.has_value() && (is_text || its_number <= *field->most);
    if (!field->valid) return true;
    if (is_text) {
      field->text = its_text;
    } else {
      field->number = its_number;
    }
    return true;
  }

  std::string_view data_;
  std::size_t at_ = 0;
};

// Receives the parser's events; returning false ends the parse.
// https://json.nlohmann.me/api/json_sax/
class FieldReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FieldReader(std::span<Field> fields) : fields_(fields) {}

  const std::optional<std::string>& problem() const { return problem_; }

  bool null() override { return scalar(); }
  bool boolean(bool) override { return scalar(); }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool binary(binary_t&) override { return scalar(); }

  bool number_integer(number_integer_t value) override {
    if (Field* field = current(); field != nullptr && value >= 0) store(*field, value);
    return scalar();
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (Field* field = current(); field != nullptr && value <= INT64_MAX) {
      store(*field, static_cast<std::int64_t>(value));
    }
    return scalar();
  }

  bool string(string_t& value) override {
    if (Field* field = current(); field != nullptr && !field->most) {
      field->text = std::move(value);
      field->valid = true;
    }
    return scalar();
  }

  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    const auto field = std::ranges::find(fields_, name, &Field::name);
    field_ = field == fields_.end() ? nullptr : &*field;
    if (field_ == nullptr) return true;
    ++field_->times;
    field_->valid = false;
    return true;
  }

  bool start_object(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ == 0) return scalar();
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }

  // Keeps only the position, because the text of the exception quotes the document.
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    problem_ = not_json(position);
    return false;
  }

 private:
  Field* current() const { return depth_ == 1 ? field_ : nullptr; }

  static void store(Field& field, std::int64_t value) {
    if (!field.most || value > *field.most) return;
    field.number = value;
    field.valid = true;
  }

  bool scalar() {
    if (depth_ > 0) return true;
    problem_ = kNotAnObject;
    return false;
  }

  std::span<Field> fields_;
  Field* field_ = nullptr;
  std::size_t depth_ = 0;
  std::optional<std::string> problem_;
};

}  // namespace

std::optional<std::string> read_fields(std::string_view data, std::span<Field> fields) {
  if (data.size() > kMaxParsedBytes) {
    return fmt::format("the message is larger than {} bytes", kMaxParsedBytes);
  }
  if (PlainReader(data).read(fields)) return std::nullopt;
  for (Field& field : fields) field = {.name = field.name, .most = field.most};
  FieldReader reader(fields);
  nlohmann::json::sax_parse(data.begin(), data.end(), &reader);
  if (reader.problem()) return reader.problem();
  // The parser stops at a NUL, so anything after it would be ignored.
  if (const auto nul = data.find('\0'); nul != data.npos) return not_json(nul + 1);
  return std::nullopt;
}

}  // namespace pollbus::wire
