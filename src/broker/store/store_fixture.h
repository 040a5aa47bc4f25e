#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/store/store.h"
#include "support/full_disk.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {

using std::chrono::seconds;

const std::string kTopic = "projects/p/topics/election";
const std::string kAll = "projects/p/subscriptions/all";

// The core and the store of one process of the broker, without threads.
struct Process {
  explicit Process(std::unique_ptr<Store> opened) : store(std::move(opened)) {}

  void commit() {
    const absl::Status status = store->write(notes.take(), {}, next_id);
    ASSERT_TRUE(status.ok()) << status;
  }
  // `keys` is empty or has one key for each message.
  Publication route(int messages, std::vector<OrderingKey> keys = {}) {
    IncomingBatch incoming{.first_id = next_id, .keys = std::move(keys)};
    std::string body;
    for (int i = 0; i < messages; ++i) {
      body += "message " + std::to_string(next_id++);
      incoming.ends.push_back(static_cast<std::uint32_t>(body.size()));
    }
    incoming.attributes.resize(incoming.ends.size());
    incoming.body = std::make_shared<const std::string>(std::move(body));
    return *core.route(kTopic, incoming);
  }
  absl::Status publish(int messages, std::vector<OrderingKey> keys = {}) {
    Publication publication = route(messages, std::move(keys));
    const Publication* const written = &publication;
    absl::Status status = store->write(notes.take(), std::span(&written, 1), next_id);
    if (!status.ok()) return status;
    EXPECT_FALSE(core.enqueue(std::move(publication)));
    return status;
  }
  std::vector<Delivery> take(const std::string& subscription, std::size_t most = 100) {
    const ConsumerHandle handle = *core.open_consumer(subscription, {});
    auto taken = *core.take(handle, most, 1 << 20, std::nullopt, SteadyTime(seconds(1)));
    core.close_consumer(handle);
    return taken;
  }
  void ack(const std::string& subscription, const Delivery& delivery) {
    const AckId id{core.subscriptions().at(subscription), delivery.id, delivery.attempt,
                   delivery.start};
    ASSERT_TRUE(core.acknowledge(subscription, std::span(&id, 1)).ok());
  }

  std::unique_ptr<Store> store;
  Notes notes;
  Core core{{.return_grace = seconds(0)}, &notes};
  MessageId next_id = 100;
};

class StoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Process>> open() {
    auto store = Store::open({.folder = folder, .env = disk.env()});
    if (!store.ok()) return store.status();
    auto process = std::make_unique<Process>(*std::move(store));
    if (absl::Status status = process->store->restore(&process->core); !status.ok()) return status;
    process->notes.restore_last_subscription(process->core.last_subscription());
    process->next_id = std::max<MessageId>(100, process->store->next_message_id());
    return process;
  }
  std::unique_ptr<Process> first_process() {
    auto process = *open();
    EXPECT_TRUE(process->core.create_topic(kTopic, "a topic").ok());
    EXPECT_TRUE(process->core.create_subscription(config(kAll)).ok());
    process->commit();
    return process;
  }
  static SubscriptionConfig config(const std::string& name) {
    return {.name = name,
            .topic = kTopic,
            .filter = {},
            .ack_deadline = seconds(77),
            .resource = "a resource"};
  }

  pollbus::testing::FullDisk disk;
  pollbus::testing::TemporaryFolder temporary;
  const std::filesystem::path folder = temporary / "data";
};

}  // namespace pollbus::broker
