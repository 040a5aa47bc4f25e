#include "voting_machine/history_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/logging.h"
#include "election/pseudonym.h"
#include "election/wire.h"

namespace pollbus::voting_machine {
namespace {

// By the system call: a clock that a test has put in the library's place does not reach it.
std::int64_t now_us() {
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

// As in the message of a result.
std::string text_of(Outcome outcome) {
  return nlohmann::json::parse(wire::encode(Result{.outcome = outcome, .uuid = {}, .reason = {}}))
      .at("result");
}

class HistoryFile final : public History {
 public:
  HistoryFile(int file, const HashKey& key, std::int64_t election, std::int64_t machine)
      : file_(file), key_(key), election_(election), machine_(machine) {
    write(fmt::format(R"({{"event":"start","t_us":{},"election":{},"machine":{}}})"
                      "\n",
                      now_us(), election_, machine_));
  }
  ~HistoryFile() override { close(file_); }
  HistoryFile(const HistoryFile&) = delete;
  HistoryFile& operator=(const HistoryFile&) = delete;

  void cast(std::span<const SubmittedVote> votes) override { write_votes("cast", votes); }
  void recovered(const SubmittedVote& vote) override { write_votes("recovered", {&vote, 1}); }

  void republished(const std::string& data) override {
    const auto parsed = wire::parse_submitted(data);
    const auto* vote = std::get_if<SubmittedVote>(&parsed);
    if (vote == nullptr) return;
    write(fmt::format(R"({{"event":"republished","t_us":{},"machine":{},"uuid":"{}"}})"
                      "\n",
                      now_us(), machine_, vote->uuid));
  }

  void answered(const Result& result, bool ends) override {
    nlohmann::ordered_json line{{"event", "answered"},
                                {"t_us", now_us()},
                                {"machine", machine_},
                                {"uuid", result.uuid},
                                {"result", text_of(result.outcome)},
                                {"ends", ends}};
    write(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }

 private:
  void write_votes(const char* event, std::span<const SubmittedVote> votes) {
    std::string lines;
    for (const SubmittedVote& vote : votes) {
      fmt::format_to(
          std::back_inserter(lines),
          R"({{"event":"{}","t_us":{},"election":{},"machine":{},"uuid":"{}","voter":"{}","choice":{}}})"
          "\n",
          event, now_us(), vote.election, vote.machine, vote.uuid,
          to_hex(pseudonym(key_, vote.election, vote.voter)), vote.choice);
    }
    write(lines);
  }

  // One call for whole lines: with O_APPEND they do not mix with another thread's.
  void write(const std::string& lines) {
    if (::write(file_, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size())) return;
    log_error("the history cannot be written", {{"error", std::system_category().message(errno)}});
  }

  const int file_;
  const HashKey key_;
  const std::int64_t election_;
  const std::int64_t machine_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<History>> open_history_file(const std::string& path,
                                                           const HashKey& key,
                                                           std::int64_t election,
                                                           std::int64_t machine) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) {
    return absl::UnavailableError(
        fmt::format("history {}: {}", path, std::system_category().message(errno)));
  }
  return std::make_unique<HistoryFile>(file, key, election, machine);
}

}  // namespace pollbus::voting_machine
