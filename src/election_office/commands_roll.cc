// The commands for the voters' roll and their codes.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/files.h"
#include "base/status.h"
#include "election/roll.h"
#include "election_office/commands.h"
#include "election_office/roll_upload.h"
#include "election_office/sentences.h"

namespace pollbus::election_office {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kShownRemarks = 50;
constexpr mode_t kOwnerOnly = 0600;

// Calls `take` with one piece of the file after the other, as long as it returns true.
absl::Status for_each_piece(const std::string& file,
                            const std::function<bool(std::string_view)>& take,
                            const Options& options) {
  std::error_code unknown;  // the size of a pipe
  const auto known_size = std::filesystem::file_size(file, unknown);
  const std::int64_t size = unknown ? 0 : static_cast<std::int64_t>(known_size);
  std::ifstream in(file, std::ios::binary);
  if (!in) return absl::NotFoundError(fmt::format("{}: {}", file, std::strerror(errno)));
  Progress progress("Reading " + file, size, options.output());
  std::string buffer(kReadBytes, '\0');
  std::int64_t done = 0;
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto got = static_cast<std::size_t>(in.gcount());
    if (got == 0) break;
    if (!take(std::string_view(buffer).substr(0, got))) return absl::OkStatus();
    done += static_cast<std::int64_t>(got);
    if (size > static_cast<std::int64_t>(16 * kReadBytes)) progress.show(done);
  }
  if (in.bad())
    return absl::FailedPreconditionError(fmt::format("{}: {}", file, std::strerror(errno)));
  return absl::OkStatus();
}

std::string remark_line(const RollRemark& remark) {
  return remark.line == 0 ? remark.what : fmt::format("line {}: {}", remark.line, remark.what);
}

// All that keeps the roll from being imported.
absl::Status problems_of(const std::string& file, const RollReader& roll) {
  std::vector<std::string> lines;
  for (const RollRemark& remark : roll.problems()) lines.push_back(remark_line(remark));
  if (roll.problem_count() > static_cast<std::int64_t>(lines.size())) {
    lines.push_back(
        fmt::format("and {} more problems",
                    grouped(roll.problem_count() - static_cast<std::int64_t>(lines.size()))));
  }
  roll.for_each_duplicate([&](std::int64_t voter, std::span<const std::int64_t> at) {
    lines.push_back(fmt::format("voter {} is on lines {}", voter, join_lines(at)));
  });
  const std::int64_t count = roll.problem_count() + roll.duplicate_voters();
  return missing_error(
      fmt::format("nothing was imported, because {} has {}", file, counted(count, "problem")),
      lines);
}

struct ReadRoll {
  std::vector<std::int64_t> voters;
  std::vector<std::string> notes;
  std::string column;
  char delimiter = ',';
};

absl::StatusOr<ReadRoll> read_roll(const std::string& file, const Options& options) {
  RollReader reader(options.column);
  RETURN_IF_ERROR(for_each_piece(
      file, [&](std::string_view piece) { return reader.read(piece); }, options));
  reader.finish();
  if (!reader.is_usable()) return problems_of(file, reader);
  ReadRoll roll{.column = reader.column(), .delimiter = reader.delimiter()};
  for (const RollRemark& note : reader.notes()) roll.notes.push_back(note.what);
  roll.voters = reader.take_voters();
  return roll;
}

std::string notes_text(const ReadRoll& roll) {
  std::string text;
  for (std::size_t i = 0; i < roll.notes.size() && i < kShownRemarks; ++i) {
    text += "Note: " + roll.notes[i] + ".\n";
  }
  return text;
}

absl::StatusOr<Report> dry_run(const std::string& file, const ReadRoll& roll) {
  const auto count = static_cast<std::int64_t>(roll.voters.size());
  return Report{.what = fmt::format("{} can be imported: {}, in the column {}. This was a dry run: "
                                    "nothing was changed.",
                                    file, counted(count, "voter"), roll.column),
                .next = "the same command without --dry-run",
                .body = notes_text(roll),
                .details = {{"voters", count},
                            {"column", roll.column},
                            {"notes", roll.notes},
                            {"result", "dry run"}}};
}

// Codes first reach the disk, so that a repeated import has the same ones.
absl::StatusOr<std::vector<VoterCode>> codes_for(Office& office, const Definition& definition,
                                                 const std::vector<std::int64_t>& voters) {
  if (definition.eligibility != Eligibility::kCodes) return std::vector<VoterCode>();
  ASSIGN_OR_RETURN(const auto present, office.folder().read_codes(definition.event));
  auto codes = complete_codes(present, voters);
  if (codes.size() != present.size()) {
    RETURN_IF_ERROR(office.folder().store_codes(definition.event, codes));
  }
  return codes;
}

