#pragma once

#include <atomic>
#include <memory>

namespace rocksdb {
class Env;
}

namespace pollbus::testing {

// For tests: the machine's disk, which takes nothing any more while `is_full`. Thread-safe.
class FullDisk {
 public:
  FullDisk();
  ~FullDisk();
  // As StoreOptions::env; lives as long as this.
  rocksdb::Env* env() { return env_.get(); }

  std::atomic<bool> is_full = false;

 private:
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace pollbus::testing
