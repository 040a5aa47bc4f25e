#include "broker/store/store.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>

#include "base/status.h"
#include "broker/store/data_folder.h"
#include "broker/store/records.h"
#include "broker/store/rocksdb_options.h"

namespace pollbus::broker {
namespace {

// An estimate of the size of a record without its value, so that the buffer of a write rarely
// grows.
constexpr std::size_t kRecordOverheadBytes = 64;

absl::Status to_status(const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsNotFound()) return absl::NotFoundError("The store has no such record.");
  const bool is_damage = status.IsCorruption() || status.IsInvalidArgument();
  return {is_damage ? absl::StatusCode::kDataLoss : absl::StatusCode::kUnavailable,
          status.ToString()};
}

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

// The RocksDB database; closed when `db` is null. The lock keeps readers out while it is closed.
struct Store::Database {
  Database() = default;
  // Every acknowledged write was synced, so an error while closing loses nothing.
  ~Database() { close().IgnoreError(); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  absl::Status open();
  absl::Status check_log() const;
  absl::Status close();
  rocksdb::ColumnFamilyHandle* table(Table table) const {
    return tables[static_cast<std::size_t>(table)];
  }
  void append(const Change& change, rocksdb::WriteBatch* batch) const;
  void append(const RoutedBatch& routed, rocksdb::WriteBatch* batch) const;

  std::unique_ptr<DataFolder> folder;
  rocksdb::Env* env = nullptr;
  mutable std::shared_mutex mutex;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> tables;
};

// RocksDB always leaves a log behind, but opens a folder without one as if nothing were missing.
absl::Status Store::Database::check_log() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder->database(), error)) {
    if (entry.path().extension() == ".log") return absl::OkStatus();
  }
  if (error) return absl::OkStatus();  // RocksDB will report what is wrong with the folder
  return absl::DataLossError("the log of the last writes (db/*.log) is missing");
}

absl::Status Store::Database::open() {
  if (!folder->is_new()) {
    if (const absl::Status status = check_log(); !status.ok()) {
      return annotate(status, folder->path().string());
    }
  }
  const auto families = column_families();
  rocksdb::DBOptions options = database_options(env);
  options.create_if_missing = folder->is_new();
  // Older formats have fewer tables.
  options.create_missing_column_families = folder->is_new() || folder->is_older();
  const absl::Status status =
      to_status(rocksdb::DB::Open(options, folder->database().string(), families, &tables, &db));
  if (!status.ok()) return annotate(status, folder->path().string());
  return folder->is_new() || folder->is_older() ? folder->mark_made() : absl::OkStatus();
}

absl::Status Store::Database::close() {
  if (db == nullptr) return absl::OkStatus();
  for (auto* const table : std::exchange(tables, {})) db->DestroyColumnFamilyHandle(table);
  absl::Status status = to_status(db->Close());
  delete std::exchange(db, nullptr);
  return status;
}

// Batches and bodies are put once and deleted once, so SingleDelete is allowed: if it meets its put
// in memory, neither goes to a table on disk.
void Store::Database::append(const Change& change, rocksdb::WriteBatch* batch) const {
  auto* const in = table(change.table);
  if (change.kind == Change::Kind::kPut) {
    batch->Put(in, change.key, change.value);
  } else if (change.kind == Change::Kind::kDeletePrefix) {
    // The keys consist of a batch's id and a number.
    batch->DeleteRange(in, change.key, change.key + std::string(sizeof(std::uint64_t), '\xff'));
  } else if (change.table == Table::kBatches || change.table == Table::kBodies) {
    batch->SingleDelete(in, change.key);
  } else {
    batch->Delete(in, change.key);
  }
}

void Store::Database::append(const RoutedBatch& routed, rocksdb::WriteBatch* batch) const {
  const std::string key = batch_key(routed.batch->first_id());
  batch->Put(table(Table::kBatches), key, encode_batch(routed));
  batch->Put(table(Table::kBodies), key,
             slice(std::string_view(*routed.batch->body()).substr(0, routed.batch->body_bytes())));
}

