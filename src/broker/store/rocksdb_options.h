#pragma once

#include <rocksdb/db.h>

#include <vector>

#include "broker/store/notes.h"

namespace pollbus::broker {

// Options for RocksDB as a queue: records are deleted soon after they were written, in about the
// same order, and are rarely read. All memory that RocksDB uses is bounded. Borrows `env` unless it
// is nullptr.
rocksdb::DBOptions database_options(rocksdb::Env* env);
// One column family for each table, in the order of Table.
std::vector<rocksdb::ColumnFamilyDescriptor> column_families();

}  // namespace pollbus::broker
