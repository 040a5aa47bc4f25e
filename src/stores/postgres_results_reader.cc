#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "base/status.h"
#include "stores/postgres_connection.h"
#include "stores/results_reader.h"

namespace pollbus {
namespace {

// Sealing replaces the storage of the counts, and a snapshot from before would find none in the new
// one. The lock waits for the seal, and the snapshot is taken after it.
constexpr char kBegin[] =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    "LOCK TABLE board_turnout, board_tally IN ACCESS SHARE MODE";
constexpr char kElections[] =
    "SELECT electionid, sequence FROM board_elections ORDER BY electionid";
constexpr char kNow[] = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
constexpr char kByMachine[] =
    "SELECT electionid, machineid, votes FROM board_turnout "
    "WHERE electionid IN (SELECT electionid FROM board_elections)";
constexpr char kByChoice[] = "SELECT electionid, voting, votes FROM board_tally";
// $1: elections; $2: milliseconds since 1970.
constexpr char kByMinute[] =
    "SELECT electionid, (extract(epoch FROM minute) * 1000)::bigint, votes "
    "FROM board_turnout_by_minute WHERE electionid = ANY ($1) AND minute >= to_timestamp($2 / "
    "1000.0) "
    "ORDER BY 1, 2";
constexpr char kFindReceipts[] =
    "SELECT DISTINCT electionid FROM board_receipts "
    "WHERE receipt >= $1 AND receipt < $2 ORDER BY electionid";

constexpr unsigned kBytea = 17;  // its Oid

// Votes are counted in the minute in which their transaction began, so nearly all new ones are in a
// minute that is not older than this.
constexpr std::chrono::milliseconds kRecent = std::chrono::minutes(2);

// Larger than every receipt with the prefix.
std::string upper_bound(std::string_view prefix) {
  constexpr std::size_t kReceiptBytes = 16;
  std::string bytes(prefix);
  bytes.resize(std::max(kReceiptBytes, prefix.size()) + 1, static_cast<char>(0xFF));
  return bytes;
}

class PostgresResultsReader : public ResultsReader {
 public:
  explicit PostgresResultsReader(PostgresConfig config) : config_(std::move(config)) {}

  absl::StatusOr<PublicCounts> read(const std::map<std::int64_t, std::int64_t>& known) override {
    PublicCounts counts;
    RETURN_IF_ERROR(
        use([&](PostgresConnection& connection) { return read(connection, known, counts); }));
    return counts;
  }

  absl::StatusOr<std::vector<std::int64_t>> find_receipts(std::string_view prefix) override {
    std::vector<std::int64_t> elections;
    RETURN_IF_ERROR(use([&](PostgresConnection& connection) -> absl::Status {
      const PostgresParameter bounds[] = {{kBytea, std::string(prefix)},
                                          {kBytea, upper_bound(prefix)}};
      ASSIGN_OR_RETURN(const PostgresRows rows, connection.run(kFindReceipts, bounds));
      for (int row = 0; row < rows.size(); ++row) elections.push_back(rows.number(row, 0));
      return absl::OkStatus();
    }));
    return elections;
  }

 private:
  template <typename Use>
  absl::Status use(Use use) {
    if (!connection_) {
      ASSIGN_OR_RETURN(connection_, PostgresConnection::open(config_));
    }
    absl::Status status = use(*connection_);
    if (!status.ok()) connection_.reset();
    return status;
  }

  absl::Status read(PostgresConnection& connection,
                    const std::map<std::int64_t, std::int64_t>& known, PublicCounts& counts) {
    RETURN_IF_ERROR(connection.run(kBegin).status());
    ASSIGN_OR_RETURN(const PostgresRows elections, connection.run(kElections));
    ASSIGN_OR_RETURN(const PostgresRows now, connection.run(kNow));
    counts.now_utc_ms = now.number(0, 0);
    for (int row = 0; row < elections.size(); ++row) {
      const std::int64_t election = elections.number(row, 0);
      const auto seen = known.find(election);
      const std::int64_t last = seen == known.end() ? 0 : seen->second;
      counts.sequences[election] = elections.number(row, 1);
      if (elections.number(row, 1) > last) {
        RETURN_IF_ERROR(read_events(connection, election, last, counts));
      }
    }
    RETURN_IF_ERROR(read_counts(connection, kByMachine, counts.by_machine));
    RETURN_IF_ERROR(read_counts(connection, kByChoice, counts.by_choice));
    RETURN_IF_ERROR(update_minutes(connection, counts));
    counts.by_minute = minutes_;
    return connection.run("COMMIT").status();
  }

