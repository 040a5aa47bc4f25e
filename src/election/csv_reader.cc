#include "election/csv_reader.h"

#include <algorithm>
#include <array>

namespace pollbus {
namespace {

// Enough for the first record of any roll, in which the delimiter is counted.
constexpr std::size_t kHeadBytes = 64 * 1024;
constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf";
constexpr std::array kDelimiters = {',', ';', '\t'};
constexpr std::string_view kSaveAsUtf8 =
    "save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\") and try again";

// A text in which every second byte is zero is UTF-16 also without a byte order mark.
bool looks_like_utf16(std::string_view head) {
  using namespace std::string_view_literals;
  if (head.starts_with("\xff\xfe"sv) || head.starts_with("\xfe\xff"sv)) return true;
  return head.size() >= 4 && ((head[0] == '\0') != (head[1] == '\0')) &&
         ((head[2] == '\0') != (head[3] == '\0'));
}

}  // namespace

bool CsvRecord::is_empty() const {
  return std::ranges::all_of(fields, [](const std::string& field) {
    return field.find_first_not_of(" \t") == std::string::npos;
  });
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
  if (looks_like_utf16(rest)) {
    fail(1, "the file is UTF-16, not UTF-8: " + std::string(kSaveAsUtf8));
    return false;
  }
  if (rest.starts_with(kUtf8Mark)) {
    had_mark_ = true;
    rest.remove_prefix(kUtf8Mark.size());
  }
  // A line by which spreadsheets tell each other the delimiter.
  if (rest.size() > 5 && rest.starts_with("sep=") && (rest[5] == '\r' || rest[5] == '\n') &&
      std::ranges::find(kDelimiters, rest[4]) != kDelimiters.end()) {
    delimiter_ = rest[4];
    rest.remove_prefix(rest[5] == '\r' && rest.size() > 6 && rest[6] == '\n' ? 7 : 6);
    line_ = record_.line = 2;
  } else {
    head_ = rest;
    choose_delimiter();
    head_.clear();
  }
  return read(rest);
}

void CsvReader::choose_delimiter() {
  std::array<std::size_t, kDelimiters.size()> counts{};
  bool in_quotes = false;
  for (const char c : head_) {
    if (c == '"') in_quotes = !in_quotes;
    if (in_quotes) continue;
    if (c == '\r' || c == '\n') break;
    const auto found = std::ranges::find(kDelimiters, c);
    if (found != kDelimiters.end()) ++counts[static_cast<std::size_t>(found - kDelimiters.begin())];
  }
  const auto most = std::ranges::max_element(counts);
  if (*most > 0) delimiter_ = kDelimiters[static_cast<std::size_t>(most - counts.begin())];
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
