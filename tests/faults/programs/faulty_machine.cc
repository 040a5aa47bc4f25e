// voting-machine whose journal and bus fail at named steps.
#include <array>

#include "faults/decorators/failing_journal.h"
#include "faults/programs/faulty_program.h"

namespace pollbus {
namespace voting_machine {

absl::StatusOr<std::unique_ptr<JournalFile>> real_open_journal_file(const std::string& path)
    POLLBUS_REAL(OPEN_JOURNAL_FILE);
absl::StatusOr<std::unique_ptr<JournalFile>> wrapped_open_journal_file(const std::string& path)
    POLLBUS_WRAP(OPEN_JOURNAL_FILE);

absl::StatusOr<std::unique_ptr<JournalFile>> wrapped_open_journal_file(const std::string& path) {
  ASSIGN_OR_RETURN(auto file, real_open_journal_file(path));
  return faults::made_faulty<faults::FailingJournalFile>(std::move(file), faults::mutant().journal);
}

}  // namespace voting_machine

namespace faults {

std::span<const std::string_view> places() {
  static constexpr std::array<std::string_view, 8> kPlaces = {
      "machine.before_write",   "machine.after_write",  "machine.before_sync",
      "machine.after_sync",     "machine.before_erase", "machine.after_erase",
      "machine.before_publish", "machine.after_publish"};
  return kPlaces;
}

}  // namespace faults
}  // namespace pollbus
