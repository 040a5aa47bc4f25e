#include "faults/sim/network.h"

#include <memory>

namespace pollbus::faults {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr microseconds kLeastLatency{50};
constexpr microseconds kMostLatency{2'000};
// A broken connection is noticed at once, a silent one after the client's timeout.
constexpr milliseconds kClientTimeout{5'000};
constexpr double kSilent = 0.3;
// How long after the client has given up a request may still be applied.
constexpr seconds kMostLateness{10};

}  // namespace

Network::Fate Network::draw_fate(const Process& process) {
  Random& random = world_.random();
  Fate fate{.there = random.between(kLeastLatency, kMostLatency),
            .back = random.between(kLeastLatency, kMostLatency)};
  if (process.loses_requests || random.chance(profile_.request_lost)) {
    fate.is_applied = fate.is_answered = false;
  } else if (process.loses_answers || random.chance(profile_.answer_lost)) {
    fate.is_answered = false;
  } else if (random.chance(profile_.applied_in_part)) {
    fate.extent = Extent::kPart;
    fate.is_answered = false;
  } else if (random.chance(profile_.applied_late)) {
    fate.is_answered = false;
    fate.there = kClientTimeout + random.between(microseconds(0), microseconds(kMostLateness));
  }
  if (!fate.is_answered)
    fate.back = random.chance(kSilent) ? microseconds(kClientTimeout) : fate.back;
  return fate;
}

absl::Status Network::trouble(const Server& server) {
  const std::string what = "no answer from " + server.name;
  switch (world_.random().below(3)) {
    case 0:
      return absl::UnavailableError(what);
    case 1:
      return absl::DeadlineExceededError(what);
    default:
      return absl::InternalError(what);
  }
}

absl::Status Network::request(Server& server, std::function<absl::Status(Extent)> apply) {
  struct Answer {
    bool is_there = false;
    absl::Status status;
  };
  const auto answer = std::make_shared<Answer>();
  const Fate fate = draw_fate(*world_.running());
  if (fate.is_applied) {
    world_.after(fate.there, [&server, answer, apply = std::move(apply), extent = fate.extent] {
      if (!server.is_up) return;
      answer->status = apply(extent);
      answer->is_there = true;
    });
  }
  const bool is_late = fate.there > kClientTimeout;
  world_.sleep(is_late ? fate.back : fate.there + fate.back);
  if (!fate.is_answered || !answer->is_there) return trouble(server);
  return answer->status;
}

void Network::send(Server& server, std::function<void()> apply, double lost) {
  const Process& process = *world_.running();
  const auto there = world_.random().between(kLeastLatency, kMostLatency);
  if (process.loses_requests || world_.random().chance(lost)) return;
  world_.after(there, [&server, apply = std::move(apply)] {
    if (server.is_up) apply();
  });
}

}  // namespace pollbus::faults
