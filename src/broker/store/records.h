#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "broker/core/publication.h"
#include "broker/core/retained_log.h"
#include "broker/core/subscription.h"

namespace pollbus::broker {

// The keys and values of the store; docs/broker-storage.md describes them. Decoding returns
// DATA_LOSS for everything that encoding never writes.

constexpr std::string_view kNextMessageKey = "m/next_message";
constexpr std::string_view kLastSubscriptionKey = "m/last_subscription";
constexpr std::string_view kStartsKey = "m/starts";
constexpr std::string_view kTopicPrefix = "t/";
constexpr std::string_view kSubscriptionPrefix = "s/";
constexpr std::string_view kLogPrefix = "l/";
constexpr std::string_view kSchemaPrefix = "c/";

// The states of this many deliveries of a batch are one record.
constexpr std::uint32_t kDeliveriesPerBlock = 256;

std::string topic_key(std::string_view name);
std::string schema_key(std::string_view name);
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
// Appends to `added`. A position must be below `messages`, the number of messages in the batch.
absl::Status decode_added(std::string_view value, std::size_t messages,
                          std::vector<AddedDelivery>* added);

// The record of a batch. Its body, delivery states and added deliveries are in other records.
std::string encode_batch(const RoutedBatch& routed);
absl::StatusOr<RoutedBatch> decode_batch(MessageId first_id, std::string_view value);

}  // namespace pollbus::broker
