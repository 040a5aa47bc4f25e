#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/core/core.h"
#include "broker/core/ordering_key.h"

namespace pollbus::broker {

using std::chrono::seconds;

const std::string kTopic = "projects/p/topics/election";
const std::string kAll = "projects/p/subscriptions/all";
const std::string kMachine = "projects/p/subscriptions/machine";

// Records what the core reports as short texts.
class NotingObserver : public CoreObserver {
 public:
  void topic_stored(const std::string& name, const std::string&) override { note("+" + name); }
  void topic_deleted(const std::string& name) override { note("-" + name); }
  void subscription_stored(SubscriptionId, const SubscriptionConfig& config) override {
    note("+" + config.name + " of " + config.topic);
  }
  void subscription_deleted(SubscriptionId id) override { note("-" + std::to_string(id)); }
  void delivery_changed(Batch& batch, std::uint32_t delivery) override {
    note("delivery " + std::to_string(delivery) + " of " + std::to_string(batch.first_id()) +
         " is " + std::to_string(batch.state(delivery)));
  }
  void batch_finished(const Batch& batch) override {
    note("finished " + std::to_string(batch.first_id()));
  }
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  void note(std::string text) { notes_.push_back(std::move(text)); }
  std::vector<std::string> notes_;
};

class CoreTest : public ::testing::Test {
 protected:
  explicit CoreTest(const CoreOptions& options = {}) : core(options, &observer) {}
  void SetUp() override {
    ASSERT_TRUE(core.create_topic(kTopic, "").ok());
    ASSERT_TRUE(core.create_subscription(config(kAll, "")).ok());
    ASSERT_TRUE(core.create_subscription(config(kMachine, "attributes.machineID=\"3\"")).ok());
    observer.take_notes();
  }
  static SubscriptionConfig config(const std::string& name, const std::string& filter) {
    return {.name = name, .topic = kTopic, .filter = *Filter::parse(filter), .resource = ""};
  }
  // Routes one message of 7 bytes for each machine, with ids from `first` on.
  absl::StatusOr<Publication> route(Core& into, MessageId first,
                                    const std::vector<std::string>& machines) {
    std::vector<Attribute> attributes;
    for (const std::string& machine : machines) attributes.push_back({"machineID", machine});
    IncomingBatch incoming{.first_id = first};
    std::string body;
    for (std::size_t i = 0; i < machines.size(); ++i) {
      body += "message";
      incoming.ends.push_back(static_cast<std::uint32_t>(body.size()));
      incoming.attributes.push_back(std::span(attributes).subspan(i, 1));
    }
    incoming.body = std::make_shared<const std::string>(std::move(body));
    return into.route(kTopic, incoming);
  }
  // Publishes one message with an ordering key.
  absl::Status publish_keyed(MessageId id, const std::string& key, std::int64_t published_us = 0) {
    const std::vector<Attribute> attributes{{"machineID", "3"}};
    const IncomingBatch incoming{.first_id = id,
                                 .published = WallTime(std::chrono::microseconds(published_us)),
                                 .body = std::make_shared<const std::string>("message"),
                                 .ends = {7},
                                 .attributes = {attributes},
                                 .keys = {ordering_key(key)}};
    auto publication = core.route(kTopic, incoming);
    if (!publication.ok()) return publication.status();
    EXPECT_FALSE(core.enqueue(*std::move(publication)));
    return absl::OkStatus();
  }
  absl::Status publish_at(MessageId id, std::int64_t published_us) {
    return publish_keyed(id, "", published_us);
  }
  absl::Status publish(MessageId id, const std::string& machine) {
    auto publication = route(core, id, {machine});
    if (!publication.ok()) return publication.status();
    EXPECT_FALSE(core.enqueue(*std::move(publication)));
    return absl::OkStatus();
  }
  std::vector<MessageId> take(ConsumerHandle handle) {
    std::vector<MessageId> ids;
    const auto deliveries = core.take(handle, 1'000, 1'000'000, std::nullopt, now);
    EXPECT_TRUE(deliveries.ok()) << deliveries.status();
    if (!deliveries.ok()) return ids;
    for (const Delivery& delivery : *deliveries) {
      ids.push_back(delivery.id);
      last_attempts[{handle.subscription, delivery.id}] = delivery.attempt;
    }
    return ids;
  }

  // Takes what a new consumer gets.
  std::vector<MessageId> take_all(const std::string& subscription) {
    const ConsumerHandle consumer = *core.open_consumer(subscription, {});
    std::vector<MessageId> ids = take(consumer);
    core.close_consumer(consumer);
    return ids;
  }
  // Acks the last delivery of each message, or the given attempt.
  void ack(const std::string& subscription, const std::vector<MessageId>& messages,
           std::uint32_t attempt = 0) {
    std::vector<AckId> ids;
    for (const MessageId message : messages) ids.push_back(ack_id(subscription, message, attempt));
    ASSERT_TRUE(core.acknowledge(subscription, ids).ok());
  }
  void nack(const std::string& subscription, MessageId message, std::uint32_t attempt = 1) {
    const AckId id = ack_id(subscription, message, attempt);
    ASSERT_TRUE(core.modify_deadline(subscription, std::span(&id, 1), seconds(0), now).ok());
  }
  AckId ack_id(const std::string& subscription, MessageId message, std::uint32_t attempt) {
    const SubscriptionId id = core.subscriptions().at(subscription);
    return {id, message, attempt == 0 ? last_attempts[{id, message}] : attempt};
  }

  NotingObserver observer;
  Core core;
  SteadyTime now{seconds(1'000)};
  std::map<std::pair<SubscriptionId, MessageId>, std::uint32_t> last_attempts;
};

}  // namespace pollbus::broker
