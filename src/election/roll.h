#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "election/csv_reader.h"

namespace pollbus {

// Something about a roll file, and its line (0: the file as a whole).
struct RollRemark {
  std::int64_t line = 0;
  std::string what;
};

// Reads a voter roll from a CSV file, piece by piece. Its first record names the columns; one of
// them, found by name whatever its case, holds the voter numbers. The other columns are ignored and
// do not leave this class. Blanks around a number and zeros before it are dropped and reported.
// Memory: 16 bytes a voter, and up to kMaxRemarks remarks. Not thread-safe.
class RollReader {
 public:
  static constexpr std::size_t kMaxRemarks = 1'000;
  static constexpr std::int64_t kMaxVoters = 100'000'000;

  // `column` is the name of the column; empty: voter_ID, or a usual name such as "voter number".
  explicit RollReader(std::string column = "");

  // Pieces of the file, in order. Return false once the rest need not be read.
  bool read(std::string_view piece);
  void finish();

  // --- After finish() ---
  // Without problems, the roll can be used.
  bool is_usable() const { return problem_count_ == 0 && duplicate_voters_ == 0; }
  // The first kMaxRemarks problems, and the number of all. Duplicate voters are not among them.
  const std::vector<RollRemark>& problems() const { return problems_; }
  std::int64_t problem_count() const { return problem_count_; }
  // Remarks on things that were corrected.
  const std::vector<RollRemark>& notes() const { return notes_; }
  // Calls the function for each voter that occurs more than once, with the numbers of all lines.
  void for_each_duplicate(
      const std::function<void(std::int64_t voter, std::span<const std::int64_t> lines)>& call)
      const;
  std::int64_t duplicate_voters() const { return duplicate_voters_; }

  std::int64_t lines() const { return records_; }  // with a voter, without the header
  const std::string& column() const { return column_; }
  char delimiter() const { return csv_.delimiter(); }
  // All voters, ascending. Empties the reader.
  std::vector<std::int64_t> take_voters();

 private:
  struct Entry {
    std::int64_t voter = 0;
    std::int64_t line = 0;
  };
  // Lines of one kind of remark: "leading zeros".
  struct Lines {
    std::int64_t count = 0;
    std::vector<std::int64_t> first;
  };

  void take(const CsvRecord& record);
  void take_header(const CsvRecord& record);
  void take_voter(const CsvRecord& record);
  void problem(std::int64_t line, std::string what);
  void count(Lines& lines, std::int64_t line);
  void note(const Lines& lines, const std::string& what);

  std::string wanted_;
  CsvReader csv_;
  bool has_header_ = false;
  bool has_failed_ = false;
  std::string column_;
  std::size_t index_ = 0;
  std::size_t columns_ = 0;
  std::int64_t records_ = 0;
  std::vector<Entry> entries_;
  std::vector<RollRemark> problems_;
  std::int64_t problem_count_ = 0;
  std::int64_t duplicate_voters_ = 0;
  std::vector<RollRemark> notes_;
  Lines blanks_;
  Lines no_break_spaces_;
  Lines zeros_;
  Lines pending_empty_;
  Lines empty_;
};

// "5, 17 and 90".
std::string join_lines(std::span<const std::int64_t> lines);

// The index of the voter numbers' column in the header of a roll file, or what is wrong.
struct VoterColumn {
  std::optional<std::size_t> index;
  std::string problem;
};
VoterColumn find_voter_column(std::span<const std::string> header, const std::string& wanted);

// The voter number in a field of that column, without blanks and leading zeros; or nothing.
std::optional<std::int64_t> read_voter_number(std::string_view field);

}  // namespace pollbus
