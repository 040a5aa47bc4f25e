#include "faults/sim/simulated_bus.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "election/office_messages.h"
#include "election/wire.h"
#include "support/received_message.h"

namespace pollbus::faults {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLease{10};
// How often a client tries to reach a bus that was away.
constexpr seconds kReconnect{2};
// Acks of this last moment may be lost in a crash.
constexpr milliseconds kLazily{10};
// Waiting consumers react with a random delay, so that any of them may be the first.
constexpr milliseconds kMostLinger{2};
// Leases of one delivery, so that an ack id identifies the lease.
constexpr std::uint64_t kLeasesPerDelivery = 1 << 16;
// How many of the last messages an attacker remembers.
constexpr std::size_t kOverheard = 16;

class SimulatedPublisher final : public Publisher {
 public:
  SimulatedPublisher(SimulatedBus& bus, bool to_quarantine)
      : bus_(bus), to_quarantine_(to_quarantine) {}
  absl::Status publish(std::span<const Message> batch, std::stop_token /*stop*/) override {
    return bus_.publish(to_quarantine_, batch);
  }

 private:
  SimulatedBus& bus_;
  bool to_quarantine_;
};

std::vector<std::uint64_t> numbers(std::span<const std::string_view> texts) {
  std::vector<std::uint64_t> numbers;
  for (const std::string_view text : texts) numbers.push_back(std::stoull(std::string(text)));
  return numbers;
}

std::string uuid_in(std::string_view data) {
  constexpr std::string_view kField = "\"UUID\":\"";
  constexpr std::size_t kUuidLength = 36;
  const std::size_t field = data.find(kField);
  return field == data.npos ? "?" : std::string(data.substr(field + kField.size(), kUuidLength));
}

// A message in a trace.
std::string named(const ReceivedMessage& message) {
  const std::string_view function = message.attribute(wire::kFunction);
  // The UUIDs of the office are not those of the seed.
  if (!message.attribute(wire::kOfficeId).empty()) {
    const std::size_t kind = message.data.find("\"kind\":\"") + 8;
    return fmt::format("{}, {}", function,
                       message.data.substr(kind, message.data.find('"', kind) - kind));
  }
  return fmt::format("{} {}", function, uuid_in(message.data));
}

}  // namespace

SimulatedBus::SimulatedBus(World& world, const Profile& profile, Network& network,
                           Evidence& evidence, const Mutant& mutant)
    : world_(world), profile_(profile), network_(network), evidence_(evidence), mutant_(mutant) {
  server_.on_crash = [this] { crash(); };
}

std::unique_ptr<Publisher> SimulatedBus::connect() {
  return std::make_unique<SimulatedPublisher>(*this, /*to_quarantine=*/false);
}

std::unique_ptr<Publisher> SimulatedBus::connect_to_quarantine() {
  return std::make_unique<SimulatedPublisher>(*this, /*to_quarantine=*/true);
}

void SimulatedBus::subscribe(const std::string& name, Attributes filter) {
  subscriptions_.try_emplace(name, Subscription{.filter = std::move(filter)});
}

bool SimulatedBus::matches(const Subscription& subscription, const Message& message) const {
  if (profile_.ignores_filters) return true;
  return std::ranges::all_of(subscription.filter, [&](const auto& wanted) {
    return message.attribute(wanted.first) == wanted.second;
  });
}

absl::Status SimulatedBus::publish(bool to_quarantine, std::span<const Message> batch) {
  auto apply = [this, to_quarantine, messages = std::vector<Message>(batch.begin(), batch.end()),
                poison = std::exchange(next_is_poison_, false)](Extent extent) {
    for (const Message& message : messages) {
      if (extent == Extent::kPart && world_.random().chance(0.5)) continue;
      std::string id = append(to_quarantine, message, poison);
      if (poison) evidence_.poisons.push_back({.t_us = world_.now_us(), .id = std::move(id)});
    }
    return absl::OkStatus();
  };
  return network_.request(server_, std::move(apply));
}

