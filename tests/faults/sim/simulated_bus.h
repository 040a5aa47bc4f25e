#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/message.h"
#include "bus/publisher.h"
#include "faults/checker/evidence.h"
#include "faults/mutants/mutants.h"
#include "faults/sim/network.h"

namespace pollbus::faults {

// The topic "election" with its subscriptions, and the quarantine topic, as bad as Google's
// documentation allows: at least once, in any order, late. A crash loses leases and the last acks,
// but no message that was answered for.
class SimulatedBus {
 public:
  struct Delivery {
    std::string ack_id;
    ReceivedMessage message;
  };

  SimulatedBus(World& world, const Profile& profile, Network& network, Evidence& evidence,
               const Mutant& mutant);

  // Creates a subscription for messages with these attributes, unless it is there.
  void subscribe(const std::string& name, Attributes filter);

  // A client's connection, which borrows this.
  std::unique_ptr<Publisher> connect();
  std::unique_ptr<Publisher> connect_to_quarantine();

  // Called by the running thread, as a client of the server.
  absl::Status publish(bool to_quarantine, std::span<const Message> batch);
  // Waits for messages and leases them to the running process, which keeps a lease as long as it
  // lives and has neither acked nor given back. Returns nothing once a stop is requested.
  std::vector<Delivery> pull(const std::string& subscription, std::size_t most);
  // Stops extending these leases of the running process.
  void let_go(const std::string& subscription, std::span<const std::string_view> ack_ids);
  void acknowledge(const std::string& subscription, std::span<const std::string_view> ack_ids);
  void give_back(const std::string& subscription, std::span<const std::string_view> ack_ids);

  // The number of messages of all subscriptions that are not acked.
  std::size_t backlog() const;
  Server& server() { return server_; }
  // The last messages on the topic that were not marked as bad.
  const std::vector<Message>& overheard() const { return overheard_; }
  // Marks the next message published to the topic as bad.
  void expect_poison() { next_is_poison_ = true; }

 private:
  struct Pending {
    std::shared_ptr<const ReceivedMessage> message;
    SteadyTime available;
    SteadyTime published;
    const Process* holder = nullptr;
    std::uint64_t lease = 0;  // the number of the lease
    bool is_held = false;     // neither acked nor given back
  };
  struct Acked {
    SteadyTime at;
    Pending pending;
  };
  struct Subscription {
    Attributes filter;
    std::map<std::uint64_t, Pending> pending;  // by delivery id
    std::vector<Acked> acked_lately;
    Condition changed;
  };

  bool matches(const Subscription& subscription, const Message& message) const;
  void enqueue(Subscription& subscription, std::shared_ptr<const ReceivedMessage> message);
  std::string append(bool to_quarantine, const Message& message, bool is_poison);
  void overhear(const Message& message);
  std::vector<std::uint64_t> available(Subscription& subscription);
  Delivery lease(Subscription& subscription, std::uint64_t id);
  void watch_lease(Subscription& subscription, std::uint64_t id, std::uint64_t lease);
  Pending* find(Subscription& subscription, std::uint64_t ack_id);
  void crash();

  World& world_;
  const Profile& profile_;
  Network& network_;
  Evidence& evidence_;
  const Mutant& mutant_;
  Server server_{.name = "bus"};
  std::map<std::string, Subscription> subscriptions_;
  std::uint64_t last_message_ = 0;
  std::uint64_t last_delivery_ = 0;
  bool next_is_poison_ = false;
  std::vector<Message> overheard_;
};

}  // namespace pollbus::faults
