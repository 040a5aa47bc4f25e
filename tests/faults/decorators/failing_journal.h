#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "faults/decorators/failpoints.h"
#include "voting_machine/journal_file.h"

namespace pollbus::faults {

// The file of a voting machine's journal, with the places machine.before_write,
// machine.after_write, machine.before_sync and machine.after_sync. Votes are written and erased by
// write(), and are on disk after sync().
class FailingJournalFile final : public voting_machine::JournalFile {
 public:
  FailingJournalFile(std::unique_ptr<JournalFile> inner, Failpoints at)
      : inner_(std::move(inner)), at_(std::move(at)) {}

  const std::string& name() const override { return inner_->name(); }
  absl::StatusOr<std::size_t> records() const override { return inner_->records(); }
  absl::Status read(std::size_t position, Record* record) const override {
    return inner_->read(position, record);
  }
  absl::Status write(std::size_t position, const Record& record) override {
    const bool erases = record == Record{};
    RETURN_IF_ERROR(at_(erases ? "machine.before_erase" : "machine.before_write"));
    RETURN_IF_ERROR(inner_->write(position, record));
    return at_(erases ? "machine.after_erase" : "machine.after_write");
  }
  absl::Status sync() override {
    RETURN_IF_ERROR(at_("machine.before_sync"));
    RETURN_IF_ERROR(inner_->sync());
    return at_("machine.after_sync");
  }
  absl::Status grow(std::size_t records) override { return inner_->grow(records); }

 private:
  const std::unique_ptr<JournalFile> inner_;
  const Failpoints at_;
};

}  // namespace pollbus::faults
