#include "faults/checker/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "faults/checker/life.h"
#include "faults/checker/votes.h"

namespace pollbus::faults {
namespace {

std::string named(const Content& content) {
  return fmt::format("election {}, machine {}, choice {}", content.election, content.machine,
                     content.choice);
}

class Judge {
 public:
  Judge(const Evidence& evidence, const Keys& keys)
      : evidence_(evidence), keys_(keys), votes_(evidence, keys), life_(evidence) {
    judgement_.violations = votes_.contradictions;
  }

  Judgement judge() && {
    for (const Vote& vote : votes_.all) {
      judge_answers(vote);
      judge_success(vote);
      judge_already_voted(vote);
      judge_mark(vote);
      judge_life(vote);
      count(vote);
    }
    judge_voters();
    judge_contents();
    judge_totals();
    judge_seals();
    judge_bad_input();
    return std::move(judgement_);
  }

 private:
  void broken(const char* invariant, const std::string& uuid, std::string what) {
    judgement_.violations.push_back({invariant, uuid, std::move(what)});
  }

  void count(const Vote& vote) {
    ++judgement_.votes;
    if (vote.timed_out) ++judgement_.timed_out;
    if (vote.was_answered(Outcome::kSuccessful)) ++judgement_.successful;
    if (vote.was_answered(Outcome::kAlreadyVoted)) ++judgement_.already_voted;
  }

  // Whether a fault had a store refuse this vote for good.
  bool is_refused(const Vote& vote) const {
    return vote.was_answered(Outcome::kRejected) && evidence_.refusable_votes.contains(vote.uuid);
  }

  // Whether this vote made the mark of its voter.
  bool is_marked_by(const Vote& vote) const {
    const auto mark = votes_.marks.find({vote.content.election, vote.voter});
    if (mark == votes_.marks.end()) return false;
    // A fingerprint does not contain the voter.
    const SubmittedVote submitted{.election = vote.content.election,
                                  .machine = vote.content.machine,
                                  .choice = vote.content.choice,
                                  .uuid = vote.uuid};
    return mark->second->fingerprint == fingerprint(keys_.logger, submitted);
  }

  void judge_answers(const Vote& vote) {
    if (vote.is_pending) {
      broken("I6", vote.uuid,
             vote.answers.empty() ? "was never answered" : "is pending in spite of its answer");
    }
    for (const Answer& answer : vote.answers) {
      if (answer.machine != vote.content.machine)
        broken("I6", vote.uuid, fmt::format("was answered to machine {}", answer.machine));
      if (answer.result != vote.answers.front().result)
        return broken("I6", vote.uuid, "has answers that contradict each other");
    }
    if (is_refused(vote)) {
      if (vote.receipt != nullptr) broken("I6", vote.uuid, "was rejected and is stored");
    } else if (const auto why = life_.wrong_rejection(vote); why) {
      broken(why->invariant, vote.uuid, why->what);
    }
  }

  void judge_life(const Vote& vote) {
    const auto found = votes_.marks.find({vote.content.election, vote.voter});
    const StoredMark* const mark = is_marked_by(vote) ? found->second : nullptr;
    if (mark == nullptr && vote.receipt == nullptr) return;
    if (vote.eligible == Eligible::kNo)
      broken("I8", vote.uuid, "counts although the roll, its code or its choice forbids it");
    if (life_.was_not_open_for(vote))
      broken("I8", vote.uuid, "counts although the election was not open");
    if (mark != nullptr && mark->t_us && life_.was_not_open_at(mark->election, *mark->t_us))
      broken("I8", vote.uuid, "marked its voter while the election was not open");
    if (vote.receipt != nullptr && vote.receipt->t_us &&
        life_.was_sealed_before(vote.content.election, *vote.receipt->t_us)) {
      broken("I8", vote.uuid, "was stored after the election was sealed");
    }
  }

  void judge_seals() {
    std::map<std::int64_t, std::int64_t> rows;
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> by_choice;
    for (const auto& [content, count] : votes_.rows) {
      rows[content.election] += count;
      by_choice[{content.election, content.choice}] += count;
    }
    for (const Sealed& seal : evidence_.seals) {
      if (rows[seal.election] == seal.votes) continue;
      broken("I8", "",
             fmt::format("election {} was sealed with {} votes and has {} rows", seal.election,
                         seal.votes, rows[seal.election]));
    }
    for (const ToldCount& told : evidence_.told) {
      const std::int64_t stored = by_choice[{told.election, told.choice}];
      if (stored == told.votes) continue;
      broken("I7", "",
             fmt::format("choice {} of election {} has {} rows, and {} says {}", told.choice,
                         told.election, stored, told.by, told.votes));
    }
  }

  void judge_success(const Vote& vote) {
    const auto success = std::ranges::find(vote.answers, Outcome::kSuccessful, &Answer::result);
    if (success == vote.answers.end()) return;
    if (vote.receipt == nullptr) {
      broken("I1", vote.uuid, "was answered successful and is not stored");
    } else if (vote.receipt->t_us && *vote.receipt->t_us > success->t_us) {
      broken("I1", vote.uuid, "was answered successful before it was stored");
    }
  }

  void judge_already_voted(const Vote& vote) {
    if (!vote.was_answered(Outcome::kAlreadyVoted)) return;
    if (vote.receipt != nullptr)
      return broken("I4", vote.uuid, "was answered Already Voted!!! and is stored itself");
    for (const std::size_t other : votes_.by_voter.at({vote.content.election, vote.voter})) {
      const Vote& vote_before = votes_.all[other];
      if (vote_before.receipt != nullptr) return;
      if (is_refused(vote_before) && is_marked_by(vote_before)) return;
    }
    broken("I4", vote.uuid, "was answered Already Voted!!! and no vote of its voter is stored");
  }