absl::StatusOr<Report> import_one(Office& office, Desk& desk, std::int64_t election,
                                  const ReadRoll& roll) {
  ASSIGN_OR_RETURN(Record record, desk.read_defined(election));
  const Definition definition = record.state->definition;
  if (!definition.needs_roll()) {
    return absl::FailedPreconditionError("the election is open to everyone and has no roll");
  }
  ASSIGN_OR_RETURN(const auto codes, codes_for(office, definition, roll.voters));
  const RollUpload upload(election, desk.roll_salt(election), roll.voters, codes);
  const bool was_imported = record.state->roll == upload.summary();
  if (!was_imported) {
    const Event tentative{.kind = EventKind::kRoll, .roll = upload.summary()};
    RETURN_IF_ERROR(check_transition(*record.state, tentative, desk.now_ms()));
  }
  ASSIGN_OR_RETURN(const auto logger, desk.status(wire::kToLogger, election));
  const bool logger_follows = logger.state && logger.state->sequence == record.state->sequence;
  ElectionState state = *record.state;
  if (!was_imported || !logger_follows) {
    Progress progress("Sending the roll", upload.summary().count, office.options().output());
    RETURN_IF_ERROR(upload.send(desk.services(), progress));
    RETURN_IF_ERROR(desk.bring_logger_up_to_date(election, record).status());
  }
  if (!was_imported) {
    ASSIGN_OR_RETURN(Done done, desk.append(election, record,
                                            {.kind = EventKind::kRoll, .roll = upload.summary()}));
    state = std::move(done.state);
  }
  const std::int64_t now = desk.now_ms();
  Report report{.what = fmt::format("The roll of election {} has {}{}.", election,
                                    counted(state.voters(), "voter"),
                                    was_imported ? " and was imported before" : ""),
                .next = next_step(state, now),
                .body = notes_text(roll),
                .details = state_details(state, now)};
  if (definition.eligibility == Eligibility::kCodes && phase_at(state, now) == Phase::kDefined) {
    report.next = fmt::format(
        "write the mailing list of the codes: election-office roll codes --election {} --out FILE "
        "(then {})",
        election, next_step(state, now));
  }
  report.details["notes"] = roll.notes;
  report.details["result"] = was_imported ? "already applied" : "applied";
  return report;
}

