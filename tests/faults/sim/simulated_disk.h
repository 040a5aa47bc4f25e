#pragma once

#include <map>
#include <memory>
#include <string>

#include "faults/sim/profile.h"
#include "faults/sim/world.h"
#include "voting_machine/journal_file.h"

namespace pollbus::faults {

// The file of one machine's journal. A killed process leaves everything that it has written. A
// power cut loses some of what was not synced and tears some of it.
class SimulatedDisk {
 public:
  using JournalFile = voting_machine::JournalFile;

  // Borrows both.
  SimulatedDisk(World& world, const Profile& profile) : world_(world), profile_(profile) {}

  // Borrows this.
  std::unique_ptr<JournalFile> open();
  void power_cut();

 private:
  class File;

  World& world_;
  const Profile& profile_;
  const std::string name_ = "simulated";
  std::size_t count_ = 0;
  std::map<std::size_t, JournalFile::Record> lasting_;  // zeros where there is none
  std::map<std::size_t, JournalFile::Record> written_;  // not synced yet
  // Can still be read from memory, but the device failed to write it, and no later sync tries
  // again.
  std::map<std::size_t, JournalFile::Record> failed_;
};

}  // namespace pollbus::faults
