#include "voting_machine/journal_owner.h"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/logging.h"
#include "base/status.h"
#include "election/hex.h"

namespace pollbus::voting_machine {
namespace {

// What fits into the journal's header.
constexpr std::size_t kMaxTopicBytes = 200;
constexpr std::size_t kMaxHostBytes = 100;
constexpr std::size_t kMaxLifeBytes = 64;

std::string hash_of(const std::string& text) {
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), nullptr, 0);
  return hex_of(hash);
}

// A name that is too long is cut; a hash of all of it keeps it apart from others.
std::string fitted(const std::string& name, std::size_t most) {
  if (name.size() <= most) return name;
  const std::string end = "..." + hash_of(name);
  return name.substr(0, most - end.size()) + end;
}

JournalOwner fitted(JournalOwner owner) {
  owner.topic = fitted(owner.topic, kMaxTopicBytes);
  owner.host = fitted(owner.host, kMaxHostBytes);
  owner.life = fitted(owner.life, kMaxLifeBytes);
  return owner;
}

std::string encode(const JournalOwner& owner) {
  const nlohmann::ordered_json json{{"election", owner.election},
                                    {"machine", owner.machine},
                                    {"topic", owner.topic},
                                    {"host", owner.host},
                                    {"life", owner.life}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<JournalOwner> decode(const std::string& text) try {
  const auto json = nlohmann::json::parse(text);
  return JournalOwner{.election = json.at("election"),
                      .machine = json.at("machine"),
                      .topic = json.at("topic"),
                      .host = json.at("host"),
                      .life = json.at("life")};
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
}

// With both lives known, the host does not matter: one bus can have several addresses.
bool is_same_bus(const JournalOwner& one, const JournalOwner& other) {
  if (one.topic != other.topic) return false;
  if (!one.life.empty() && !other.life.empty()) return one.life == other.life;
  return one.host == other.host;
}

std::string unanswered(std::size_t votes) {
  return fmt::format("{} unanswered vote{}", votes, votes == 1 ? "" : "s");
}

std::string describe(const JournalOwner& owner) {
  return fmt::format("{} on {}", owner.topic, owner.host);
}

// Why the votes in the journal may not be cast here; empty if they may.
std::string objection(const std::optional<JournalOwner>& found, const JournalOwner& owner) {
  if (!found) return "do not say on which bus they were cast";
  if (is_same_bus(*found, owner)) return "";
  if (found->topic == owner.topic && found->host == owner.host)
    return fmt::format("were cast before {} was set up anew", describe(owner));
  return fmt::format("were cast on another bus ({}; this is {})", describe(*found),
                     describe(owner));
}

bool is_other_machine(const std::optional<JournalOwner>& found, const JournalOwner& owner) {
  return found && (found->election != owner.election || found->machine != owner.machine);
}

absl::Status claim_if_changed(Journal& journal, const JournalOwner& owner) {
  const std::string text = encode(owner);
  return text == journal.owner() ? absl::OkStatus() : journal.claim(text);
}

}  // namespace

absl::Status claim_journal(Journal& journal, const JournalOwner& its_owner,
                           LeftoverVotes leftover) {
  const JournalOwner owner = fitted(its_owner);
  const std::size_t votes = journal.recovered().size();
  const auto found = decode(journal.owner());
  if (votes == 0) return claim_if_changed(journal, owner);
  if (is_other_machine(found, owner)) {
    return absl::FailedPreconditionError(
        fmt::format("journal {} has {} of machine {} in election {}, not of machine {} in "
                    "election {}: name another file with --journal",
                    journal.name(), unanswered(votes), found->machine, found->election,
                    owner.machine, owner.election));
  }
  const std::string why = objection(found, owner);
  if (why.empty()) return claim_if_changed(journal, owner);
  if (leftover == LeftoverVotes::kRefuse) {
    return absl::FailedPreconditionError(fmt::format(
        "journal {} has {} that {}. If they are left over from a rehearsal, start "
        "once with --leftover-votes discard to delete them; if they belong to this election, start "
        "once with --leftover-votes cast",
        journal.name(), unanswered(votes), why));
  }
  const bool discards = leftover == LeftoverVotes::kDiscard;
  log_warning(discards ? "deleting votes left over from another bus"
                       : "casting votes left over from another bus",
              {{"votes", votes}, {"journal", journal.name()}});
  if (discards) RETURN_IF_ERROR(journal.discard());
  return claim_if_changed(journal, owner);
}

}  // namespace pollbus::voting_machine
