#include "base/readiness.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/logging.h"

namespace pollbus {

void Readiness::expect(std::string_view part) {
  const std::lock_guard lock(mutex_);
  parts_.try_emplace(std::string(part), Part{.since = clock_.now()});
}

void Readiness::ready(std::string_view part) {
  std::chrono::milliseconds after{};
  {
    const std::lock_guard lock(mutex_);
    Part& state = parts_.try_emplace(std::string(part), Part{.since = clock_.now()}).first->second;
    if (state.ready) return;
    after = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - state.since);
    state = Part{.ready = true, .reason = "", .since = clock_.now()};
  }
  log_info("ready", {{"part", part}, {"after_ms", after.count()}});
}

void Readiness::not_ready(std::string_view part, std::string_view reason) {
  {
    const std::lock_guard lock(mutex_);
    Part& state = parts_.try_emplace(std::string(part), Part{.since = clock_.now()}).first->second;
    const bool was_ready = std::exchange(state.ready, false);
    state.reason = reason;
    if (!was_ready) return;
    state.since = clock_.now();
  }
  log_warning("not ready", {{"part", part}, {"reason", reason}});
}

bool Readiness::all_ready() const {
  const std::lock_guard lock(mutex_);
  return !parts_.empty() &&
         std::ranges::all_of(parts_, [](const auto& entry) { return entry.second.ready; });
}

std::string Readiness::json() const {
  const std::lock_guard lock(mutex_);
  nlohmann::json parts = nlohmann::json::object();
  bool all = !parts_.empty();
  for (const auto& [name, part] : parts_) {
    all = all && part.ready;
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - part.since);
    nlohmann::json entry{{"ready", part.ready}, {"since_seconds", since.count()}};
    if (!part.ready) entry["reason"] = part.reason;
    parts[name] = std::move(entry);
  }
  return nlohmann::json{{"ready", all}, {"parts", std::move(parts)}}.dump(
      -1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace pollbus
