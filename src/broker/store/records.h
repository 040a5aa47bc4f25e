#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/core/core.h"
#include "broker/core/journal.h"

namespace pollbus::broker {

// Keys and values of the store, as docs/broker-storage.md has them. Decoding answers DATA_LOSS for
// whatever encoding does not write, and never reads beyond what it is given.

constexpr std::string_view kNextMessageKey = "m/next_message";
constexpr std::string_view kLastSubscriptionKey = "m/last_subscription";
constexpr std::string_view kTopicPrefix = "t/";
constexpr std::string_view kSubscriptionPrefix = "s/";
constexpr std::string_view kLogPrefix = "l/";

// Deliveries of a batch whose states are stored, and written again, together.
constexpr std::uint32_t kDeliveriesPerBlock = 256;

std::string topic_key(std::string_view name);
std::string subscription_key(SubscriptionId id);
std::string log_key(SubscriptionId id);
std::string batch_key(MessageId first_id);
std::string states_key(MessageId first_id, std::uint32_t block);
std::string added_key(MessageId first_id, std::uint32_t first_delivery);

absl::StatusOr<SubscriptionId> decode_subscription_key(std::string_view key);
absl::StatusOr<SubscriptionId> decode_log_key(std::string_view key);
absl::StatusOr<MessageId> decode_batch_key(std::string_view key);
struct StatesKey {
  MessageId first_id = 0;
  std::uint32_t block = 0;
};
absl::StatusOr<StatesKey> decode_states_key(std::string_view key);
struct AddedKey {
  MessageId first_id = 0;
  std::uint32_t first_delivery = 0;
};
absl::StatusOr<AddedKey> decode_added_key(std::string_view key);

std::string encode_number(std::uint64_t number);
absl::StatusOr<std::uint64_t> decode_number(std::string_view value);

std::string encode_subscription(const SubscriptionConfig& config);
absl::StatusOr<SubscriptionConfig> decode_subscription(std::string_view value);

std::string encode_log(const LogConfig& config);
absl::StatusOr<LogConfig> decode_log(std::string_view value);

std::string encode_added(std::span<const AddedDelivery> added);
// Appends to `added`. DATA_LOSS too for a position that is none of the batch's `messages`.
absl::Status decode_added(std::string_view value, std::size_t messages,
                          std::vector<AddedDelivery>* added);

// A batch without its body, its states and its added deliveries; decoded without any.
std::string encode_batch(const RoutedBatch& routed);
absl::StatusOr<RoutedBatch> decode_batch(MessageId first_id, std::string_view value);

}  // namespace pollbus::broker
