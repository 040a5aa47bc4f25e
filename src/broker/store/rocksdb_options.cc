#include "broker/store/rocksdb_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <cstdarg>
#include <cstdio>
#include <memory>

#include "base/logging.h"

namespace pollbus::broker {
namespace {

constexpr std::size_t kBlockCacheBytes = 8 << 20;
constexpr std::size_t kBodiesMemtableBytes = 16 << 20;
constexpr std::size_t kMemtableBytes = 4 << 20;
constexpr int kMaxMemtables = 3;
constexpr std::size_t kAllMemtablesBytes = 48 << 20;
constexpr std::size_t kMaxLogBytes = 128 << 20;
constexpr std::size_t kMaxManifestBytes = 4 << 20;
constexpr std::size_t kBlockBytes = 16 << 10;
constexpr int kMaxBackgroundJobs = 2;
constexpr int kMaxOpenFiles = 256;
constexpr std::size_t kMaxLogLineBytes = 512;
// A table with this many deletions among this many consecutive entries is compacted.
constexpr std::size_t kDeletionWindow = 4'096;
constexpr std::size_t kDeletionTrigger = 2'048;

// Forwards RocksDB's log to ours. A log file of its own would fail together with the disk, and
// Debian's build of RocksDB asserts that it does not.
class ForwardedLog : public rocksdb::Logger {
 public:
  ForwardedLog() : Logger(rocksdb::WARN_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    char line[kMaxLogLineBytes];
    if (std::vsnprintf(line, sizeof(line), format, arguments) > 0) {
      log_warning("message from the storage engine", {{"text", std::string_view(line)}});
    }
  }
};

rocksdb::ColumnFamilyOptions table_options(std::size_t memtable_bytes,
                                           const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = kBlockBytes;
  table.cache_index_and_filter_blocks = true;
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.write_buffer_size = memtable_bytes;
  options.max_write_buffer_number = kMaxMemtables;
  options.compression = rocksdb::kNoCompression;
  options.table_properties_collector_factories = {
      rocksdb::NewCompactOnDeletionCollectorFactory(kDeletionWindow, kDeletionTrigger)};
  return options;
}

}  // namespace

rocksdb::DBOptions database_options(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  if (env != nullptr) options.env = env;
  options.paranoid_checks = true;
  // Every write is synced before it is acknowledged, so a crash can only damage the last record of
  // the log, which nobody relies on. Damage anywhere else has another cause and is refused.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = true;
  options.max_total_wal_size = kMaxLogBytes;
  options.max_manifest_file_size = kMaxManifestBytes;
  options.db_write_buffer_size = kAllMemtablesBytes;
  options.max_background_jobs = kMaxBackgroundJobs;
  options.max_open_files = kMaxOpenFiles;
  options.info_log = std::make_shared<ForwardedLog>();
  options.stats_dump_period_sec = 0;
  // Only one thread writes.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  // After an error the broker reopens the database; RocksDB must not retry by itself.
  options.max_bgerror_resume_count = 0;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> column_families() {
  const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  return {{rocksdb::kDefaultColumnFamilyName, table_options(kMemtableBytes, cache)},
          {"batches", table_options(kMemtableBytes, cache)},
          {"bodies", table_options(kBodiesMemtableBytes, cache)},
          {"states", table_options(kMemtableBytes, cache)},
          {"added", table_options(kMemtableBytes, cache)}};
}

}  // namespace pollbus::broker