  void judge_mark(const Vote& vote) {
    if (vote.receipt == nullptr) return;
    if (!votes_.marks.contains({vote.content.election, vote.voter}))
      return broken("I5", vote.uuid, "is stored and its voter is not marked");
    if (!is_marked_by(vote))
      broken("I5", vote.uuid, "is stored and its voter's mark is that of another vote");
  }

  void judge_voters() {
    for (const auto& [voter, votes] : votes_.by_voter) {
      int stored = 0;
      for (const std::size_t index : votes) {
        if (votes_.all[index].receipt != nullptr && ++stored == 2)
          broken("I3", votes_.all[index].uuid, "is the second stored vote of its voter");
      }
    }
  }

  void judge_contents() {
    std::map<Content, std::int64_t> cast;
    std::map<Content, std::int64_t> accepted;
    std::map<Content, std::string> example;
    for (const Vote& vote : votes_.all) {
      ++cast[vote.content];
      if (vote.was_answered(Outcome::kSuccessful)) ++accepted[vote.content];
      example[vote.content] = vote.uuid;
    }
    for (const auto& [content, rows] : votes_.rows) {
      cast.try_emplace(content, 0);
      if (rows > cast[content]) {
        broken("I2", "",
               fmt::format("{} rows of {}, cast {} times", rows, named(content), cast[content]));
      }
    }
    for (const auto& [content, count] : cast) {
      const auto rows = votes_.rows.find(content);
      const std::int64_t stored = rows == votes_.rows.end() ? 0 : rows->second;
      if (stored == accepted[content]) continue;
      broken("I7", example[content],
             fmt::format("{} rows of {}, accepted {} times", stored, named(content),
                         accepted[content]));
    }
    for (const StoredReceipt* receipt : votes_.strange_receipts)
      broken("I2", "", fmt::format("receipt {} is no cast vote's", to_hex(receipt->receipt)));
  }

  void judge_totals() {
    std::int64_t rows = 0;
    for (const auto& [content, count] : votes_.rows) rows += count;
    if (rows != std::ssize(evidence_.receipts))
      broken("I3", "", fmt::format("{} rows, {} receipts", rows, evidence_.receipts.size()));
    // A vote that PostgreSQL refused leaves its mark.
    const auto refused = std::ranges::count_if(
        votes_.all, [this](const Vote& vote) { return is_refused(vote) && is_marked_by(vote); });
    if (rows + refused != std::ssize(evidence_.marks)) {
      broken("I5", "",
             fmt::format("{} rows, {} refused votes, {} marks", rows, refused,
                         evidence_.marks.size()));
    }
    for (const std::string& uuid : evidence_.forged_successes) {
      broken("I1", uuid, "has a receipt under which a different vote was answered successful");
    }
  }

  void judge_bad_input() {
    std::set<std::string> poisons;
    std::set<std::string> noticed;
    for (const Poison& poison : evidence_.poisons) poisons.insert(poison.id);
    for (const Notice& notice : evidence_.notices) {
      noticed.insert(notice.id);
      if (!poisons.contains(notice.id) && !evidence_.refusable_messages.contains(notice.id)) {
        broken(
            "bad input", "",
            fmt::format("message {} was quarantined and was good: {}", notice.id, notice.reason));
      }
    }
    for (const std::string& id : poisons) {
      if (!noticed.contains(id))
        broken("bad input", "", fmt::format("message {} was bad and was not quarantined", id));
    }
  }

  const Evidence& evidence_;
  const Keys& keys_;
  Votes votes_;
  Life life_;
  Judgement judgement_;
};

}  // namespace

Judgement judge(const Evidence& evidence, const Keys& keys) {
  return Judge(evidence, keys).judge();
}

std::string story_of(const Evidence& evidence, const Keys& keys, const std::string& uuid) {
  const Votes votes(evidence, keys);
  const auto found = votes.by_uuid.find(uuid);
  std::set<std::string> uuids{uuid};
  std::string stored;
  if (found != votes.by_uuid.end()) {
    const Vote& vote = votes.all[found->second];
    for (const std::size_t other : votes.by_voter.at({vote.content.election, vote.voter}))
      uuids.insert(votes.all[other].uuid);
    const bool is_marked = votes.marks.contains({vote.content.election, vote.voter});
    stored = is_marked ? "  its voter is marked\n" : "  its voter is not marked\n";
  }
  std::string story;
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;
  for (const MachineEvent& event : evidence.events) {
    if (!uuids.contains(event.uuid)) continue;
    if (first_us == 0) first_us = event.t_us;
    last_us = event.t_us;
    story += "  " + to_line(event) + "\n";
  }
  for (const std::string& each : uuids) {
    const auto one = votes.by_uuid.find(each);
    if (one != votes.by_uuid.end() && votes.all[one->second].receipt != nullptr)
      stored += "  " + each + " is stored\n";
  }
  for (const Fault& fault : evidence.faults) {
    if (fault.t_us > last_us || (fault.healed_us && *fault.healed_us < first_us)) continue;
    const auto ms = [](std::int64_t t_us) { return static_cast<double>(t_us) / 1'000; };
    stored += fmt::format(
        "  {:>12.3f} ms  fault {}: {} {}, {}\n", ms(fault.t_us), fault.id, fault.kind, fault.target,
        fault.healed_us ? fmt::format("healed at {:.3f} ms", ms(*fault.healed_us)) : "not healed");
  }
  return story + stored;
}

}  // namespace pollbus::faults
