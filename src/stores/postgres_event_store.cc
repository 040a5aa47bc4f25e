#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "base/status.h"
#include "base/text.h"
#include "election/sha256.h"
#include "stores/event_store.h"
#include "stores/postgres_connection.h"

namespace pollbus {
namespace {

// Sealing rewrites all votes of an election.
constexpr std::chrono::hours kStatementTimeout{1};

constexpr const char* kEvents =
    "SELECT data, signature FROM election_events($1) AS e OFFSET greatest($2 - 1, 0)";
constexpr const char* kElections = "SELECT electionid FROM defined_elections($1)";
constexpr const char* kApply = "SELECT apply_event($1::jsonb, $2::jsonb, $3, $4::jsonb)";
constexpr const char* kTurnout = "SELECT machine, stored FROM election_turnout($1)";
constexpr const char* kShowsTally = "SELECT shows_tally($1)";
constexpr const char* kTally = "SELECT choice, stored FROM election_tally($1)";
constexpr const char* kNow = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";

std::string or_null(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "null";
}

// A row of the table events.
std::string event_row(const NewEvent& event) {
  return fmt::format(
      R"({{"electionid":{},"sequence":{},"kind":"{}","data":{},"signature":"{}","hash":"{}"}})",
      event.event.election, event.event.sequence, to_text(event.event.kind),
      to_json_string(event.signed_event.data), event.signed_event.signature,
      to_hex(event.state.last));
}

// A row of the table elections.
std::string election_row(const ElectionState& state) {
  return fmt::format(R"({{"electionid":{},"event":{},"phase":"{}","is_live":{},"is_test":{},)"
                     R"("opens_utc_ms":{},"closes_utc_ms":{},"sequence":{}}})",
                     state.definition.election, to_json_string(state.definition.event),
                     to_text(state.phase), state.definition.results == ResultsVisibility::kLive,
                     state.definition.is_test, or_null(state.opens_ms), or_null(state.closes_ms),
                     state.sequence);
}

std::string tally_rows(const std::vector<ChoiceCount>& tally) {
  std::string rows = "[";
  for (const auto& [choice, votes] : tally) {
    if (rows.size() > 1) rows += ',';
    rows += fmt::format(R"({{"voting":{},"votes":{}}})", choice, votes);
  }
  return rows + "]";
}

ApplyOutcome outcome_of(std::string answer) {
  using enum ApplyOutcome::Kind;
  if (answer.empty()) return {.kind = kApplied, .reason = ""};
  if (answer == "taken") return {.kind = kTaken, .reason = ""};
  return {.kind = kRefused, .reason = std::move(answer)};
}

class PostgresEventStore final : public EventStore {
 public:
  explicit PostgresEventStore(PostgresConfig config) : config_(std::move(config)) {
    config_.statement_timeout = kStatementTimeout;
  }

  absl::StatusOr<std::vector<SignedEvent>> events(std::int64_t election,
                                                  std::int64_t from) override {
    ASSIGN_OR_RETURN(const PostgresRows rows,
                     run(kEvents, std::array{bigint_parameter(election), bigint_parameter(from)}));
    std::vector<SignedEvent> events;
    for (int row = 0; row < rows.size(); ++row) {
      events.push_back(
          {.data = rows.text(row, 0).value_or(""), .signature = rows.text(row, 1).value_or("")});
    }
    return events;
  }

  absl::StatusOr<std::vector<std::int64_t>> elections(
      const std::optional<std::string>& event) override {
    ASSIGN_OR_RETURN(const PostgresRows rows, run(kElections, std::array{text_parameter(event)}));
    std::vector<std::int64_t> elections;
    for (int row = 0; row < rows.size(); ++row) elections.push_back(rows.number(row, 0));
    return elections;
  }

  absl::StatusOr<ApplyOutcome> apply(const NewEvent& event) override {
    RETURN_IF_ERROR(connect());
    const auto rows = run(kApply, std::array{text_parameter(event_row(event)),
                                             text_parameter(election_row(event.state)),
                                             bigint_parameter(event.event.marks),
                                             text_parameter(tally_rows(event.event.tally))});
    // The database refuses this event, and another one may go through: for example, a trigger
    // rejects a row that a seal writes anew.
    if (absl::IsFailedPrecondition(rows.status()))
      return ApplyOutcome{.kind = ApplyOutcome::Kind::kRefused,
                          .reason = std::string(rows.status().message())};
    if (!rows.ok()) return rows.status();
    return outcome_of(rows->text(0, 0).value_or(""));
  }

  absl::StatusOr<StoredVotes> votes(std::int64_t election) override {
    const std::array parameters{bigint_parameter(election)};
    StoredVotes votes;
    ASSIGN_OR_RETURN(const PostgresRows machines, run(kTurnout, parameters));
    for (int row = 0; row < machines.size(); ++row) {
      votes.by_machine.push_back(
          {.machine = machines.number(row, 0), .votes = machines.number(row, 1)});
      votes.rows += votes.by_machine.back().votes;
    }
    ASSIGN_OR_RETURN(const PostgresRows shows, run(kShowsTally, parameters));
    if (shows.text(0, 0) != "t") return votes;
    ASSIGN_OR_RETURN(const PostgresRows choices, run(kTally, parameters));
    votes.tally.emplace();
    for (int row = 0; row < choices.size(); ++row)
      votes.tally->push_back({.voting = choices.number(row, 0), .votes = choices.number(row, 1)});
    return votes;
  }

  absl::StatusOr<std::int64_t> now_utc_ms() override {
    ASSIGN_OR_RETURN(const PostgresRows rows, run(kNow, {}));
    return rows.number(0, 0);
  }

  void stop_with(std::stop_token stop) override { stop_ = std::move(stop); }

 private:
  absl::Status connect() {
    if (connection_) return absl::OkStatus();
    ASSIGN_OR_RETURN(connection_, PostgresConnection::open(config_));
    return absl::OkStatus();
  }

  // After a failure the next call connects again.
  absl::StatusOr<PostgresRows> run(const std::string& sql,
                                   std::span<const PostgresParameter> parameters) {
    RETURN_IF_ERROR(connect());
    connection_->stop_with(stop_);
    auto rows = connection_->run(sql, parameters);
    if (!rows.ok()) connection_.reset();
    return rows;
  }

  PostgresConfig config_;
  std::stop_token stop_;
  std::optional<PostgresConnection> connection_;
};

}  // namespace

std::unique_ptr<EventStore> make_postgres_event_store(PostgresConfig config) {
  return std::make_unique<PostgresEventStore>(std::move(config));
}

}  // namespace pollbus
