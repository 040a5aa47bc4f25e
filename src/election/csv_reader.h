#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pollbus {

// One record of a CSV file, and the number of the line on which it begins.
struct CsvRecord {
  std::int64_t line = 0;
  std::vector<std::string> fields;
  // Whether the line is empty, or has nothing but delimiters and blanks.
  bool is_empty() const;
};

// Reads CSV (RFC 4180) piece by piece, with a comma, a semicolon or a tab between the fields and
// LF, CRLF or CR at the end of a record. Fields in quotes may contain all of these. Stops at the
// first error that makes the rest unreadable: an encoding other than UTF-8, a quote that is never
// closed, text after a closing quote. Memory: one record of at most kMaxRecordBytes.
// Not thread-safe.
class CsvReader {
 public:
  static constexpr std::size_t kMaxRecordBytes = 256 * 1024;
  using Handler = std::function<void(CsvRecord)>;

  explicit CsvReader(Handler handler) : handler_(std::move(handler)) {}

  // Pieces of the file, in order. Return false after an error.
  bool read(std::string_view piece);
  bool finish();

  // What is wrong, and on which line.
  struct Error {
    std::int64_t line = 0;
    std::string what;
  };
  const std::optional<Error>& error() const { return error_; }

  // ',', ';' or '\t': as the first line says ("sep=;", which is no record), or as the first record
  // has it. A tab decides; otherwise the one that occurs most often and is not followed by a blank.
  char delimiter() const { return delimiter_; }
  bool had_byte_order_mark() const { return had_mark_; }

 private:
  enum class Place { kFieldStart, kPlain, kQuoted, kQuoteInQuoted };

  bool begin();
  void consume(char c);
  void consume_plain(char c);
  void end_of_line(char c);
  void end_field();
  void end_record();
  void fail(std::int64_t line, std::string what);
  void choose_delimiter();

  Handler handler_;
  std::string head_;  // the first bytes of the file, until encoding and delimiter are known
  bool has_begun_ = false;
  bool had_mark_ = false;
  char delimiter_ = ',';
  Place place_ = Place::kFieldStart;
  bool after_cr_ = false;
  std::int64_t line_ = 1;
  std::int64_t quote_line_ = 0;
  std::size_t record_bytes_ = 0;
  std::string field_;
  CsvRecord record_{.line = 1};
  std::optional<Error> error_;
};

// A field as RFC 4180 writes it: in quotes if it contains a delimiter, a quote or a line break.
std::string csv_field(std::string_view text, char delimiter);

// Whether the bytes are UTF-8 (RFC 3629).
bool is_utf8(std::string_view bytes);

}  // namespace pollbus