void SimulatedBus::overhear(const Message& message) {
  if (overheard_.size() == kOverheard) overheard_.erase(overheard_.begin());
  overheard_.push_back(message);
}

std::string SimulatedBus::append(bool to_quarantine, const Message& message, bool is_poison) {
  std::string message_id = std::to_string(++last_message_);
  if (to_quarantine) {
    evidence_.notices.push_back({.t_us = world_.now_us(),
                                 .id = message.attribute(wire::kMessageId),
                                 .reason = message.attribute(wire::kReason)});
    return message_id;
  }
  if (!is_poison && profile_.attacks > 0) overhear(message);
  if (evidence_.refusable_votes.contains(uuid_in(message.data)))
    evidence_.refusable_messages.insert(message_id);
  const auto received =
      std::make_shared<const ReceivedMessage>(testing::received(message, message_id));
  if (world_.is_traced())
    world_.trace(fmt::format("bus: message {}: {}", message_id, named(*received)));
  for (auto& [name, subscription] : subscriptions_) {
    if (!matches(subscription, message)) continue;
    enqueue(subscription, received);
    if (world_.random().chance(profile_.duplicated)) enqueue(subscription, received);
  }
  return message_id;
}

void SimulatedBus::enqueue(Subscription& subscription,
                           std::shared_ptr<const ReceivedMessage> message) {
  const auto delay = world_.random().between(std::chrono::microseconds(0), profile_.max_delay);
  subscription.pending[++last_delivery_] = {
      .message = std::move(message), .available = world_.now() + delay, .published = world_.now()};
  world_.after(delay, [this, &subscription] { world_.notify(subscription.changed); });
}

// The ids of available deliveries, in the order of delivery.
std::vector<std::uint64_t> SimulatedBus::available(Subscription& subscription) {
  std::vector<std::uint64_t> ids;
  if (!server_.is_up) return ids;
  for (const auto& [id, pending] : subscription.pending) {
    if (pending.holder == nullptr && pending.available <= world_.now()) ids.push_back(id);
  }
  if (world_.random().chance(profile_.reordered)) {
    for (std::size_t i = ids.size(); i > 1; --i)
      std::swap(ids[i - 1], ids[world_.random().below(i)]);
  }
  return ids;
}

std::vector<SimulatedBus::Delivery> SimulatedBus::pull(const std::string& name, std::size_t most) {
  Subscription& subscription = subscriptions_.at(name);
  Process& process = *world_.running();
  bool has_lingered = false;
  while (!process.stop_token().stop_requested()) {
    const bool is_reached = !process.loses_answers && !process.loses_requests;
    std::vector<std::uint64_t> ids;
    if (is_reached) ids = available(subscription);
    if (ids.empty()) {
      has_lingered = false;
      world_.wait(subscription.changed, world_.now() + kReconnect);
    } else if (!has_lingered) {
      has_lingered = true;
      world_.sleep(world_.random().between(std::chrono::microseconds(0), kMostLinger));
    } else {
      ids.resize(std::min(ids.size(), most));
      std::vector<Delivery> deliveries;
      for (const std::uint64_t id : ids) deliveries.push_back(lease(subscription, id));
      return deliveries;
    }
  }
  return {};
}

SimulatedBus::Delivery SimulatedBus::lease(Subscription& subscription, std::uint64_t id) {
  Pending& pending = subscription.pending.at(id);
  pending.holder = world_.running();
  pending.is_held = true;
  watch_lease(subscription, id, ++pending.lease);
  if (world_.is_traced()) {
    world_.trace(fmt::format("bus: message {} to {}: {}", pending.message->id,
                             pending.holder->name(), named(*pending.message)));
  }
  return {std::to_string(id * kLeasesPerDelivery + pending.lease), *pending.message};
}

