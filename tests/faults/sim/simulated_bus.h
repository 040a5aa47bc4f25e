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

// Topic "election" with its subscriptions, and the quarantine topic, as Google's documentation has
// them at their worst: at least once, in any order, late. Keeps what it has answered for over a
// crash, but neither leases nor the acks of the last moment.
class SimulatedBus {
 public:
  struct Delivery {
    std::string ack_id;
    ReceivedMessage message;
  };

  SimulatedBus(World& world, const Profile& profile, Network& network, Evidence& evidence,
               const Mutant& mutant);

  // Messages whose `function`, and `machineID` unless it is empty, are these.
  void subscribe(const std::string& name, std::string function, std::string machine);

  // A client's connection, which borrows this.
  std::unique_ptr<Publisher> connect();
  std::unique_ptr<Publisher> connect_to_quarantine();

  // Called by the running thread, as a client of the server.
  absl::StatusOr<std::vector<std::string>> publish(bool to_quarantine,
                                                   std::span<const Message> batch);
  // Waits for messages; leases them to the running process, which keeps the lease as long as it
  // lives and has neither acked nor nacked the message. None when its stop was requested.
  std::vector<Delivery> pull(const std::string& subscription, std::size_t most);
  // The running process extends these leases no more.
  void let_go(const std::string& subscription, const std::vector<std::string>& ack_ids);
  void acknowledge(const std::string& subscription, const std::vector<std::string>& ack_ids);
  void give_back(const std::string& subscription, const std::vector<std::string>& ack_ids);

  // Messages that are not acked, of all subscriptions.
  std::size_t backlog() const;
  Server& server() { return server_; }
  // The next message published to the topic is known as bad.
  void expect_poison() { next_is_poison_ = true; }

 private:
  struct Pending {
    std::shared_ptr<const ReceivedMessage> message;
    SteadyTime available;
    SteadyTime published;
    const Process* holder = nullptr;
    std::uint64_t lease = 0;  // which of its leases
    bool is_held = false;     // its holder has neither acked nor nacked it
  };
  struct Acked {
    SteadyTime at;
    Pending pending;
  };
  struct Subscription {
    std::string function;
    std::string machine;
    std::map<std::uint64_t, Pending> pending;  // by the delivery's id
    std::vector<Acked> acked_lately;
    Condition changed;
  };

  bool matches(const Subscription& subscription, const Message& message) const;
  void enqueue(Subscription& subscription, std::shared_ptr<const ReceivedMessage> message);
  std::string append(bool to_quarantine, const Message& message);
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
};

}  // namespace pollbus::faults
