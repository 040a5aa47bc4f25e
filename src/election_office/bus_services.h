#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "bus/admin.h"
#include "bus/connection.h"
#include "bus/publisher.h"
#include "bus/subscriber.h"
#include "election/signature.h"
#include "election_office/services.h"

namespace pollbus::election_office {

struct BusServicesConfig {
  BusConfig bus;
  std::string topic;
  // How long to wait for the answers, counted from the last one that came.
  std::chrono::seconds timeout{30};
  // Whether a received answer may be believed; for the attribute `mac`.
  std::function<bool(const ReceivedMessage&)> is_authentic = [](const ReceivedMessage&) {
    return true;
  };
  // Ends waiting.
  std::stop_token stop{};
};

// Asks over the topic. Has a subscription of its own, which the destructor deletes; if the process
// is killed, the bus deletes it after a day.
class BusServices final : public Services {
 public:
  // Borrows `key` and `clock`. FAILED_PRECONDITION if no credentials are found, and the errors of
  // the bus, for example UNAVAILABLE if it cannot be reached.
  static absl::StatusOr<std::unique_ptr<BusServices>> open(BusServicesConfig config,
                                                           const OfficePrivateKey& key,
                                                           Clock& clock);
  ~BusServices() override;

  using Services::ask;
  std::vector<Answer> ask(std::span<const Command> commands,
                          const std::function<void(std::size_t)>& answered) override;

 private:
  BusServices(BusServicesConfig config, const OfficePrivateKey& key, Clock& clock,
              std::shared_ptr<Connection> connection);

  // What is still waited for: who is asked and the hash of the command.
  using Key = std::pair<std::string, Sha256>;

  absl::Status subscribe();
  std::vector<Verdict> receive(std::span<const ReceivedMessage> batch);
  absl::Status send(std::span<const Command> commands, std::span<const Key> keys,
                    const std::map<Key, std::size_t>& waiting);
  std::size_t take_answers(std::map<Key, std::size_t>& waiting, std::vector<Answer>& answers,
                           std::chrono::milliseconds patience);

  BusServicesConfig config_;
  const OfficePrivateKey& key_;
  Clock& clock_;
  const std::string office_id_;
  std::shared_ptr<Connection> connection_;
  Admin admin_;
  std::unique_ptr<Publisher> publisher_;
  std::string subscription_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<Key, wire::OfficeAnswer> received_;
  bool has_refused_answers_ = false;  // some were not authentic

  std::optional<Subscriber> subscriber_;  // last: it uses the above
};

}  // namespace pollbus::election_office