// A living holder extends its lease until it has acked or given back.
void SimulatedBus::watch_lease(Subscription& subscription, std::uint64_t id, std::uint64_t lease) {
  world_.after(kLease, [this, &subscription, id, lease] {
    const auto found = subscription.pending.find(id);
    if (found == subscription.pending.end()) return;
    Pending& pending = found->second;
    if (pending.holder == nullptr || pending.lease != lease) return;
    const Process& holder = *pending.holder;
    if (pending.is_held && holder.is_alive() && !holder.is_frozen() && !holder.loses_requests)
      return watch_lease(subscription, id, lease);
    pending.holder = nullptr;
    world_.notify(subscription.changed);
  });
}

SimulatedBus::Pending* SimulatedBus::find(Subscription& subscription, std::uint64_t ack_id) {
  const auto found = subscription.pending.find(ack_id / kLeasesPerDelivery);
  if (found == subscription.pending.end()) return nullptr;
  const Pending& pending = found->second;
  const bool is_stale = pending.holder == nullptr || pending.lease != ack_id % kLeasesPerDelivery;
  return is_stale && !profile_.stale_acks_count ? nullptr : &found->second;
}

void SimulatedBus::let_go(const std::string& name, std::span<const std::string_view> ack_ids) {
  Subscription& subscription = subscriptions_.at(name);
  for (const std::uint64_t ack_id : numbers(ack_ids)) {
    Pending* pending = find(subscription, ack_id);
    if (pending != nullptr && pending->holder == world_.running()) pending->is_held = false;
  }
}

void SimulatedBus::acknowledge(const std::string& name, std::span<const std::string_view> texts) {
  if (texts.empty()) return;
  const std::vector<std::uint64_t> ack_ids = numbers(texts);
  Subscription& subscription = subscriptions_.at(name);
  const auto apply = [this, &subscription, ack_ids] {
    std::erase_if(subscription.acked_lately,
                  [&](const Acked& acked) { return acked.at + kLazily < world_.now(); });
    for (const std::uint64_t ack_id : ack_ids) {
      const Pending* pending = find(subscription, ack_id);
      if (pending == nullptr) continue;
      if (world_.is_traced())
        world_.trace(fmt::format("bus: message {} is acked", pending->message->id));
      subscription.acked_lately.push_back({world_.now(), *pending});
      subscription.pending.erase(ack_id / kLeasesPerDelivery);
    }
  };
  network_.send(server_, apply, profile_.ack_lost);
}

void SimulatedBus::give_back(const std::string& name, std::span<const std::string_view> texts) {
  if (texts.empty()) return;
  const std::vector<std::uint64_t> ack_ids = numbers(texts);
  Subscription& subscription = subscriptions_.at(name);
  const auto apply = [this, &subscription, ack_ids] {
    for (const std::uint64_t ack_id : ack_ids) {
      Pending* pending = find(subscription, ack_id);
      if (pending == nullptr || pending->lease != ack_id % kLeasesPerDelivery) continue;
      pending->holder = nullptr;
    }
    world_.notify(subscription.changed);
  };
  network_.send(server_, apply, profile_.ack_lost);
}

std::size_t SimulatedBus::backlog() const {
  std::size_t count = 0;
  for (const auto& [name, subscription] : subscriptions_) count += subscription.pending.size();
  return count;
}

void SimulatedBus::crash() {
  for (auto& [name, subscription] : subscriptions_) {
    for (auto& [id, pending] : subscription.pending) pending.holder = nullptr;
    for (const Acked& acked : subscription.acked_lately) {
      if (acked.at + kLazily < world_.now() || world_.random().chance(0.5)) continue;
      Pending& again = subscription.pending[++last_delivery_] = acked.pending;
      again.holder = nullptr;
    }
    subscription.acked_lately.clear();
    if (mutant_.bus_forgets) {
      std::erase_if(subscription.pending, [&](const auto& entry) {
        return entry.second.published + milliseconds(1'000) > world_.now();
      });
    }
  }
}

}  // namespace pollbus::faults
