#include "election/roll.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "election/spelling.h"
#include "election/unicode_text.h"
#include "election/vote.h"

namespace pollbus {
namespace {

using namespace std::string_view_literals;

constexpr std::array kColumnNames = {"voter_ID"sv, "voter"sv,     "voter number"sv,
                                     "voter no"sv, "voter num"sv, "voter nr"sv};
constexpr std::size_t kNamedLines = 20;
constexpr std::size_t kMaxShownBytes = 40;

struct Trimmed {
  std::string_view text;
  bool had_blanks = false;
  bool had_other_characters = false;  // no-break spaces and so on
};

Trimmed trim(std::string_view text) {
  Trimmed trimmed{.text = without_blank_ends(text)};
  const auto start = static_cast<std::size_t>(trimmed.text.data() - text.data());
  for (const std::string_view end :
       {text.substr(0, start), text.substr(start + trimmed.text.size())}) {
    for (const char c : end)
      (c == ' ' || c == '\t' ? trimmed.had_blanks : trimmed.had_other_characters) = true;
  }
  return trimmed;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view without_zeros(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? digits.substr(digits.size() - 1) : digits.substr(first);
}

// A number that kMaxId allows; `digits` has no leading zeros.
std::optional<std::int64_t> number_of(std::string_view digits) {
  constexpr std::size_t kMostDigits = 16;
  if (digits.size() > kMostDigits) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : digits) value = 10 * value + (c - '0');
  if (value > kMaxId) return std::nullopt;
  return value;
}

// Names are compared without case, blanks, dashes and underscores.
std::string plain_name(std::string_view name) {
  std::string plain = comparison_key(std::string(name));
  std::erase_if(plain, [](char c) { return c == ' ' || c == '_' || c == '-' || c == '.'; });
  return plain;
}

// A value for a message: short, on one line, and with all its characters to be seen.
std::string shown(std::string_view value) {
  if (value.size() <= kMaxShownBytes) return to_json_string(with_visible_characters(value));
  std::string_view start = value.substr(0, kMaxShownBytes);
  while (!start.empty() && !is_utf8(start)) start.remove_suffix(1);
  return to_json_string(with_visible_characters(start) + "…");
}

std::string problem_with_number(std::string_view text) {
  if (text.empty()) return "has no voter number";
  if (is_digits(text)) {
    return fmt::format("{} is larger than any voter number (2^53-1)", shown(text));
  }
  const bool is_rewritten = text.find_first_of("eE.,") != std::string_view::npos &&
                            text.find_first_of("0123456789") != std::string_view::npos;
  return fmt::format("{} is not a voter number: only the digits 0 to 9 are allowed{}", shown(text),
                     is_rewritten ? " (a spreadsheet may have changed it: format the column as "
                                    "text)"
                                  : "");
}

std::string list_of(std::span<const std::string> names) {
  std::string list;
  for (const std::string& name : names) {
    if (!list.empty()) list += ", ";
    list += shown(trim(name).text);
  }
  return list;
}

// What to do about a header without the column.
std::string advice_about(std::span<const std::string> header, const std::string& asked) {
  std::vector<std::string_view> columns;
  for (const std::string& name : header) columns.push_back(trim(name).text);
  if (const auto near = closest_name(asked, columns)) {
    const bool looks_the_same = look_the_same_in_other_scripts(asked, *near);
    return fmt::format(" (is it {}{}? Rename the column, or name it with --column)", shown(*near),
                       looks_the_same ? ", in which some letters only look the same" : "");
  }
  if (columns.size() == 1) {
    return ": is this a CSV file, with commas, semicolons or tabs between the fields? If so, "
           "rename "
           "the column with the voter numbers, or name it with --column";
  }
  return ": rename the column with the voter numbers, or name it with --column";
}

}  // namespace

RollReader::RollReader(std::string column)
    : wanted_(std::move(column)), csv_([this](const CsvRecord& record) { take(record); }) {}

bool RollReader::read(std::string_view piece) { return csv_.read(piece) && !has_failed_; }

void RollReader::finish() {
  if (!has_failed_) csv_.finish();
  if (csv_.error()) problem(csv_.error()->line, csv_.error()->what);
  if (!has_header_ && !has_failed_ && !csv_.error()) problem(0, "the file is empty");
  if (has_header_ && records_ == 0 && problem_count_ == 0) problem(0, "the roll has no voters");
  note(blanks_, "blanks around the voter number were dropped");
  note(no_break_spaces_,
       "no-break spaces or invisible characters around the voter number were dropped");
  note(zeros_, "zeros before the voter number were dropped: 007 is voter 7");
  note(empty_, "empty lines between voters were skipped");
  std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
    return a.voter != b.voter ? a.voter < b.voter : a.line < b.line;
  });
  for_each_duplicate([this](auto, auto) { ++duplicate_voters_; });
}

