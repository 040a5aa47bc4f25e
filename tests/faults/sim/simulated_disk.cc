#include "faults/sim/simulated_disk.h"

#include <algorithm>

#include "base/status.h"

namespace pollbus::faults {
namespace {

using std::chrono::microseconds;

constexpr microseconds kLeastSync{50};
constexpr microseconds kMostSync{5'000};

}  // namespace

class SimulatedDisk::File final : public JournalFile {
 public:
  explicit File(SimulatedDisk& disk) : disk_(disk) {}

  const std::string& name() const override { return disk_.name_; }
  absl::StatusOr<std::size_t> records() const override { return disk_.count_; }

  absl::Status read(std::size_t position, Record* record) const override {
    *record = {};
    for (const auto* records : {&disk_.written_, &disk_.failed_, &disk_.lasting_}) {
      const auto found = records->find(position);
      if (found == records->end()) continue;
      *record = found->second;
      break;
    }
    return absl::OkStatus();
  }

  absl::Status write(std::size_t position, const Record& record) override {
    RETURN_IF_ERROR(trouble());
    disk_.written_[position] = record;
    disk_.count_ = std::max(disk_.count_, position + 1);
    return absl::OkStatus();
  }

  absl::Status sync() override {
    World& world = disk_.world_;
    world.sleep(world.random().between(kLeastSync, kMostSync));
    absl::Status status = trouble();
    for (const auto& [position, record] : disk_.written_) {
      disk_.failed_.erase(position);
      (status.ok() ? disk_.lasting_ : disk_.failed_)[position] = record;
    }
    disk_.written_.clear();
    return status;
  }

  absl::Status grow(std::size_t records) override {
    RETURN_IF_ERROR(trouble());
    disk_.count_ = records;
    return sync();
  }

 private:
  absl::Status trouble() {
    if (!disk_.world_.random().chance(disk_.profile_.disk_fails)) return absl::OkStatus();
    return absl::UnavailableError("simulated: no space left, or an error of the device");
  }

  SimulatedDisk& disk_;
};

std::unique_ptr<SimulatedDisk::JournalFile> SimulatedDisk::open() {
  return std::make_unique<File>(*this);
}

void SimulatedDisk::power_cut() {
  Random& random = world_.random();
  for (const auto& [position, record] : written_) {
    switch (random.below(3)) {
      case 0:
        break;
      case 1:
        lasting_[position] = record;
        break;
      default:  // torn
        std::ranges::copy_n(record.begin(),
                            static_cast<std::ptrdiff_t>(random.below(record.size())),
                            lasting_[position].begin());
    }
  }
  written_.clear();
  failed_.clear();
}

}  // namespace pollbus::faults
