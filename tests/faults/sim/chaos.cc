#include "faults/sim/chaos.h"

#include <fmt/format.h>

#include <algorithm>

namespace pollbus::faults {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kMostFrozen{30};
constexpr seconds kMostDown{20};
constexpr seconds kMostApart{20};
// The time between SIGTERM and SIGKILL.
constexpr seconds kStopGrace{9};

}  // namespace

void Chaos::begin() { schedule(); }

void Chaos::schedule() {
  if (profile_.between_faults.count() == 0) return;
  world_.after(world_.random().between(std::chrono::microseconds(0), 2 * profile_.between_faults),
               [this] {
                 if (is_healed_) return;
                 strike();
                 schedule();
               });
}

absl::Status Chaos::reached(std::string_view place) {
  Process* const process = world_.running();
  if (process == nullptr || process->is_sheltered) return absl::OkStatus();
  Random& random = world_.random();
  if (random.chance(profile_.crash)) {
    note("crash at", fmt::format("{} {}", process->name(), place), {});
    world_.crash();
  }
  if (random.chance(profile_.hang)) {
    const auto duration = random.between(milliseconds(1), milliseconds(kMostFrozen));
    hold_still("hang at", fmt::format("{} {}", process->name(), place), duration);
    if (random.chance(0.5)) process->freeze(duration);
    world_.sleep(duration);
  }
  if (!random.chance(profile_.fail)) return absl::OkStatus();
  note("failure at", fmt::format("{} {}", process->name(), place), {});
  return absl::UnavailableError("simulated failure");
}

void Chaos::strike() {
  Random& random = world_.random();
  if ((profile_.server_crashes || profile_.server_outages) && random.chance(0.3))
    return strike(*servers_[random.below(servers_.size())]);
  std::vector<Process*> processes = processes_();
  std::erase_if(processes, [](const Process* process) { return process->is_sheltered; });
  if (!processes.empty()) strike(*processes[random.below(processes.size())]);
}

void Chaos::strike(Process& process) {
  Random& random = world_.random();
  if (profile_.kills && random.chance(0.4)) {
    note("kill of", process.name(), {});
    return process.kill();
  }
  if (profile_.freezes && random.chance(0.4)) {
    const auto duration = random.between(milliseconds(1), milliseconds(kMostFrozen));
    hold_still("freeze of", process.name(), duration);
    return process.freeze(duration);
  }
  if (profile_.stops && random.chance(0.4)) {
    const auto grace = random.between(milliseconds(10), milliseconds(kStopGrace));
    process.request_stop();
    return lasts("stop of", process.name(), grace, [&process] { process.kill(); });
  }
  if (profile_.partitions && random.chance(0.4)) {
    bool& lost = random.chance(0.5) ? process.loses_requests : process.loses_answers;
    lost = true;
    const char* const kind =
        &lost == &process.loses_requests ? "lost requests of" : "lost answers to";
    lasts(kind, process.name(), random.between(milliseconds(100), milliseconds(kMostApart)),
          [&lost] { lost = false; });
  }
}

void Chaos::strike(Server& server) {
  Random& random = world_.random();
  if (!server.is_up) return;
  const bool crashes = profile_.server_crashes && (!profile_.server_outages || random.chance(0.5));
  if (crashes) server.on_crash();
  server.is_up = false;
  lasts(crashes ? "crash of" : "outage of", server.name,
        random.between(milliseconds(1), milliseconds(kMostDown)),
        [&server] { server.is_up = true; });
}

void Chaos::lasts(const char* kind, const std::string& target, std::chrono::nanoseconds duration,
                  std::function<void()> end) {
  note(kind, target, duration);
  world_.after(duration, std::move(end));
}

void Chaos::hold_still(const char* kind, const std::string& target,
                       std::chrono::nanoseconds duration) {
  note(kind, target, duration);
  last_hold_ends_ = std::max(last_hold_ends_, world_.now() + duration);
}

void Chaos::note(const char* kind, const std::string& target,
                 std::optional<std::chrono::nanoseconds> duration) {
  const std::int64_t now_us = world_.now_us();
  const std::int64_t us =
      duration ? std::chrono::duration_cast<std::chrono::microseconds>(*duration).count() : 0;
  evidence_.faults.push_back({.id = ++last_fault_,
                              .t_us = now_us,
                              .kind = kind,
                              .target = target,
                              .healed_us = now_us + us});
  if (world_.is_traced()) {
    world_.trace(
        fmt::format("FAULT {}: {} {}{}", last_fault_, kind, target,
                    us > 0 ? fmt::format(" for {:.3f} ms", static_cast<double>(us) / 1'000) : ""));
  }
}

SteadyTime Chaos::heal() {
  is_healed_ = true;
  for (Server* server : servers_) server->is_up = true;
  for (Process* process : processes_()) process->loses_requests = process->loses_answers = false;
  return std::max(world_.now(), last_hold_ends_);
}

}  // namespace pollbus::faults