  static absl::Status read_events(PostgresConnection& connection, std::int64_t election,
                                  std::int64_t last, PublicCounts& counts) {
    ASSIGN_OR_RETURN(
        const PostgresRows rows,
        connection.run(fmt::format("SELECT data, signature FROM board_events WHERE "
                                   "electionid = {} AND sequence > {} ORDER BY sequence",
                                   election, last)));
    for (int row = 0; row < rows.size(); ++row)
      counts.events.push_back({.election = election,
                               .event = {.data = rows.text(row, 0).value_or(""),
                                         .signature = rows.text(row, 1).value_or("")}});
    return absl::OkStatus();
  }

  static absl::Status read_counts(PostgresConnection& connection, const char* sql,
                                  std::map<std::int64_t, PublicCounts::Counts>& counts) {
    ASSIGN_OR_RETURN(const PostgresRows rows, connection.run(sql, {}));  // planned once
    for (int row = 0; row < rows.size(); ++row)
      counts[rows.number(row, 0)][rows.number(row, 1)] = rows.number(row, 2);
    return absl::OkStatus();
  }

  // The minutes of a long day are many rows, of which a second changes few: only those of elections
  // with new votes are read again, and of these only the last ones, unless votes are still missing
  // then.
  absl::Status update_minutes(PostgresConnection& connection, const PublicCounts& counts) {
    std::vector<std::int64_t> outdated = elections_with_other_minutes(counts);
    RETURN_IF_ERROR(read_minutes(connection, outdated, counts.now_utc_ms - kRecent.count()));
    outdated = elections_with_other_minutes(counts);
    return read_minutes(connection, outdated, 0);
  }

  // Both counts are kept by the transaction that stores the votes.
  std::vector<std::int64_t> elections_with_other_minutes(const PublicCounts& counts) const {
    std::vector<std::int64_t> elections;
    for (const auto& [election, by_machine] : counts.by_machine) {
      std::int64_t votes = 0;
      for (const auto& [machine, count] : by_machine) votes += count;
      if (const auto minutes = minutes_.find(election); minutes != minutes_.end())
        for (const auto& minute : minutes->second) votes -= minute.votes;
      if (votes != 0) elections.push_back(election);
    }
    return elections;
  }

  // Replaces the minutes that begin at `from` or later.
  absl::Status read_minutes(PostgresConnection& connection,
                            const std::vector<std::int64_t>& elections, std::int64_t from) {
    if (elections.empty()) return absl::OkStatus();
    PostgresArray wanted(PostgresArray::Element::kBigint, elections.size());
    for (const std::int64_t election : elections) {
      wanted.add_bigint(election);
      std::erase_if(minutes_[election],
                    [&](const auto& minute) { return minute.minute_utc_ms >= from; });
    }
    const PostgresParameter parameters[] = {wanted.take(), bigint_parameter(from)};
    ASSIGN_OR_RETURN(const PostgresRows rows, connection.run(kByMinute, parameters));
    for (int row = 0; row < rows.size(); ++row)
      minutes_[rows.number(row, 0)].push_back(
          {.minute_utc_ms = rows.number(row, 1), .votes = rows.number(row, 2)});
    return absl::OkStatus();
  }

  const PostgresConfig config_;
  std::optional<PostgresConnection> connection_;
  std::map<std::int64_t, std::vector<PublicCounts::MinuteCount>> minutes_;  // as read last
};

}  // namespace

std::unique_ptr<ResultsReader> make_postgres_results_reader(PostgresConfig config) {
  return std::make_unique<PostgresResultsReader>(std::move(config));
}

}  // namespace pollbus