Store::Store(std::unique_ptr<Database> database) : database_(std::move(database)) {}

Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  auto database = std::make_unique<Database>();
  ASSIGN_OR_RETURN(database->folder, DataFolder::open(options.folder));
  database->env = options.env;
  RETURN_IF_ERROR(database->open());
  auto store = std::unique_ptr<Store>(new Store(std::move(database)));
  RETURN_IF_ERROR(store->read_counters());
  return store;
}

// Reads the next message id, and counts this start durably before the broker gives out an ack id.
absl::Status Store::read_counters() {
  const auto read = [this](std::string_view key) -> absl::StatusOr<std::uint64_t> {
    std::string value;
    const absl::Status status =
        to_status(database_->db->Get(rocksdb::ReadOptions(), slice(key), &value));
    if (absl::IsNotFound(status)) return 0;
    RETURN_IF_ERROR(status);
    return decode_number(value);
  };
  ASSIGN_OR_RETURN(next_message_id_, read(kNextMessageKey));
  ASSIGN_OR_RETURN(const std::uint64_t starts, read(kStartsKey));
  starts_ = static_cast<std::uint32_t>(starts) + 1;
  rocksdb::WriteOptions options;
  options.sync = true;
  return to_status(database_->db->Put(options, slice(kStartsKey), encode_number(starts_)));
}

absl::Status Store::reopen() {
  const std::unique_lock lock(database_->mutex);
  // The database has failed; an error while closing it says nothing about what is on disk.
  database_->close().IgnoreError();
  return database_->open();
}

absl::Status Store::write(std::span<const Change> changes,
                          std::span<const Publication* const> publications,
                          MessageId next_message_id) {
  const std::shared_lock lock(database_->mutex);
  if (database_->db == nullptr) return absl::UnavailableError("The store is closed.");
  std::size_t bytes = kRecordOverheadBytes;
  for (const Publication* publication : publications) {
    for (const RoutedBatch& routed : publication->batches) {
      bytes += routed.batch->body_bytes() + 8 * routed.counts.size() + 2 * kRecordOverheadBytes;
    }
  }
  rocksdb::WriteBatch batch(bytes);
  for (const Change& change : changes) database_->append(change, &batch);
  for (const Publication* publication : publications) {
    for (const RoutedBatch& routed : publication->batches) database_->append(routed, &batch);
  }
  batch.Put(std::string(kNextMessageKey), encode_number(next_message_id));
  rocksdb::WriteOptions options;
  options.sync = true;
  return to_status(database_->db->Write(options, &batch));
}

absl::StatusOr<Body> Store::load(MessageId batch) const {
  const std::shared_lock lock(database_->mutex);
  if (database_->db == nullptr) return absl::UnavailableError("The store is closed.");
  std::string body;
  RETURN_IF_ERROR(to_status(database_->db->Get(
      rocksdb::ReadOptions(), database_->table(Table::kBodies), batch_key(batch), &body)));
  return std::make_shared<const std::string>(std::move(body));
}

absl::Status Store::restore(Core* core) {
  const auto with_folder = [this](const absl::Status& status) {
    return annotate(status, database_->folder->path().string());
  };
  core->restore_start(starts_);
  RETURN_IF_ERROR(with_folder(restore_resources(core)));
  return with_folder(restore_batches(core));
}

