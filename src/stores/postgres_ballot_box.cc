#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/byte_order.h"
#include "base/logging.h"
#include "base/status.h"
#include "election/receipt.h"
#include "stores/ballot_box.h"
#include "stores/postgres_connection.h"
#include "stores/postgres_schema.h"

namespace pollbus {
namespace {

constexpr std::size_t kMaxBallotsPerTransaction = 10'000;

// An error that may pass usually concerns the server, and all ballots wait for it. After
// kFailuresBeforeParts such errors in a row the cause may be a single ballot: then the batch is
// halved until it is found. After kMaxFailedParts failed parts it is taken to be the server.
constexpr int kFailuresBeforeParts = 5;
constexpr int kMaxFailedParts = 64;

// Usually no ballot of a batch is stored yet. Then COPY appends all of them to both tables, in two
// thirds of the time that the statement kRecord takes. With fewer than kMinAppended ballots COPY
// takes longer, because it is not prepared and needs another round trip. If one receipt is known,
// the server refuses the whole COPY, and the rows that it has already written take up space until
// the table is vacuumed. One repeated ballot is usually followed by many (after a crash or a lost
// connection), so after a refusal the next kInsertsAfterRefusal transactions use kRecord.
constexpr std::size_t kMinAppended = 50;
constexpr int kInsertsAfterRefusal = 10;

// The ballots arrive in the order of their receipts and are inserted in it, so that recorders with
// overlapping batches wait for each other but never in a circle. Votes get random ids and are
// inserted in random order: within a batch, the n-th row of one table has nothing to do with the
// n-th row of the other, nor with the n-th id. A trigger counts them.
//
// IS TRUE keeps the planner from joining the two lists row by row: the plan does not depend on the
// size of the batch, and what is best for ten ballots takes seconds for ten thousand.
//
// Returns a row for each ballot whose receipt was known, with its position and the stored content
// (null if another transaction stored it a moment ago, or a trigger discarded the receipt). A
// trigger that discards a vote must not leave its receipt behind, so the statement then fails with
// a division by zero.
constexpr const char* kRecord = R"sql(
WITH incoming AS (
  SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY
    AS ballot (receipt, content, electionid, machineid, voting, id, position)
), fresh AS (
  INSERT INTO receipts (receipt, content, electionid)
  SELECT receipt, content, electionid FROM incoming
  ON CONFLICT DO NOTHING
  RETURNING receipt
), stored AS (
  INSERT INTO votes (id, electionid, machineid, voting)
  SELECT id, electionid, machineid, voting FROM incoming
  WHERE (receipt IN (SELECT receipt FROM fresh)) IS TRUE
  ORDER BY random()
  RETURNING 1
)
SELECT position, (SELECT encode(content, 'hex') FROM receipts
                  WHERE receipts.receipt = incoming.receipt)
FROM incoming WHERE (receipt IN (SELECT receipt FROM fresh)) IS NOT TRUE
UNION ALL
SELECT NULL, NULL WHERE 1 / ((SELECT count(*) FROM stored) = (SELECT count(*) FROM fresh))::int = 0
)sql";

constexpr const char* kFindReceipts = R"sql(
SELECT position, (SELECT encode(content, 'hex') FROM receipts WHERE receipts.receipt = wanted.receipt)
FROM unnest($1) WITH ORDINALITY AS wanted (receipt, position)
)sql";

constexpr const char* kFindSealed = "SELECT electionid FROM sealed_elections($1)";

// Takes a slot of vote_counts for the session: one that no other session has, or any if more than
// 64 sessions record.
constexpr const char* kTakeSlot = R"sql(
SELECT set_config('pollbus.count_slot', coalesce(
  (SELECT slot FROM generate_series(0, 63) AS slot WHERE pg_try_advisory_lock(1886350444, slot) LIMIT 1),
  pg_backend_pid() % 64)::text, false)
)sql";

constexpr const char* kCount = "SELECT election, stored FROM stored_votes()";