// Writes a new file piece by piece; replaces the target only once everything is on the disk.
class NewFile {
 public:
  explicit NewFile(std::string file) : file_(std::move(file)), draft_(file_ + ".new") {
    fd_ = ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  }
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!is_done_) ::unlink(draft_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  bool is_open() const { return fd_ >= 0; }
  void add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kReadBytes) flush();
  }
  absl::Status finish() {
    flush();
    if (failed_ || ::fsync(fd_) != 0) {
      return absl::UnavailableError(fmt::format("{}: cannot be written", file_));
    }
    if (::rename(draft_.c_str(), file_.c_str()) != 0) {
      return absl::UnavailableError(fmt::format("{}: {}", file_, std::strerror(errno)));
    }
    is_done_ = true;
    return sync_parent_folder(file_);
  }

 private:
  void flush() {
    std::string_view rest = buffer_;
    while (!rest.empty() && !failed_) {
      const ssize_t written = ::write(fd_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      failed_ = written < 0;
      if (!failed_) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
  }

  const std::string file_;
  const std::string draft_;
  int fd_ = -1;
  bool failed_ = false;
  bool is_done_ = false;
  std::string buffer_;
};

const VoterCode* find_code(const std::vector<VoterCode>& codes, std::int64_t voter) {
  const auto found = std::ranges::lower_bound(codes, voter, {}, &VoterCode::voter);
  return found == codes.end() || found->voter != voter ? nullptr : &*found;
}

// The office's own list with one more column: names and addresses stay where they are.
absl::StatusOr<std::int64_t> write_joined(const Options& options,
                                          const std::vector<VoterCode>& codes, NewFile& out) {
  std::optional<std::size_t> index;
  absl::Status trouble;
  std::int64_t written = 0;
  char delimiter = ',';
  CsvReader* reader = nullptr;
  CsvReader csv([&](const CsvRecord& record) {
    if (record.is_empty() || !trouble.ok()) return;
    std::string line;
    delimiter = reader->delimiter();
    for (const std::string& field : record.fields) line += csv_field(field, delimiter) + delimiter;
    if (!index) {
      const VoterColumn column = find_voter_column(record.fields, options.column);
      if (!column.index) {
        trouble = absl::FailedPreconditionError(column.problem);
        return;
      }
      index = column.index;
      return out.add(line + "code\r\n");
    }
    const auto voter = *index < record.fields.size() ? read_voter_number(record.fields[*index])
                                                     : std::optional<std::int64_t>();
    const VoterCode* code = voter ? find_code(codes, *voter) : nullptr;
    if (code == nullptr) {
      trouble = absl::FailedPreconditionError(
          fmt::format("line {} of {}: the voter has no code; import this file first", record.line,
                      options.roll));
      return;
    }
    ++written;
    out.add(line + format_voter_code(*code) + "\r\n");
  });
  reader = &csv;
  RETURN_IF_ERROR(for_each_piece(
      options.roll, [&](std::string_view piece) { return csv.read(piece) && trouble.ok(); },
      options));
  csv.finish();
  RETURN_IF_ERROR(trouble);
  if (csv.error()) {
    return absl::FailedPreconditionError(
        fmt::format("line {}: {}", csv.error()->line, csv.error()->what));
  }
  return written;
}

// The state of the first of these elections, which must have codes and share their event: one list
// has the codes of one event.
absl::StatusOr<ElectionState> with_codes(Desk& desk, const std::vector<std::int64_t>& elections) {
  std::optional<ElectionState> first;
  for (const std::int64_t election : elections) {
    ASSIGN_OR_RETURN(const Record record, desk.read_defined(election));
    const Definition& definition = record.state->definition;
    if (definition.eligibility != Eligibility::kCodes) {
      return absl::FailedPreconditionError(
          fmt::format("election {} has no codes: its eligibility is \"{}\"", election,
                      to_text(definition.eligibility)));
    }
    if (!first) first = record.state;
    if (definition.event != first->definition.event) {
      return absl::FailedPreconditionError(fmt::format(
          "the elections {} and {} belong to different events, which have codes of their own: name "
          "one event with --event",
          first->definition.election, election));
    }
  }
  return *std::move(first);
}

absl::StatusOr<Report> codes_report(Office& office) {
  const Options& options = office.options();
  ASSIGN_OR_RETURN(const auto elections, office.chosen_elections());
  ASSIGN_OR_RETURN(Desk * desk, office.desk());
  ASSIGN_OR_RETURN(const ElectionState state, with_codes(*desk, elections));
  const Definition& definition = state.definition;
  ASSIGN_OR_RETURN(const auto codes, office.folder().read_codes(definition.event));
  if (codes.empty()) {
    return absl::FailedPreconditionError(
        "there are no codes in this office's folder yet: election-office roll import FILE makes "
        "them");
  }
  NewFile out(options.out);
  if (!out.is_open()) {
    return absl::UnavailableError(fmt::format("{}: {}", options.out, std::strerror(errno)));
  }
  std::int64_t written = static_cast<std::int64_t>(codes.size());
  if (options.roll.empty()) {
    out.add("voter_ID,code\r\n");
    for (const VoterCode& code : codes) {
      out.add(fmt::format("{},{}\r\n", code.voter, format_voter_code(code)));
    }
  } else {
    ASSIGN_OR_RETURN(written, write_joined(options, codes, out));
  }
  RETURN_IF_ERROR(out.finish());
  const std::int64_t now = desk->now_ms();
  return Report{
      .what = fmt::format("{} has the codes of {} for the event {}; only you can read it.",
                          options.out, counted(written, "voter"), definition.event),
      .next = fmt::format("mail each voter the code, then delete the file. Then {}",
                          next_step(state, now)),
      .details = {{"file", options.out}, {"codes", written}}};
}

absl::StatusOr<Report> add_one(Office& office, Desk& desk, std::int64_t election,
                               std::int64_t voter) {
  ASSIGN_OR_RETURN(const Record record, desk.read_defined(election));
  const Definition& definition = record.state->definition;
  RollEntry entry{.voter = voter};
  std::string code_text;
  if (definition.eligibility == Eligibility::kCodes) {
    ASSIGN_OR_RETURN(const auto codes, codes_for(office, definition, {voter}));
    const VoterCode* code = find_code(codes, voter);
    entry.code_hash = code_hash(election, *code);
    code_text = format_voter_code(*code);
  }
  ASSIGN_OR_RETURN(const auto done, desk.add_voter(election, record, entry));
  const ElectionState& state = done ? done->state : *record.state;
  const std::int64_t now = desk.now_ms();
  Report report{.what = done ? fmt::format("Voter {} is on the roll of election {} (event {}).",
                                           voter, election, done->event.sequence)
                             : fmt::format("Voter {} is on the roll of election {} already.", voter,
                                           election),
                .next = next_step(state, now),
                .details = state_details(state, now)};
  report.details["result"] = done ? "applied" : "already applied";
  if (!code_text.empty()) {
    report.body = fmt::format("Code of voter {}: {}\n", voter, code_text);
    report.details["code"] = code_text;
  }
  return report;
}

}  // namespace

Outcome import_roll(Office& office) {
  const std::string& file = office.options().arguments.front();
  auto roll = read_roll(file, office.options());
  if (!roll.ok()) return {.error = roll.status()};
  if (office.options().dry_run) return outcome_of(dry_run(file, *roll));
  return for_each_election(office, [&](Desk& desk, std::int64_t election) {
    return import_one(office, desk, election, *roll);
  });
}

Outcome write_codes(Office& office) {
  if (office.options().out.empty()) {
    return {.error = absl::InvalidArgumentError("--out: name the file for the mailing list")};
  }
  return outcome_of(codes_report(office));
}

Outcome add_voter(Office& office) {
  const auto voter = read_voter_number(office.options().arguments.front());
  if (!voter) {
    return {.error = absl::InvalidArgumentError("expected the number of the voter, up to 2^53-1")};
  }
  return for_each_election(office, [&](Desk& desk, std::int64_t election) {
    return add_one(office, desk, election, *voter);
  });
}

}  // namespace pollbus::election_office