absl::Status Store::restore_resources(Core* core) {
  const std::unique_ptr<rocksdb::Iterator> at(database_->db->NewIterator(rocksdb::ReadOptions()));
  std::vector<std::pair<SubscriptionId, SubscriptionConfig>> subscriptions;
  std::vector<std::pair<SubscriptionId, LogConfig>> logs;
  std::uint64_t last = 0;
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::string_view key = at->key().ToStringView();
    const std::string_view value = at->value().ToStringView();
    if (key.starts_with(kTopicPrefix)) {
      core->restore_topic(std::string(key.substr(kTopicPrefix.size())), std::string(value));
    } else if (key.starts_with(kSchemaPrefix)) {
      core->restore_schema(std::string(key.substr(kSchemaPrefix.size())), std::string(value));
    } else if (key.starts_with(kSubscriptionPrefix)) {
      ASSIGN_OR_RETURN(const SubscriptionId id, decode_subscription_key(key));
      ASSIGN_OR_RETURN(SubscriptionConfig config, decode_subscription(value));
      subscriptions.emplace_back(id, std::move(config));
    } else if (key.starts_with(kLogPrefix)) {
      ASSIGN_OR_RETURN(const SubscriptionId id, decode_log_key(key));
      ASSIGN_OR_RETURN(LogConfig config, decode_log(value));
      logs.emplace_back(id, std::move(config));
    } else if (key == kLastSubscriptionKey) {
      ASSIGN_OR_RETURN(last, decode_number(value));
    } else if (key != kNextMessageKey && key != kStartsKey) {
      return absl::DataLossError("a record has an unknown key");
    }
  }
  RETURN_IF_ERROR(to_status(at->status()));
  for (auto& [id, config] : subscriptions) core->restore_subscription(id, std::move(config));
  for (auto& [id, config] : logs) core->restore_log(id, std::move(config));
  core->restore_last_subscription(static_cast<SubscriptionId>(last));
  return absl::OkStatus();
}

// Reads the batch at which `batches` is positioned, with its added deliveries from `added`.
absl::StatusOr<RoutedBatch> Store::restored_batch(rocksdb::Iterator& batches,
                                                  rocksdb::Iterator& added) {
  ASSIGN_OR_RETURN(const MessageId id, decode_batch_key(batches.key().ToStringView()));
  ASSIGN_OR_RETURN(RoutedBatch routed, decode_batch(id, batches.value().ToStringView()));
  const std::size_t published = routed.subscriptions.size();
  for (; added.Valid(); added.Next()) {
    ASSIGN_OR_RETURN(const AddedKey key, decode_added_key(added.key().ToStringView()));
    if (key.first_id > id) break;
    if (key.first_id < id || key.first_delivery != published + routed.added.size()) {
      return absl::DataLossError(fmt::format(
          "deliveries were added to batch {}, which is missing or incomplete", key.first_id));
    }
    RETURN_IF_ERROR(
        decode_added(added.value().ToStringView(), routed.counts.size(), &routed.added));
    routed.batch->set_has_added();
  }
  return routed;
}

// Batches, added deliveries and states have the same order, so one pass reads all three.
absl::Status Store::restore_batches(Core* core) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const auto walk = [&](Table table) {
    return std::unique_ptr<rocksdb::Iterator>(
        database_->db->NewIterator(options, database_->table(table)));
  };
  const auto batches = walk(Table::kBatches);
  const auto states = walk(Table::kStates);
  const auto added = walk(Table::kAdded);
  states->SeekToFirst();
  added->SeekToFirst();
  for (batches->SeekToFirst(); batches->Valid(); batches->Next()) {
    ASSIGN_OR_RETURN(RoutedBatch routed, restored_batch(*batches, *added));
    const MessageId id = routed.batch->first_id();
    std::vector<DeliveryState> of_batch(routed.subscriptions.size() + routed.added.size(), 0);
    for (; states->Valid(); states->Next()) {
      ASSIGN_OR_RETURN(const StatesKey key, decode_states_key(states->key().ToStringView()));
      if (key.first_id > id) break;
      const std::string_view value = states->value().ToStringView();
      const std::size_t begin = std::size_t{key.block} * kDeliveriesPerBlock;
      if (key.first_id < id || begin + value.size() > of_batch.size()) {
        return absl::DataLossError(fmt::format(
            "there are delivery states of batch {}, which is missing or incomplete", key.first_id));
      }
      std::ranges::copy(value, of_batch.begin() + static_cast<std::ptrdiff_t>(begin));
      routed.batch->set_has_stored_states();
    }
    core->restore_batch(std::move(routed), of_batch);
  }
  for (const auto* at : {batches.get(), states.get(), added.get()}) {
    RETURN_IF_ERROR(to_status(at->status()));
  }
  if (added->Valid()) return absl::DataLossError("deliveries were added to a missing batch");
  if (states->Valid()) return absl::DataLossError("there are delivery states of a missing batch");
  return absl::OkStatus();
}

}  // namespace pollbus::broker
