#include "election/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "election/unicode_text.h"

namespace pollbus {
namespace {

// Enough for the first record of any roll, in which the delimiter is counted.
constexpr std::size_t kHeadBytes = 64 * 1024;
constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";
constexpr std::array kDelimiters = {',', ';', '\t'};
constexpr std::string_view kSaveAsUtf8 =
    "save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\") and try again";

// The name of an encoding that is not UTF-8; empty if it may be UTF-8. A text in which every second
// byte is zero is UTF-16 also without a byte order mark.
std::string_view other_encoding(std::string_view head) {
  using namespace std::string_view_literals;
  if (head.starts_with("\xff\xfe\0\0"sv) || head.starts_with("\0\0\xfe\xff"sv)) return "UTF-32";
  if (head.starts_with("\xff\xfe"sv) || head.starts_with("\xfe\xff"sv)) return "UTF-16";
  const bool is_wide = head.size() >= 4 && ((head[0] == '\0') != (head[1] == '\0')) &&
                       ((head[2] == '\0') != (head[3] == '\0'));
  return is_wide ? "UTF-16" : "";
}

// The delimiter in a line such as "sep=;", by which spreadsheets tell it each other.
std::optional<char> stated_delimiter(std::string_view line) {
  if (line.size() == 7 && line.front() == '"' && line.back() == '"') line = line.substr(1, 5);
  const bool is_one = line.size() == 5 && (line[0] | 0x20) == 's' && (line[1] | 0x20) == 'e' &&
                      (line[2] | 0x20) == 'p' && line[3] == '=';
  return is_one ? std::optional(line[4]) : std::nullopt;
}

bool is_line_break(char c) { return c == '\r' || c == '\n'; }

bool is_delimiter(char c) { return std::ranges::find(kDelimiters, c) != kDelimiters.end(); }

}  // namespace

bool CsvRecord::is_empty() const {
  return std::ranges::all_of(
      fields, [](const std::string& field) { return without_blank_ends(field).empty(); });
}

bool CsvReader::read(std::string_view piece) {
  if (!has_begun_) {
    head_ += piece;
    if (head_.size() < kHeadBytes) return !error_;
    return begin();
  }
  for (const char c : piece) {
    if (error_) return false;
    consume(c);
  }
  return !error_;
}

bool CsvReader::finish() {
  if (!has_begun_ && !begin()) return false;
  if (error_) return false;
  if (place_ == Place::kQuoted) {
    fail(quote_line_, "a quote is opened here and never closed");
    return false;
  }
  // The last record may end without a line break.
  if (!record_.fields.empty() || !field_.empty() || place_ != Place::kFieldStart) end_record();
  return !error_;
}

// Looks at the first bytes, then reads them.
bool CsvReader::begin() {
  has_begun_ = true;
  const std::string head = std::move(head_);
  std::string_view rest = head;
  if (const auto encoding = other_encoding(rest); !encoding.empty()) {
    fail(1, fmt::format("the file is {}, not UTF-8: {}", encoding, kSaveAsUtf8));
    return false;
  }
  while (rest.starts_with(kUtf8Mark)) {
    had_mark_ = true;
    rest.remove_prefix(kUtf8Mark.size());
  }
  const std::size_t line_end = std::min(rest.find_first_of("\r\n"), rest.size());
  if (const auto stated = stated_delimiter(rest.substr(0, line_end))) {
    if (!is_delimiter(*stated)) {
      fail(1,
           "the first line says that something else than commas, semicolons or tabs stands "
           "between the fields: change this");
      return false;
    }
    delimiter_ = *stated;
    rest.remove_prefix(line_end);
    rest.remove_prefix(rest.starts_with("\r\n") ? 2 : std::min<std::size_t>(rest.size(), 1));
    line_ = record_.line = 2;
  } else {
    head_ = rest;
    choose_delimiter();
    head_.clear();
  }
  return read(rest);
}

void CsvReader::choose_delimiter() {
  // Names have commas and semicolons, too, but mostly before a blank, and never tabs.
  std::array<std::size_t, kDelimiters.size()> weights{};
  bool in_quotes = false;
  for (std::size_t i = 0; i < head_.size(); ++i) {
    const char c = head_[i];
    if (c == '"') in_quotes = !in_quotes;
    if (in_quotes) continue;
    if (is_line_break(c)) break;
    const auto found = std::ranges::find(kDelimiters, c);
    if (found == kDelimiters.end()) continue;
    const bool is_before_blank = i + 1 < head_.size() && head_[i + 1] == ' ';
    std::size_t weight = is_before_blank ? 1 : kHeadBytes;
    if (c == '\t') weight = kHeadBytes * kHeadBytes;
    weights[static_cast<std::size_t>(found - kDelimiters.begin())] += weight;
  }
  const auto heaviest = std::ranges::max_element(weights) - weights.begin();
  delimiter_ = kDelimiters[static_cast<std::size_t>(heaviest)];
}

void CsvReader::consume(char c) {
  const bool completes_crlf = after_cr_ && c == '\n';
  after_cr_ = false;
  if (completes_crlf) {
    if (place_ == Place::kQuoted) field_ += c;
    return;
  }
  if (++record_bytes_ > kMaxRecordBytes) {
    return fail(place_ == Place::kQuoted ? quote_line_ : record_.line,
                place_ == Place::kQuoted ? "a quote is opened here and never closed"
                                         : "the line is too long");
  }
  if (c == '\0') {
    return fail(line_, "the file has a zero byte, so it is no text: " + std::string(kSaveAsUtf8));
  }
  switch (place_) {
    case Place::kFieldStart:
      if (c == '"') {
        place_ = Place::kQuoted;
        quote_line_ = line_;
        return;
      }
      return consume_plain(c);
    case Place::kPlain:
      return consume_plain(c);
    case Place::kQuoted:
      if (c == '"') {
        place_ = Place::kQuoteInQuoted;
        return;
      }
      field_ += c;
      if (c == '\r' || c == '\n') {
        ++line_;
        after_cr_ = c == '\r';
      }
      return;
    case Place::kQuoteInQuoted:
      if (c == '"') {
        field_ += c;
        place_ = Place::kQuoted;
        return;
      }
      if (c == delimiter_ || c == '\r' || c == '\n') return consume_plain(c);
      return fail(line_, "there is text after the closing quote of a field");
  }
}

void CsvReader::consume_plain(char c) {
  if (c == delimiter_) return end_field();
  if (c == '\r' || c == '\n') return end_of_line(c);
  place_ = Place::kPlain;
  field_ += c;
}

void CsvReader::end_of_line(char c) {
  ++line_;
  after_cr_ = c == '\r';
  end_record();
}

void CsvReader::end_field() {
  if (!is_utf8(field_)) {
    return fail(record_.line,
                "the line has characters that are not UTF-8: " + std::string(kSaveAsUtf8));
  }
  record_.fields.push_back(std::move(field_));
  field_.clear();
  place_ = Place::kFieldStart;
}

void CsvReader::end_record() {
  end_field();
  if (error_) return;
  handler_(std::move(record_));
  record_ = CsvRecord{.line = line_};
  record_bytes_ = 0;
}

void CsvReader::fail(std::int64_t line, std::string what) {
  if (!error_) error_ = Error{line, std::move(what)};
}

std::string csv_field(std::string_view text, char delimiter) {
  const std::string special = std::string("\"\r\n") + delimiter;
  if (text.find_first_of(special) == std::string_view::npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + '"';
}

bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const std::size_t more = first < 0x80   ? 0
                             : first < 0xc2 ? 4
                             : first < 0xe0 ? 1
                             : first < 0xf0 ? 2
                             : first < 0xf5 ? 3
                                            : 4;
    if (more == 4 || i + more >= bytes.size()) return false;
    for (std::size_t j = 1; j <= more; ++j) {
      if ((static_cast<unsigned char>(bytes[i + j]) & 0xc0) != 0x80) return false;
    }
    // Longer forms than needed, surrogates, and what is beyond U+10FFFF.
    const auto second = more > 0 ? static_cast<unsigned char>(bytes[i + 1]) : 0;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace pollbus
