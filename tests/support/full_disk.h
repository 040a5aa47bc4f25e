#pragma once

#include <atomic>
#include <memory>

namespace rocksdb {
class Env;
}

namespace pollbus::testing {

// The file system, but writing fails while `is_full`. Thread-safe.
class FullDisk {
 public:
  FullDisk();
  ~FullDisk();
  // For StoreOptions::env; lives as long as this object.
  rocksdb::Env* env() { return env_.get(); }

  std::atomic<bool> is_full = false;

 private:
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace pollbus::testing