// Counting the table takes about two seconds for ten million rows. The pause after it is a hundred
// times as long, so that it costs at most one percent of a processor.
constexpr const char* kCheckCounts = "SELECT missing, uncounted FROM check_counts()";
constexpr std::chrono::minutes kMaxCheckOfCounts{2};
constexpr std::chrono::seconds kMinPauseBetweenCounts{30};
constexpr int kPausePerCount = 100;

std::string_view as_text(const Hash128& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

// A ballot on its way into the database, and what the database holds under its receipt.
struct Entry {
  const Ballot* ballot = nullptr;
  bool is_new = false;
  bool is_sealed = false;           // its election is sealed, so it was not stored
  bool is_delayed = false;          // the database failed to store it alone, but may do so later
  std::optional<Hash128> stored{};  // nothing: the database does not hold the receipt
};

BallotOutcome outcome_of(const Ballot& ballot, const Entry& entry) {
  if (entry.is_delayed) return BallotOutcome::kDelayed;
  if (!entry.stored) return entry.is_sealed ? BallotOutcome::kSealed : BallotOutcome::kRefused;
  if (ballot.content != *entry.stored) return BallotOutcome::kOtherVote;
  return entry.is_new && &ballot == entry.ballot ? BallotOutcome::kRecorded
                                                 : BallotOutcome::kRecordedAgain;
}

struct Batch {
  std::vector<Entry> entries;           // one for each receipt, in the order of the receipts
  std::vector<std::size_t> entry_of{};  // for each ballot, the position of its entry
};

// The entry of a receipt gets the first ballot that has it.
Batch batch_of(std::span<const Ballot> ballots) {
  // Numbers in the order of the receipts: comparing these is faster than comparing bytes.
  struct Place {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::size_t ballot = 0;
    bool has_receipt_of(const Place& other) const { return high == other.high && low == other.low; }
  };
  std::vector<Place> places;
  places.reserve(ballots.size());
  for (const Ballot& ballot : ballots) {
    const std::string_view receipt = as_text(ballot.receipt);
    places.push_back({.high = from_big_endian<std::uint64_t>(receipt.substr(0, 8)),
                      .low = from_big_endian<std::uint64_t>(receipt.substr(8)),
                      .ballot = places.size()});
  }
  std::ranges::sort(places, {}, [](const Place& place) {
    return std::tuple(place.high, place.low, place.ballot);
  });
  Batch batch;
  batch.entries.reserve(ballots.size());
  batch.entry_of.resize(ballots.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (i == 0 || !places[i].has_receipt_of(places[i - 1]))
      batch.entries.push_back({.ballot = &ballots[places[i].ballot]});
    batch.entry_of[places[i].ballot] = batch.entries.size() - 1;
  }
  return batch;
}

using Uuid = std::array<unsigned char, 16>;

// Random UUIDs (version 4, RFC 4122), all drawn at once: gen_random_uuid() takes a tenth of the
// time that storing a vote takes.
std::vector<Uuid> random_ids(std::size_t count) {
  std::vector<Uuid> ids(count);
  randombytes_buf(ids.data(), ids.size() * sizeof(Uuid));
  for (Uuid& id : ids) {
    id[6] = static_cast<unsigned char>((id[6] & 0x0f) | 0x40);
    id[8] = static_cast<unsigned char>((id[8] & 0x3f) | 0x80);
  }
  return ids;
}

// The positions of the ids in an order that is as random as their first eight bytes.
std::vector<std::size_t> in_order_of(std::span<const Uuid> ids) {
  std::vector<std::pair<std::uint64_t, std::size_t>> keys;
  keys.reserve(ids.size());
  for (const Uuid& id : ids) {
    std::uint64_t key = 0;
    std::memcpy(&key, id.data(), sizeof key);
    keys.emplace_back(key, keys.size());
  }
  std::ranges::sort(keys);
  std::vector<std::size_t> order;
  order.reserve(keys.size());
  for (const auto& [key, position] : keys) order.push_back(position);
  return order;
}

// The rows of both tables: receipts in the order of the receipts (see kRecord), and votes in the
// order of their ids. The ids are random, so the second order reveals nothing about the first.
std::array<PostgresCopy, 2> as_rows(std::span<const Entry> entries) {
  PostgresCopy receipts("receipts (receipt, content, electionid)", 3, entries.size(), 40);
  for (const Entry& entry : entries) {
    receipts.begin_row();
    receipts.add_bytes(as_text(entry.ballot->receipt));
    receipts.add_bytes(as_text(entry.ballot->content));
    receipts.add_bigint(entry.ballot->election);
  }
  receipts.end();
  const std::vector<Uuid> ids = random_ids(entries.size());
  PostgresCopy votes("votes (id, electionid, machineid, voting)", 4, entries.size(), 36);
  for (const std::size_t i : in_order_of(ids)) {
    const Ballot& ballot = *entries[i].ballot;
    votes.begin_row();
    votes.add_bytes({reinterpret_cast<const char*>(ids[i].data()), ids[i].size()});
    votes.add_bigint(ballot.election);
    votes.add_bigint(ballot.machine);
    votes.add_integer(static_cast<std::int32_t>(ballot.choice));
  }
  votes.end();
  return {std::move(receipts), std::move(votes)};
}

std::vector<PostgresParameter> as_parameters(std::span<const Entry> entries) {
  using enum PostgresArray::Element;
  PostgresArray receipts(kBytea, entries.size());
  PostgresArray contents(kBytea, entries.size());
  PostgresArray elections(kBigint, entries.size());
  PostgresArray machines(kBigint, entries.size());
  PostgresArray choices(kInteger, entries.size());
  PostgresArray ids(kUuid, entries.size());
  for (const Entry& entry : entries) {
    receipts.add_bytea(as_text(entry.ballot->receipt));
    contents.add_bytea(as_text(entry.ballot->content));
    elections.add_bigint(entry.ballot->election);
    machines.add_bigint(entry.ballot->machine);
    choices.add_integer(static_cast<std::int32_t>(entry.ballot->choice));
  }
  for (const Uuid& id : random_ids(entries.size())) ids.add_uuid(id);
  return {receipts.take(), contents.take(), elections.take(),
          machines.take(), choices.take(),  ids.take()};
}

// The content column of a row, written in hexadecimal digits.
std::optional<Hash128> content_in(const PostgresRows& rows, int row) {
  const std::optional<std::string> hex = rows.text(row, 1);
  Hash128 hash;
  std::size_t length = 0;
  if (!hex || sodium_hex2bin(hash.data(), hash.size(), hex->data(), hex->size(), nullptr, &length,
                             nullptr) != 0) {
    return std::nullopt;
  }
  return length == hash.size() ? std::optional(hash) : std::nullopt;
}

// Looks up the receipts that an earlier statement could not see.
absl::Status find_receipts(PostgresConnection& connection, std::span<Entry* const> entries) {
  if (entries.empty()) return absl::OkStatus();
  PostgresArray receipts(PostgresArray::Element::kBytea, entries.size());
  for (const Entry* entry : entries) receipts.add_bytea(as_text(entry->ballot->receipt));
  const std::array parameters = {receipts.take()};
  ASSIGN_OR_RETURN(const PostgresRows rows, connection.run(kFindReceipts, parameters));
  for (int row = 0; row < rows.size(); ++row) {
    const auto position = static_cast<std::size_t>(rows.number(row, 0));
    entries[position - 1]->stored = content_in(rows, row);
  }
  return absl::OkStatus();
}

// Finds out which of the refused ballots came after the seal of their election.
absl::Status find_sealed(PostgresConnection& connection, std::span<Entry* const> entries) {
  PostgresArray elections(PostgresArray::Element::kBigint, entries.size());
  for (const Entry* entry : entries) elections.add_bigint(entry->ballot->election);
  const std::array parameters = {elections.take()};
  ASSIGN_OR_RETURN(const PostgresRows rows, connection.run(kFindSealed, parameters));
  std::set<std::int64_t> sealed;
  for (int row = 0; row < rows.size(); ++row) sealed.insert(rows.number(row, 0));
  for (Entry* entry : entries) entry->is_sealed = sealed.contains(entry->ballot->election);
  return absl::OkStatus();
}

void note_stored(std::span<Entry> entries) {
  for (Entry& entry : entries) {
    entry.is_new = true;
    entry.stored = entry.ballot->content;
  }
}

// Stores the ballots in one transaction, and notes in each entry what the database now holds.
absl::Status insert(PostgresConnection& connection, std::span<Entry> entries) {
  ASSIGN_OR_RETURN(const PostgresRows known, connection.run(kRecord, as_parameters(entries)));
  note_stored(entries);
  std::vector<Entry*> unseen;
  for (int row = 0; row < known.size(); ++row) {
    Entry& entry = entries[static_cast<std::size_t>(known.number(row, 0) - 1)];
    entry.is_new = false;
    entry.stored = content_in(known, row);
    if (!entry.stored) unseen.push_back(&entry);
  }
  return find_receipts(connection, unseen);
}

class PostgresBallotBox final : public BallotBox {
 public:
  explicit PostgresBallotBox(PostgresConfig config) : config_(std::move(config)) {}

  absl::StatusOr<std::vector<BallotOutcome>> record(std::span<const Ballot> ballots) override {
    std::vector<BallotOutcome> outcomes;
    outcomes.reserve(ballots.size());
    while (outcomes.size() < ballots.size()) {
      const auto part =
          ballots.subspan(outcomes.size())
              .first(std::min(ballots.size() - outcomes.size(), kMaxBallotsPerTransaction));
      Batch batch = batch_of(part);
      RETURN_IF_ERROR(store(batch.entries));
      for (std::size_t i = 0; i < part.size(); ++i)
        outcomes.push_back(outcome_of(part[i], batch.entries[batch.entry_of[i]]));
    }
    return outcomes;
  }

  absl::Status check() override {
    return connected([](PostgresConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const PostgresRows rows, connection.run("SHOW transaction_read_only"));
      if (rows.size() == 1 && rows.text(0, 0) == "off") return absl::OkStatus();
      return absl::UnavailableError(
          fmt::format("{} is read-only: is it a standby?", connection.where()));
    });
  }

  absl::StatusOr<ElectionCounts> counts() override {
    ElectionCounts counts;
    absl::Status status = connected([&](PostgresConnection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const PostgresRows rows, connection.run(kCount));
      for (int row = 0; row < rows.size(); ++row)
        counts.by_election[rows.number(row, 0)] = rows.number(row, 1);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    if (std::chrono::steady_clock::now() >= next_count_of_missing_) count_missing();
    counts.missing = missing_;
    return counts;
  }

  absl::Status migrate() override { return connected(migrate_or_check); }

 private:
  // Stores the ballots in one transaction if the database accepts all of them. Otherwise finds
  // those that it refuses, or fails to store, so that one row cannot keep the others out.
  absl::Status store(std::span<Entry> entries) {
    absl::Status status = store_all(entries);
    const bool is_refused = absl::IsFailedPrecondition(status);
    failures_ = status.ok() || is_refused ? 0 : failures_ + 1;
    if (!is_refused && failures_ < kFailuresBeforeParts) return status;
    failures_ = 0;
    // If the statement fails even without rows, the cause is not a ballot.
    RETURN_IF_ERROR(store_all({}));
    Failures failures;
    RETURN_IF_ERROR(store_halves(entries, status, failures));
    if (failures.delayed > 0) {
      log_error("the database fails to store some of the votes",
                {{"votes", failures.delayed}, {"error", failures.trouble}});
    }
    if (failures.refused.empty()) return absl::OkStatus();
    log_error("the database refuses votes",
              {{"votes", failures.refused.size()}, {"error", failures.refusal}});
    // A trigger may refuse even the repetition of a vote that is stored.
    return connected([&](PostgresConnection& connection) -> absl::Status {
      RETURN_IF_ERROR(find_receipts(connection, failures.refused));
      return find_sealed(connection, failures.refused);
    });
  }

  // The ballots that could not be stored, and the last error of each kind.
  struct Failures {
    std::vector<Entry*> refused;
    absl::Status refusal;
    std::size_t delayed = 0;
    absl::Status trouble;
    int failed_parts = 0;
  };

  // For entries that could not be stored together because of `error`.
  absl::Status store_halves(std::span<Entry> entries, const absl::Status& error,
                            Failures& failures) {
    const bool is_refused = absl::IsFailedPrecondition(error);
    (is_refused ? failures.refusal : failures.trouble) = error;
    if (!is_refused && ++failures.failed_parts > kMaxFailedParts) return error;
    if (entries.size() == 1) {
      Entry& entry = entries.front();
      if (is_refused) failures.refused.push_back(&entry);
      entry.is_delayed = !is_refused;
      failures.delayed += entry.is_delayed ? 1 : 0;
      return absl::OkStatus();
    }
    const std::size_t half = entries.size() / 2;
    for (const auto part : {entries.first(half), entries.subspan(half)}) {
      const absl::Status status = store_all(part);
      if (!status.ok()) RETURN_IF_ERROR(store_halves(part, status, failures));
    }
    return absl::OkStatus();
  }

  absl::Status store_all(std::span<Entry> entries) {
    return connected([&](PostgresConnection& connection) -> absl::Status {
      if (!has_slot_) RETURN_IF_ERROR(connection.run(kTakeSlot).status());
      has_slot_ = true;
      if (entries.size() < kMinAppended) return insert(connection, entries);
      if (inserts_before_append_ == 0) {
        absl::Status appended = connection.append(as_rows(entries));
        if (appended.ok()) note_stored(entries);
        if (!absl::IsFailedPrecondition(appended) || !connection.is_idle()) return appended;
        inserts_before_append_ = kInsertsAfterRefusal;
      }
      --inserts_before_append_;
      return insert(connection, entries);
    });
  }

  // Calls `use` with a session. Drops the session after a failure, and with it what was not
  // committed, unless the server only refused a statement.
  template <typename Use>
  absl::Status connected(const Use& use) {
    if (!connection_) {
      ASSIGN_OR_RETURN(connection_, PostgresConnection::open(config_));
      has_slot_ = false;
    }
    absl::Status status = use(*connection_);
    const bool is_refusal = absl::IsFailedPrecondition(status) && connection_->is_idle();
    if (!status.ok() && !is_refusal) connection_.reset();
    return status;
  }

  // A failure is not trouble with the ballot box: a very large table may exceed the time limit.
  void count_missing() {
    const SteadyTime begin = std::chrono::steady_clock::now();
    const absl::Status status = connected([&](PostgresConnection& connection) -> absl::Status {
      const std::chrono::milliseconds timeout = connection.statement_timeout();
      RETURN_IF_ERROR(connection.set_statement_timeout(kMaxCheckOfCounts));
      ASSIGN_OR_RETURN(const PostgresRows rows, connection.run(kCheckCounts));
      missing_ = rows.number(0, 0);
      if (const std::int64_t uncounted = rows.number(0, 1); uncounted > 0)
        log_error("votes were added or changed by hand", {{"uncounted", uncounted}});
      return connection.set_statement_timeout(timeout);
    });
    if (!status.ok()) log_warning("votes could not be counted", {{"error", status}});
    const SteadyTime end = std::chrono::steady_clock::now();
    next_count_of_missing_ = end + std::max<SteadyTime::duration>(kMinPauseBetweenCounts,
                                                                  kPausePerCount * (end - begin));
  }

  PostgresConfig config_;
  std::optional<PostgresConnection> connection_;
  bool has_slot_ = false;
  int inserts_before_append_ = 0;  // transactions that still use kRecord
  int failures_ = 0;               // calls of store() in a row that met with trouble that may pass
  SteadyTime next_count_of_missing_;  // the first count is due at once
  std::int64_t missing_ = 0;
};

}  // namespace

Ballot ballot_of(const AnonymousVote& vote) {
  return {.election = vote.election,
          .machine = vote.machine,
          .choice = vote.choice,
          .receipt = receipt(vote.election, vote.uuid),
          .content = content_hash(vote)};
}

std::unique_ptr<BallotBox> make_postgres_ballot_box(PostgresConfig config) {
  return std::make_unique<PostgresBallotBox>(std::move(config));
}

}  // namespace pollbus
