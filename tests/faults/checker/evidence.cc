#include "faults/checker/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pollbus::faults {
namespace {

using nlohmann::json;

const std::map<std::string, MachineEvent::Kind>& machine_events() {
  using enum MachineEvent::Kind;
  static const std::map<std::string, MachineEvent::Kind> kNames{{"start", kStart},
                                                                {"cast", kCast},
                                                                {"recovered", kRecovered},
                                                                {"kept", kKept},
                                                                {"republished", kRepublished},
                                                                {"answered", kAnswered},
                                                                {"erased", kErased},
                                                                {"left", kLeft}};
  return kNames;
}

KeyedHash hash_of(const std::string& hex) {
  KeyedHash hash{};
  if (hex.size() != 2 * hash.size()) throw std::invalid_argument("expected 32 hexadecimal digits");
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const std::string digits = hex.substr(2 * i, 2);
    std::size_t read = 0;
    hash[i] = static_cast<unsigned char>(std::stoul(digits, &read, 16));
    if (read != 2) throw std::invalid_argument("expected 32 hexadecimal digits");
  }
  return hash;
}

Outcome outcome_of(const std::string& text) {
  for (const Outcome outcome : {Outcome::kSuccessful, Outcome::kAlreadyVoted, Outcome::kRejected}) {
    if (text_of(outcome) == text) return outcome;
  }
  throw std::invalid_argument("no result is called \"" + text + "\"");
}

Eligible eligible_of(const std::string& text) {
  if (text == "yes") return Eligible::kYes;
  if (text == "no") return Eligible::kNo;
  if (text == "unknown") return Eligible::kUnknown;
  throw std::invalid_argument("eligible is yes, no or unknown");
}

std::int64_t number(const json& line, const char* name) { return line.at(name); }
std::string text(const json& line, const char* name) { return line.at(name); }

MachineEvent machine_event(MachineEvent::Kind kind, const json& line) {
  MachineEvent event{
      .kind = kind, .t_us = number(line, "t_us"), .machine = number(line, "machine")};
  if (line.contains("published_us")) event.published_us = number(line, "published_us");
  using enum MachineEvent::Kind;
  const bool is_vote = kind == kCast || kind == kRecovered || kind == kKept;
  if (kind == kStart || is_vote) event.election = number(line, "election");
  if (kind == kStart) return event;
  event.uuid = text(line, "uuid");
  std::ranges::transform(event.uuid, event.uuid.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (is_vote) {
    event.voter = hash_of(text(line, "voter"));
    event.choice = number(line, "choice");
    if (line.contains("eligible")) event.eligible = eligible_of(text(line, "eligible"));
  }
  if (kind == kAnswered) {
    event.result = outcome_of(text(line, "result"));
    event.ends = line.at("ends");
    if (line.contains("reason")) event.reason = text(line, "reason");
  }
  return event;
}

}  // namespace

std::string text_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kSuccessful:
      return "successful";
    case Outcome::kAlreadyVoted:
      return "Already Voted!!!";
    case Outcome::kRejected:
      return "Rejected";
  }
  return "";
}

