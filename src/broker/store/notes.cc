#include "broker/store/notes.h"

#include <algorithm>

#include "broker/store/records.h"

namespace pollbus::broker {
namespace {

std::uint32_t blocks_of(const Batch& batch) {
  const auto deliveries = static_cast<std::uint32_t>(batch.states().size());
  return (deliveries + kDeliveriesPerBlock - 1) / kDeliveriesPerBlock;
}

Change states_change(Batch& batch, std::uint32_t block) {
  const auto states = batch.states().subspan(std::size_t{block} * kDeliveriesPerBlock);
  const std::size_t count = std::min<std::size_t>(states.size(), kDeliveriesPerBlock);
  batch.set_has_stored_states();
  return {
      .table = Table::kStates,
      .key = states_key(batch.first_id(), block),
      .value = std::string(states.begin(), states.begin() + static_cast<std::ptrdiff_t>(count))};
}

void append_batch_removal(MessageId first_id, std::vector<Change>* changes) {
  const std::string key = batch_key(first_id);
  changes->push_back({Change::Kind::kDelete, Table::kBatches, key});
  changes->push_back({Change::Kind::kDelete, Table::kBodies, key});
}

}  // namespace

void Notes::topic_stored(const std::string& name, const std::string& resource) {
  changes_.push_back({.key = topic_key(name), .value = resource});
}

void Notes::topic_deleted(const std::string& name) {
  changes_.push_back({.kind = Change::Kind::kDelete, .key = topic_key(name)});
}

void Notes::schema_stored(const std::string& name, const std::string& resource) {
  changes_.push_back({.key = schema_key(name), .value = resource});
}

void Notes::schema_deleted(const std::string& name) {
  changes_.push_back({.kind = Change::Kind::kDelete, .key = schema_key(name)});
}

void Notes::subscription_stored(SubscriptionId id, const SubscriptionConfig& config) {
  changes_.push_back({.key = subscription_key(id), .value = encode_subscription(config)});
  note_last_id(id);
}

// Subscriptions and logs share their ids.
void Notes::note_last_id(SubscriptionId id) {
  if (id <= last_subscription_) return;
  last_subscription_ = id;
  changes_.push_back({.key = std::string(kLastSubscriptionKey), .value = encode_number(id)});
}

void Notes::subscription_deleted(SubscriptionId id) {
  changes_.push_back({.kind = Change::Kind::kDelete, .key = subscription_key(id)});
}

void Notes::log_stored(SubscriptionId id, const LogConfig& config) {
  changes_.push_back({.key = log_key(id), .value = encode_log(config)});
  note_last_id(id);
}

void Notes::log_deleted(SubscriptionId id) {
  changes_.push_back({.kind = Change::Kind::kDelete, .key = log_key(id)});
}

void Notes::deliveries_added(Batch& batch, std::uint32_t first,
                             std::span<const AddedDelivery> added) {
  batch.set_has_added();
  changes_.push_back({.table = Table::kAdded,
                      .key = added_key(batch.first_id(), first),
                      .value = encode_added(added)});
}

void Notes::delivery_changed(Batch& batch, std::uint32_t delivery) {
  changed_.try_emplace(Block{batch.first_id(), delivery / kDeliveriesPerBlock}, &batch);
}

void Notes::batch_finished(const Batch& batch) {
  const std::uint32_t blocks = blocks_of(batch);
  for (std::uint32_t block = 0; block < blocks; ++block) {
    changed_.erase(Block{batch.first_id(), block});
  }
  finished_.push_back(
      {batch.first_id(), batch.has_stored_states() ? blocks : 0, batch.has_added()});
}

std::vector<Change> Notes::take(std::size_t max_finished) {
  std::vector<Change> changes = std::exchange(changes_, {});
  for (const auto& [block, batch] : changed_) {
    changes.push_back(states_change(*batch, block.second));
  }
  changed_.clear();
  for (std::size_t i = 0; i < max_finished && !finished_.empty(); ++i) {
    const Finished finished = finished_.front();
    finished_.pop_front();
    append_batch_removal(finished.first_id, &changes);
    for (std::uint32_t block = 0; block < finished.blocks; ++block) {
      changes.push_back(
          {Change::Kind::kDelete, Table::kStates, states_key(finished.first_id, block)});
    }
    if (finished.has_added) {
      changes.push_back({Change::Kind::kDeletePrefix, Table::kAdded, batch_key(finished.first_id)});
    }
  }
  return changes;
}

void append_removal(const Publication& publication, std::vector<Change>* changes) {
  for (const RoutedBatch& routed : publication.batches) {
    append_batch_removal(routed.batch->first_id(), changes);
  }
}

}  // namespace pollbus::broker
