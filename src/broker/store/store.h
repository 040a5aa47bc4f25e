#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/core/core.h"
#include "broker/store/notes.h"

namespace rocksdb {
class Env;
class Iterator;
}  // namespace rocksdb

namespace pollbus::broker {

struct StoreOptions {
  std::filesystem::path folder;
  rocksdb::Env* env = nullptr;  // nullptr: the machine's; tests give one that fails on demand
};

// A broker's data folder (docs/broker-storage.md). Everything is thread-safe, but one thread at a
// time writes or reopens. Errors: DATA_LOSS when what is stored is damaged, UNAVAILABLE when the
// disk refuses, and those of DataFolder.
class Store {
 public:
  // Makes the folder when it is missing. A damaged one is refused with a text that says where.
  static absl::StatusOr<std::unique_ptr<Store>> open(const StoreOptions& options);
  ~Store();

  // Fills a new core with everything that is kept, but for the bodies.
  absl::Status restore(Core* core);
  // Greater than every id that was ever acknowledged.
  MessageId next_message_id() const { return next_message_id_; }

  // Writes all of it or nothing, and returns when it is on disk. After an error it is unknown
  // which; nothing more can be written before reopen().
  absl::Status write(std::span<const Change> changes,
                     std::span<const Publication* const> publications, MessageId next_message_id);
  // NOT_FOUND when the batch is finished.
  absl::StatusOr<Body> load(MessageId batch) const;
  // Closes the database and opens it again, which ends every trouble that the disk does not have
  // any more.
  absl::Status reopen();

 private:
  struct Database;
  explicit Store(std::unique_ptr<Database> database);
  absl::Status restore_resources(Core* core);
  absl::Status restore_batches(Core* core);
  absl::StatusOr<RoutedBatch> restored_batch(rocksdb::Iterator& batches, rocksdb::Iterator& added);

  std::unique_ptr<Database> database_;
  MessageId next_message_id_ = 0;
};

}  // namespace pollbus::broker
