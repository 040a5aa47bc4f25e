#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "election/keyed_hash.h"
#include "election/vote.h"

// The evidence of one election: plain values, which the simulation fills in directly and which
// tests/faults/README.md defines as lines for files. Times are microseconds of one clock.
namespace pollbus::faults {

// Whether the roll, its voter's code and its choice allow a vote in an election that the office has
// defined. Unknown: the voter is added to the roll meanwhile.
enum class Eligible { kYes, kNo, kUnknown };

struct MachineEvent {
  enum class Kind {
    kStart,
    kCast,         // written to the journal, or first seen on the bus
    kRecovered,    // found in the journal by a new life, which must get an answer for it
    kKept,         // seen in the journal of a machine that had ended
    kRepublished,  // published again
    kAnswered,
    kErased,  // from the journal
    kLeft,    // still in the journal when the election was over
  };

  Kind kind = Kind::kStart;
  std::int64_t t_us = 0;
  // When the vote reached the bus, if a witness saw it later than that: kCast and kRepublished.
  std::optional<std::int64_t> published_us{};
  std::int64_t election = 0;
  std::int64_t machine = 0;
  std::string uuid;   // lower-case
  KeyedHash voter{};  // kCast, kRecovered and kKept only, as the choice is
  std::int64_t choice = 0;
  Eligible eligible = Eligible::kYes;
  Outcome result = Outcome::kSuccessful;  // kAnswered only
  bool ends = false;                      // kAnswered only: the vote was pending
  std::string reason;                     // kAnswered only: why the vote was rejected
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
  std::optional<std::int64_t> t_us;  // when it was committed, if known
};

struct StoredMark {
  std::int64_t election = 0;
  std::int64_t voter = 0;
  KeyedHash fingerprint{};
  std::optional<std::int64_t> t_us;  // when it was made, if known
};

// A step in the life of an election, after which it takes votes or not. It took effect at some
// moment from begun_us to t_us. Before the first step the election takes none.
struct LifeStep {
  std::int64_t election = 0;
  std::int64_t begun_us = 0;
  std::int64_t t_us = 0;
  bool is_open = false;
};

// An election was sealed with so many votes.
struct Sealed {
  std::int64_t election = 0;
  std::int64_t t_us = 0;
  std::int64_t votes = 0;
};

// What somebody was told about the votes for a choice after the seal: by the certificate, the
// exported results, the board.
struct ToldCount {
  std::int64_t election = 0;
  std::string by;
  std::int64_t choice = 0;
  std::int64_t votes = 0;
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
  std::vector<LifeStep> steps;
  std::vector<Sealed> seals;
  std::vector<ToldCount> told;
  std::vector<Poison> poisons;
  std::vector<Notice> notices;
  std::vector<Fault> faults;
  // Votes that a fault may have a store refuse for good, and messages that may be quarantined for
  // that reason.
  std::unordered_set<std::string> refusable_votes;     // UUIDs
  std::unordered_set<std::string> refusable_messages;  // message ids
  // UUIDs of answered votes under which a different vote was published and answered successful.
  std::vector<std::string> forged_successes;

  // Adds one line. INVALID_ARGUMENT says what is wrong with it.
  absl::Status add(const std::string& line);
  // Adds the lines of a file, and ignores a last line that a crash cut off. Call sort() after the
  // last file.
  absl::Status add_all(std::istream& lines);
  // Sorts by time. Events of the same time keep their order.
  void sort();

 private:
  struct Heal {
    std::int64_t id = 0;
    std::int64_t t_us = 0;
  };
  std::vector<Heal> heals_;  // sort() joins them with their faults
};

std::string text_of(Outcome outcome);
// One event as a line of a vote's story.
std::string to_line(const MachineEvent& event);

}  // namespace pollbus::faults
