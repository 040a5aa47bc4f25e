#include "broker/store/notes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/core/core.h"
#include "broker/store/records.h"

namespace pollbus::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Batch batch_of(MessageId id, std::uint32_t deliveries) {
  const std::uint32_t end = 5;
  return {id, 0, std::span(&end, 1), deliveries, nullptr};
}

TEST(NotesTest, RepeatedChangesOfADeliveryBecomeOne) {
  Notes notes;
  Batch batch = batch_of(1, 3);
  EXPECT_TRUE(notes.empty());
  for (int i = 0; i < 5; ++i) {
    batch.count_attempt(1);
    notes.delivery_changed(batch, 1);
  }
  EXPECT_FALSE(notes.empty());
  const auto changes = notes.take();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].table, Table::kStates);
  EXPECT_EQ(changes[0].key, states_key(1, 0));
  EXPECT_EQ(changes[0].value, std::string("\0\5\0", 3));
  EXPECT_TRUE(notes.empty());
}

TEST(NotesTest, OnlyTheChangedBlockOfALargeBatchIsWritten) {
  Notes notes;
  Batch batch = batch_of(1, kDeliveriesPerBlock + 2);
  batch.finish(kDeliveriesPerBlock + 1);
  notes.delivery_changed(batch, kDeliveriesPerBlock + 1);
  const auto changes = notes.take();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].key, states_key(1, 1));
  EXPECT_EQ(changes[0].value, std::string("\0\xff", 2));
}

TEST(NotesTest, AFinishedBatchIsDeletedWithItsStates) {
  Notes notes;
  Batch stored = batch_of(1, 2);
  Batch never_stored = batch_of(2, 1);
  notes.delivery_changed(stored, 0);
  notes.take();
  notes.delivery_changed(stored, 1);
  notes.delivery_changed(never_stored, 0);
  notes.batch_finished(stored);
  notes.batch_finished(never_stored);
  std::vector<std::string> deleted;
  for (const Change& change : notes.take()) {
    EXPECT_EQ(change.kind, Change::Kind::kDelete);
    deleted.push_back(change.key);
  }
  EXPECT_THAT(deleted, ElementsAre(batch_key(1), batch_key(1), states_key(1, 0), batch_key(2),
                                   batch_key(2)));
}

TEST(NotesTest, ManyFinishedBatchesAreSpreadOverSeveralWrites) {
  Notes notes;
  for (MessageId id = 1; id <= Notes::kMaxFinishedPerTake + 1; ++id) {
    notes.batch_finished(batch_of(id, 1));
  }
  EXPECT_THAT(notes.take(), SizeIs(2 * Notes::kMaxFinishedPerTake));
  EXPECT_FALSE(notes.empty());
  EXPECT_THAT(notes.take(), SizeIs(2));
  EXPECT_TRUE(notes.empty());
}

TEST(NotesTest, ChangesOfResourcesKeepTheirOrder) {
  Notes notes;
  notes.topic_stored("t", "one");
  notes.topic_deleted("t");
  notes.restore_last_subscription(4);
  notes.subscription_stored(4, {.name = "s", .topic = "t", .filter = {}, .resource = ""});
  notes.subscription_stored(5, {.name = "s", .topic = "t", .filter = {}, .resource = ""});
  notes.subscription_deleted(5);
  std::vector<std::string> keys;
  for (const Change& change : notes.take()) keys.push_back(change.key);
  EXPECT_THAT(keys,
              ElementsAre(topic_key("t"), topic_key("t"), subscription_key(4), subscription_key(5),
                          std::string(kLastSubscriptionKey), subscription_key(5)));
  EXPECT_THAT(notes.take(), IsEmpty());
}

}  // namespace
}  // namespace pollbus::broker
