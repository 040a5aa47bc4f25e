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
  FieldReader reader(fields);
  nlohmann::json::sax_parse(data.begin(), data.end(), &reader);
  if (reader.problem()) return reader.problem();
  // The parser stops at a NUL, so anything after it would be ignored.
  if (const auto nul = data.find('\0'); nul != data.npos) return not_json(nul + 1);
  return std::nullopt;
}

}  // namespace pollbus::wire
