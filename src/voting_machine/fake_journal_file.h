#pragma once

// For tests of src/voting_machine only.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "voting_machine/journal_file.h"

namespace pollbus::voting_machine {

// A disk in memory, for one journal. What was written and not synced is lost by power_cut(), and
// kept if only the process dies. `on_step` is called before and after each change; what it returns
// before the change is the outcome.
class FakeDisk {
 public:
  std::function<absl::Status()> on_step = [] { return absl::OkStatus(); };

  std::unique_ptr<JournalFile> open() { return std::make_unique<File>(*this); }
  void power_cut() { written_ = synced_; }

  // Changes one byte of the record that holds this text.
  void damage(const std::string& text) {
    for (auto& [position, record] : written_) {
      const auto at = std::search(record.begin(), record.end(), text.begin(), text.end());
      if (at != record.end()) *at ^= 1;
    }
  }

  // Records with anything in them, without the header.
  std::size_t used() const {
    std::size_t count = 0;
    for (const auto& [position, record] : written_)
      count += position > 0 && record != JournalFile::Record{} ? 1 : 0;
    return count;
  }
  // Whether this text survives a power cut.
  bool has_synced(const std::string& text) const {
    for (const auto& [position, record] : synced_) {
      if (std::string(record.begin(), record.end()).find(text) != std::string::npos) return true;
    }
    return false;
  }

 private:
  class File final : public JournalFile {
   public:
    explicit File(FakeDisk& disk) : disk_(disk) {}
    const std::string& name() const override { return name_; }
    absl::StatusOr<std::size_t> records() const override { return disk_.written_.size(); }
    absl::Status read(std::size_t position, Record* record) const override {
      *record = disk_.written_.at(position);
      return absl::OkStatus();
    }
    absl::Status write(std::size_t position, const Record& record) override {
      return step([&] { disk_.written_[position] = record; });
    }
    absl::Status sync() override {
      return step([&] { disk_.synced_ = disk_.written_; });
    }
    absl::Status grow(std::size_t records) override {
      return step([&] {
        for (std::size_t i = disk_.written_.size(); i < records; ++i)
          disk_.written_[i] = disk_.synced_[i] = {};
      });
    }

   private:
    absl::Status step(const std::function<void()>& change) {
      absl::Status status = disk_.on_step();
      if (!status.ok()) return status;
      change();
      disk_.on_step().IgnoreError();
      return absl::OkStatus();
    }

    FakeDisk& disk_;
    const std::string name_ = "fake";
  };

  std::map<std::size_t, JournalFile::Record> written_;
  std::map<std::size_t, JournalFile::Record> synced_;
};

}  // namespace pollbus::voting_machine
