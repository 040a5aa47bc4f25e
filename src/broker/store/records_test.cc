#include "broker/store/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus::broker {
namespace {

using ::testing::ElementsAre;

RoutedBatch batch() {
  const std::vector<std::uint32_t> ends{3, 3, 200'000};
  return {.batch = std::make_unique<Batch>(70, -5, ends, 4, nullptr),
          .counts = {2, 0, 2},
          .subscriptions = {1, 4'000'000'000, 7, 1}};
}

TEST(RecordsTest, KeysSortLikeTheirNumbers) {
  EXPECT_LT(batch_key(255), batch_key(256));
  EXPECT_LT(batch_key(256), batch_key(1ULL << 63));
  EXPECT_LT(states_key(1, 255), states_key(1, 256));
  EXPECT_LT(states_key(1, 0xffffffff), states_key(2, 0));
  EXPECT_EQ(*decode_batch_key(batch_key(0x0102030405060708)), 0x0102030405060708u);
  EXPECT_EQ(decode_states_key(states_key(9, 3))->first_id, 9u);
  EXPECT_EQ(decode_states_key(states_key(9, 3))->block, 3u);
  EXPECT_EQ(*decode_subscription_key(subscription_key(77)), 77u);
  EXPECT_TRUE(absl::IsDataLoss(decode_batch_key("short").status()));
  EXPECT_TRUE(absl::IsDataLoss(decode_states_key("short").status()));
  EXPECT_TRUE(absl::IsDataLoss(decode_subscription_key("s/x").status()));
}

TEST(RecordsTest, ABatchIsReadAsItWasWritten) {
  const auto read = decode_batch(70, encode_batch(batch()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->batch->first_id(), 70u);
  EXPECT_EQ(read->batch->published_us(), -5);
  EXPECT_THAT(read->batch->ends(), ElementsAre(3, 3, 200'000));
  EXPECT_THAT(read->counts, ElementsAre(2, 0, 2));
  EXPECT_THAT(read->subscriptions, ElementsAre(1, 4'000'000'000, 7, 1));
  EXPECT_EQ(read->batch->states().size(), 4u);
}

TEST(RecordsTest, ASubscriptionIsReadAsItWasWritten) {
  const SubscriptionConfig config{.name = "projects/p/subscriptions/s",
                                  .topic = "projects/p/topics/t",
                                  .filter = *Filter::parse("attributes:a"),
                                  .ack_deadline = std::chrono::seconds(600),
                                  .resource = std::string("\0\xff", 2),
                                  .rules = {.is_ordered = true,
                                            .is_exactly_once = true,
                                            .min_backoff = std::chrono::milliseconds(10),
                                            .max_backoff = std::chrono::milliseconds(600'000),
                                            .max_attempts = 100},
                                  .dead_letter_topic = "projects/p/topics/dead",
                                  .retention = std::chrono::hours(31 * 24),
                                  .retains_acked = true,
                                  .is_detached = true,
                                  .expiration = std::chrono::hours(24),
                                  .used_s = 1'800'000'000};
  const auto read = decode_subscription(encode_subscription(config));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->name, config.name);
  EXPECT_EQ(read->topic, config.topic);
  EXPECT_EQ(read->filter.text(), "attributes:a");
  EXPECT_EQ(read->ack_deadline, config.ack_deadline);
  EXPECT_EQ(read->resource, config.resource);
  EXPECT_TRUE(read->rules.is_ordered && read->rules.is_exactly_once);
  EXPECT_EQ(read->rules.min_backoff, config.rules.min_backoff);
  EXPECT_EQ(read->rules.max_backoff, config.rules.max_backoff);
  EXPECT_EQ(read->rules.max_attempts, 100u);
  EXPECT_EQ(read->dead_letter_topic, config.dead_letter_topic);
  EXPECT_EQ(read->retention, config.retention);
  EXPECT_TRUE(read->retains_acked && read->is_detached);
  EXPECT_EQ(read->expiration, config.expiration);
  EXPECT_EQ(read->used_s, config.used_s);
}

TEST(RecordsTest, ALogIsReadAsItWasWritten) {
  const LogConfig config{.kind = LogConfig::Kind::kSnapshot,
                         .name = "projects/p/snapshots/s",
                         .topic = "projects/p/topics/t",
                         .filter = *Filter::parse("attributes:a"),
                         .retention = std::chrono::seconds(600),
                         .expires_us = 1'800'000'000'000'000,
                         .resource = "labels"};
  const std::string written = encode_log(config);
  const auto read = decode_log(written);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->kind, config.kind);
  EXPECT_EQ(read->name, config.name);
  EXPECT_EQ(read->topic, config.topic);
  EXPECT_EQ(read->filter.text(), "attributes:a");
  EXPECT_EQ(read->retention, config.retention);
  EXPECT_EQ(read->expires_us, config.expires_us);
  EXPECT_EQ(read->resource, "labels");
  for (std::size_t size = 0; size < written.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(decode_log(written.substr(0, size)).status())) << size;
  }
  EXPECT_EQ(*decode_log_key(log_key(77)), 77u);
  EXPECT_TRUE(absl::IsDataLoss(decode_log_key("l/x").status()));
}

TEST(RecordsTest, AddedDeliveriesAreReadAsTheyWereWritten) {
  const std::vector<AddedDelivery> added{{0, 7}, {2, 4'000'000'000}};
  const std::string written = encode_added(added);
  std::vector<AddedDelivery> read;
  ASSERT_TRUE(decode_added(written, 3, &read).ok());
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].position, 2u);
  EXPECT_EQ(read[1].subscription, 4'000'000'000u);
  EXPECT_TRUE(absl::IsDataLoss(decode_added(written, 2, &read)));
  for (std::size_t size = 0; size < written.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(decode_added(written.substr(0, size), 3, &read))) << size;
  }
  EXPECT_EQ(decode_added_key(added_key(9, 300))->first_id, 9u);
  EXPECT_EQ(decode_added_key(added_key(9, 300))->first_delivery, 300u);
}

TEST(RecordsTest, OrderingKeysAreReadAsTheyWereWritten) {
  const std::vector<std::uint32_t> ends{3, 6};
  const std::vector<OrderingKey> keys{0, 0xfedcba9876543210};
  const RoutedBatch routed{.batch = std::make_unique<Batch>(70, 0, ends, 2, nullptr, keys),
                           .counts = {1, 1},
                           .subscriptions = {1, 1}};
  const std::string written = encode_batch(routed);
  const auto read = decode_batch(70, written);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->batch->key(0), 0u);
  EXPECT_EQ(read->batch->key(1), 0xfedcba9876543210u);
  EXPECT_FALSE(decode_batch(70, encode_batch(batch()))->batch->has_keys());
  EXPECT_TRUE(absl::IsDataLoss(decode_batch(1, written + '\0').status()));
}

TEST(RecordsTest, AnIncompleteOrTooLongRecordIsDamage) {
  const std::string of_batch = encode_batch(batch());
  const std::string of_subscription = encode_subscription(
      {.name = "n", .topic = "t", .filter = *Filter::parse("attributes:a"), .resource = "r"});
  const std::size_t end_of_format_1 = of_subscription.find(std::string("\1r")) + 2;
  for (std::size_t size = 0; size < of_batch.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(decode_batch(1, of_batch.substr(0, size)).status())) << size;
  }
  for (std::size_t size = 0; size < of_subscription.size(); ++size) {
    if (size == end_of_format_1) continue;
    EXPECT_TRUE(absl::IsDataLoss(decode_subscription(of_subscription.substr(0, size)).status()));
  }
  EXPECT_TRUE(absl::IsDataLoss(decode_batch(1, of_batch + '\0').status()));
  EXPECT_TRUE(absl::IsDataLoss(decode_subscription(of_subscription + '\0').status()));
  EXPECT_TRUE(absl::IsDataLoss(decode_number("").status()));
  EXPECT_TRUE(absl::IsDataLoss(decode_number(std::string(11, '\xff')).status()));
}

TEST(RecordsTest, OnlyTheShortestFormOfANumberIsAccepted) {
  const std::string most = encode_number(~0ULL);
  EXPECT_EQ(*decode_number(most), ~0ULL);
  EXPECT_EQ(*decode_number(std::string(1, '\0')), 0u);
  EXPECT_TRUE(absl::IsDataLoss(decode_number(std::string("\x81\0", 2)).status()));
  EXPECT_TRUE(absl::IsDataLoss(decode_number(most.substr(0, 9) + '\x02').status()));
}

TEST(RecordsTest, TooLargeCountsAreDamageAndAllocateNoMemory) {
  const std::string huge = encode_number(1ULL << 62);
  EXPECT_TRUE(absl::IsDataLoss(decode_batch(1, encode_number(0) + huge).status()));
  EXPECT_TRUE(absl::IsDataLoss(
      decode_batch(1, encode_number(0) + encode_number(1) + encode_number(1) + huge).status()));
}

}  // namespace
}  // namespace pollbus::broker
