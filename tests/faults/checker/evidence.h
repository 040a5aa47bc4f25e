#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "election/keyed_hash.h"
#include "election/vote.h"

// What became of an election, as tests/faults/README.md defines it line by line: plain values,
// which a simulation fills in memory and a harness by files. Times are microseconds of one clock.
namespace pollbus::faults {

struct MachineEvent {
  enum class Kind { kStart, kCast, kRecovered, kRepublished, kAnswered };

  Kind kind = Kind::kStart;
  std::int64_t t_us = 0;
  std::int64_t election = 0;  // kStart, kCast and kRecovered only
  std::int64_t machine = 0;
  std::string uuid;  // lower-case
  KeyedHash voter{};
  std::int64_t choice = 0;
  Outcome result = Outcome::kSuccessful;
  bool ends = false;
};

struct Rows {
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::int64_t choice = 0;
  std::int64_t count = 0;
};

struct StoredReceipt {
  std::int64_t election = 0;
  KeyedHash receipt{};
  std::optional<std::int64_t> t_us;  // of the commit, where it is known
};

struct StoredMark {
  std::int64_t election = 0;
  std::int64_t voter = 0;
  KeyedHash fingerprint{};
};

struct Poison {
  std::int64_t t_us = 0;
  std::string id;
};

struct Notice {
  std::int64_t t_us = 0;
  std::string id;
  std::string reason;
};

struct Fault {
  std::int64_t id = 0;
  std::int64_t t_us = 0;
  std::string kind;
  std::string target;
  std::optional<std::int64_t> healed_us;
};

struct Evidence {
  std::vector<MachineEvent> events;
  std::vector<Rows> rows;
  std::vector<StoredReceipt> receipts;
  std::vector<StoredMark> marks;
  std::vector<Poison> poisons;
  std::vector<Notice> notices;
  std::vector<Fault> faults;

  // Adds what one line says. INVALID_ARGUMENT says what is wrong with it.
  absl::Status add(const std::string& line);
  // Adds a file's lines; what a crash left of a last line is passed over. After the last file,
  // call sort().
  absl::Status add_all(std::istream& lines);
  // By time; events of one moment stay as they came.
  void sort();

 private:
  struct Heal {
    std::int64_t id = 0;
    std::int64_t t_us = 0;
  };
  std::vector<Heal> heals_;  // whose faults are joined by sort()
};

std::string text_of(Outcome outcome);
// One event as a line of a story, without what is secret.
std::string to_line(const MachineEvent& event);

}  // namespace pollbus::faults
