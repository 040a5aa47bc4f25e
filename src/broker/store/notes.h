#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/core/core_observer.h"

namespace pollbus::broker {

enum class Table { kResources, kBatches, kBodies, kStates, kAdded };

// One change of the store. Applying it twice has the same effect as once.
struct Change {
  enum class Kind { kPut, kDelete, kDeletePrefix };

  Kind kind = Kind::kPut;
  Table table = Table::kResources;
  std::string key;
  std::string value = {};
};

// Collects the changes that the core reports until take() returns them for writing. Repeated
// changes of one delivery become one. Not thread-safe: the core's lock protects it.
class Notes final : public CoreObserver {
 public:
  // One take() returns the removal of at most this many batches; the others wait for the next one.
  // The end of a subscription can finish many batches at once.
  static constexpr std::size_t kMaxFinishedPerTake = 10'000;
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

  // The store already knows the ids up to this one.
  void restore_last_subscription(SubscriptionId last) { last_subscription_ = last; }

  void topic_stored(const std::string& name, const std::string& resource) override;
  void topic_deleted(const std::string& name) override;
  void schema_stored(const std::string& name, const std::string& resource) override;
  void schema_deleted(const std::string& name) override;
  void subscription_stored(SubscriptionId id, const SubscriptionConfig& config) override;
  void subscription_deleted(SubscriptionId id) override;
  void log_stored(SubscriptionId id, const LogConfig& config) override;
  void log_deleted(SubscriptionId id) override;
  void deliveries_added(Batch& batch, std::uint32_t first,
                        std::span<const AddedDelivery> added) override;
  void delivery_changed(Batch& batch, std::uint32_t delivery) override;
  void batch_finished(const Batch& batch) override;

  bool empty() const { return changes_.empty() && changed_.empty() && finished_.empty(); }
  std::vector<Change> take(std::size_t max_finished = kMaxFinishedPerTake);

 private:
  void note_last_id(SubscriptionId id);

  using Block = std::pair<MessageId, std::uint32_t>;
  struct Finished {
    MessageId first_id = 0;
    std::uint32_t blocks = 0;  // the number of stored blocks of states
    bool has_added = false;
  };

  std::vector<Change> changes_;
  SubscriptionId last_subscription_ = 0;  // the greatest id so far
  absl::flat_hash_map<Block, Batch*> changed_;
  std::deque<Finished> finished_;
};

// Appends the changes that remove a publication from the store, whether or not it was written.
void append_removal(const Publication& publication, std::vector<Change>* changes);

}  // namespace pollbus::broker
