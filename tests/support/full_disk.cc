#include "support/full_disk.h"

#include <rocksdb/env.h>

#include <string>
#include <utility>

namespace pollbus::testing {
namespace {

class File : public rocksdb::WritableFileWrapper {
 public:
  File(std::unique_ptr<rocksdb::WritableFile> file, const std::atomic<bool>* is_full)
      : WritableFileWrapper(file.get()), file_(std::move(file)), is_full_(is_full) {}
  using WritableFileWrapper::Append;
  rocksdb::Status Append(const rocksdb::Slice& data) override {
    return *is_full_ ? rocksdb::Status::IOError("test") : file_->Append(data);
  }
  rocksdb::Status Sync() override {
    return *is_full_ ? rocksdb::Status::IOError("test") : file_->Sync();
  }

 private:
  std::unique_ptr<rocksdb::WritableFile> file_;
  const std::atomic<bool>* is_full_;
};

class FullEnv : public rocksdb::EnvWrapper {
 public:
  explicit FullEnv(const std::atomic<bool>* is_full)
      : EnvWrapper(rocksdb::Env::Default()), is_full_(is_full) {}
  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    std::unique_ptr<rocksdb::WritableFile> real;
    rocksdb::Status status = target()->NewWritableFile(name, &real, options);
    if (status.ok()) *file = std::make_unique<File>(std::move(real), is_full_);
    return status;
  }

 private:
  const std::atomic<bool>* is_full_;
};

}  // namespace

FullDisk::FullDisk() : env_(std::make_unique<FullEnv>(&is_full)) {}
FullDisk::~FullDisk() = default;

}  // namespace pollbus::testing