absl::Status Evidence::add(const std::string& text_line) try {
  const json line = json::parse(text_line);
  const std::string event = text(line, "event");
  if (const auto found = machine_events().find(event); found != machine_events().end()) {
    events.push_back(machine_event(found->second, line));
  } else if (event == "rows") {
    rows.push_back({.election = number(line, "election"),
                    .machine = number(line, "machine"),
                    .choice = number(line, "choice"),
                    .count = number(line, "count")});
  } else if (event == "receipt") {
    receipts.push_back({.election = number(line, "election"),
                        .receipt = hash_of(text(line, "receipt")),
                        .t_us = {}});
    if (line.contains("t_us")) receipts.back().t_us = number(line, "t_us");
  } else if (event == "mark") {
    marks.push_back({.election = number(line, "election"),
                     .voter = number(line, "voter"),
                     .fingerprint = hash_of(text(line, "fingerprint"))});
    if (line.contains("t_us")) marks.back().t_us = number(line, "t_us");
  } else if (event == "step") {
    steps.push_back({.election = number(line, "election"),
                     .begun_us = number(line, "begun_us"),
                     .t_us = number(line, "t_us"),
                     .is_open = line.at("is_open")});
  } else if (event == "sealed") {
    seals.push_back({.election = number(line, "election"),
                     .t_us = number(line, "t_us"),
                     .votes = number(line, "votes")});
  } else if (event == "told") {
    told.push_back({.election = number(line, "election"),
                    .by = text(line, "by"),
                    .choice = number(line, "choice"),
                    .votes = number(line, "votes")});
  } else if (event == "poison") {
    poisons.push_back({.t_us = number(line, "t_us"), .id = text(line, "id")});
  } else if (event == "notice") {
    notices.push_back(
        {.t_us = number(line, "t_us"), .id = text(line, "id"), .reason = text(line, "reason")});
  } else if (event == "refusable" && line.contains("uuid")) {
    refusable_votes.insert(text(line, "uuid"));
  } else if (event == "refusable") {
    refusable_messages.insert(text(line, "id"));
  } else if (event == "forged success") {
    forged_successes.push_back(text(line, "uuid"));
  } else if (event == "fault") {
    faults.push_back({.id = number(line, "id"),
                      .t_us = number(line, "t_us"),
                      .kind = text(line, "kind"),
                      .target = text(line, "target"),
                      .healed_us = {}});
  } else if (event == "heal") {
    heals_.push_back({.id = number(line, "id"), .t_us = number(line, "t_us")});
  } else {
    return absl::InvalidArgumentError(fmt::format("no event is called \"{}\"", event));
  }
  return absl::OkStatus();
} catch (const std::exception& error) {  // thrown by the JSON library and the readers above
  return absl::InvalidArgumentError(error.what());
}

absl::Status Evidence::add_all(std::istream& lines) {
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty()) continue;
    const bool is_cut_off = lines.eof();
    if (const auto status = add(line); !status.ok() && !is_cut_off) {
      return absl::InvalidArgumentError(
          fmt::format("line {}: {}", number, std::string(status.message())));
    }
  }
  return absl::OkStatus();
}

void Evidence::sort() {
  std::ranges::stable_sort(events, {}, &MachineEvent::t_us);
  std::ranges::stable_sort(faults, {}, &Fault::t_us);
  std::ranges::stable_sort(steps, {}, &LifeStep::t_us);
  for (const Heal& heal : heals_) {
    const auto fault = std::ranges::find(faults, heal.id, &Fault::id);
    if (fault != faults.end()) fault->healed_us = heal.t_us;
  }
}

std::string to_line(const MachineEvent& event) {
  std::string when = fmt::format("{:>12.3f} ms  machine {}  ",
                                 static_cast<double>(event.t_us) / 1'000, event.machine);
  switch (event.kind) {
    case MachineEvent::Kind::kStart:
      return when + "starts";
    case MachineEvent::Kind::kCast:
      return when + fmt::format("casts {} (choice {})", event.uuid, event.choice);
    case MachineEvent::Kind::kRecovered:
      return when + fmt::format("recovers {} from its journal", event.uuid);
    case MachineEvent::Kind::kKept:
      return when + fmt::format("has ended with {} in its journal", event.uuid);
    case MachineEvent::Kind::kErased:
      return when + fmt::format("erases {} from its journal", event.uuid);
    case MachineEvent::Kind::kLeft:
      return when + fmt::format("still has {} in its journal", event.uuid);
    case MachineEvent::Kind::kRepublished:
      return when + fmt::format("publishes {} again", event.uuid);
    case MachineEvent::Kind::kAnswered:
      return when + fmt::format("is answered {}{} for {}{}", text_of(event.result),
                                event.reason.empty() ? "" : " (" + event.reason + ")", event.uuid,
                                event.ends ? "" : " (not pending)");
  }
  return when;
}

}  // namespace pollbus::faults
