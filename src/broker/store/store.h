#pragma once

#include <cstdint>
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
  rocksdb::Env* env =
      nullptr;  // borrowed; nullptr: the operating system. Tests inject faults here.
};

// Stores a broker's data in a folder; docs/broker-storage.md describes the format. Thread-safe, but
// only one thread at a time may write or reopen. Errors: DATA_LOSS when stored data is damaged,
// UNAVAILABLE when the disk fails or is full, and those of DataFolder.
class Store {
 public:
  // Creates the folder when it is missing. Refuses damaged data with a text that names the place.
  static absl::StatusOr<std::unique_ptr<Store>> open(const StoreOptions& options);
  ~Store();

  // Fills an empty core with everything that is stored except message bodies.
  absl::Status restore(Core* core);
  // Greater than every message id that was ever acknowledged.
  MessageId next_message_id() const { return next_message_id_; }
  // The number of processes that have opened this store, this one included.
  std::uint32_t starts() const { return starts_; }

  // Writes everything or nothing, and returns when it is on disk. After an error the outcome is
  // unknown, and nothing can be written before reopen().
  absl::Status write(std::span<const Change> changes,
                     std::span<const Publication* const> publications, MessageId next_message_id);
  // NOT_FOUND when the batch is finished.
  absl::StatusOr<Body> load(MessageId batch) const;
  // Closes the database and opens it again. This ends every failure whose cause is gone.
  absl::Status reopen();

 private:
  struct Database;
  explicit Store(std::unique_ptr<Database> database);
  absl::Status read_counters();
  absl::Status restore_resources(Core* core);
  absl::Status restore_batches(Core* core);
  absl::StatusOr<RoutedBatch> restored_batch(rocksdb::Iterator& batches, rocksdb::Iterator& added);

  std::unique_ptr<Database> database_;
  MessageId next_message_id_ = 0;
  std::uint32_t starts_ = 0;
};

}  // namespace pollbus::broker
