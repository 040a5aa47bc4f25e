#pragma once

#include <rocksdb/db.h>

#include <vector>

#include "broker/store/notes.h"

namespace pollbus::broker {

// RocksDB set up for a queue: what is written is deleted soon, in the order it came, and read by
// its key if at all. All memory that it takes is bounded here.
rocksdb::DBOptions database_options(rocksdb::Env* env);
// One for each table, in the order of Table.
std::vector<rocksdb::ColumnFamilyDescriptor> column_families();

}  // namespace pollbus::broker