void RollReader::take(const CsvRecord& record) {
  if (has_failed_) return;
  if (record.is_empty()) {
    if (has_header_) count(pending_empty_, record.line);
    return;
  }
  if (!has_header_) return take_header(record);
  // Empty lines at the end of the file are usual and not worth a remark.
  for (const std::int64_t line : pending_empty_.first) count(empty_, line);
  empty_.count += pending_empty_.count - static_cast<std::int64_t>(pending_empty_.first.size());
  pending_empty_ = {};
  take_voter(record);
}

void RollReader::take_header(const CsvRecord& record) {
  has_header_ = true;
  const auto [index, trouble] = find_voter_column(record.fields, wanted_);
  if (!index) {
    has_failed_ = true;
    return problem(record.line, trouble);
  }
  index_ = *index;
  columns_ = record.fields.size();
  column_ = trim(record.fields[index_]).text;
}

void RollReader::take_voter(const CsvRecord& record) {
  ++records_;
  // A delimiter without quotes in a name would shift the columns.
  if (record.fields.size() != columns_) {
    return problem(record.line,
                   fmt::format("has {} field{}, and the header has {}", record.fields.size(),
                               record.fields.size() == 1 ? "" : "s", columns_));
  }
  const Trimmed field = trim(record.fields[index_]);
  const std::string_view digits = is_digits(field.text) ? without_zeros(field.text) : field.text;
  const auto voter = is_digits(field.text) ? number_of(digits) : std::nullopt;
  if (!voter) return problem(record.line, problem_with_number(field.text));
  if (records_ > kMaxVoters) {
    has_failed_ = true;
    return problem(record.line, fmt::format("the roll has more than {} voters", kMaxVoters));
  }
  if (field.had_blanks) count(blanks_, record.line);
  if (field.had_other_characters) count(no_break_spaces_, record.line);
  if (digits.size() != field.text.size()) count(zeros_, record.line);
  entries_.push_back({.voter = *voter, .line = record.line});
}

void RollReader::problem(std::int64_t line, std::string what) {
  ++problem_count_;
  if (problems_.size() < kMaxRemarks) problems_.push_back({line, std::move(what)});
}

void RollReader::count(Lines& lines, std::int64_t line) {
  ++lines.count;
  if (lines.first.size() < kNamedLines) lines.first.push_back(line);
}

void RollReader::note(const Lines& lines, const std::string& what) {
  if (lines.count == 0) return;
  const auto more = lines.count - static_cast<std::int64_t>(lines.first.size());
  notes_.push_back(
      {lines.first.front(),
       fmt::format("{} ({} {}: {}{})", what, lines.count, lines.count == 1 ? "line" : "lines",
                   join_lines(lines.first), more > 0 ? fmt::format(" and {} more", more) : "")});
}

void RollReader::for_each_duplicate(
    const std::function<void(std::int64_t, std::span<const std::int64_t>)>& call) const {
  std::vector<std::int64_t> lines;
  for (std::size_t i = 0; i < entries_.size();) {
    lines.clear();
    std::size_t next = i;
    for (; next < entries_.size() && entries_[next].voter == entries_[i].voter; ++next) {
      lines.push_back(entries_[next].line);
    }
    if (lines.size() > 1) call(entries_[i].voter, lines);
    i = next;
  }
}

std::vector<std::int64_t> RollReader::take_voters() {
  std::vector<std::int64_t> voters;
  voters.reserve(entries_.size());
  for (const Entry& entry : entries_) voters.push_back(entry.voter);
  entries_ = {};
  return voters;
}

std::string join_lines(std::span<const std::int64_t> lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) text += i + 1 == lines.size() ? " and " : ", ";
    text += std::to_string(lines[i]);
  }
  return text;
}

VoterColumn find_voter_column(std::span<const std::string> header, const std::string& wanted) {
  std::vector<std::string> names;
  if (!wanted.empty()) {
    names.push_back(plain_name(wanted));
  } else {
    for (const std::string_view name : kColumnNames) names.push_back(plain_name(name));
  }
  const std::string asked = wanted.empty() ? std::string(kColumnNames.front()) : wanted;
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (std::ranges::find(names, plain_name(header[i])) != names.end()) found.push_back(i);
  }
  if (found.size() == 1) return {found.front(), ""};
  if (found.size() > 1) {
    return {std::nullopt,
            fmt::format("the header has several columns of voter numbers ({} and {}): keep one, or "
                        "name it with --column",
                        shown(header[found[0]]), shown(header[found[1]]))};
  }
  if (std::ranges::any_of(header, [](const auto& name) { return is_digits(trim(name).text); })) {
    return {std::nullopt, fmt::format("the first line has no header: it must name the columns, and "
                                      "one of them must be {}",
                                      asked)};
  }
  return {std::nullopt, fmt::format("the header has no column {}; it has {}{}", asked,
                                    list_of(header), advice_about(header, asked))};
}

std::optional<std::int64_t> read_voter_number(std::string_view field) {
  const Trimmed trimmed = trim(field);
  if (!is_digits(trimmed.text)) return std::nullopt;
  return number_of(without_zeros(trimmed.text));
}

}  // namespace pollbus
