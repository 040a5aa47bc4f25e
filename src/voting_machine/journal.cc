#include "voting_machine/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/status.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::size_t kSlotBytes = 512;
constexpr std::size_t kGrowSlots = 2'048;
constexpr std::string_view kMagic = "pollbus voting-machine journal 1\n";

// A slot: a checksum of all that follows (8 bytes), the data's length (2), zeros (6), the data.
// All zeros: free. The checksum is SipHash-2-4 under a key of zeros; it finds torn writes, no more.
constexpr std::size_t kChecksumBytes = crypto_shorthash_BYTES;
constexpr std::size_t kLengthOffset = kChecksumBytes;
constexpr std::size_t kDataOffset = 16;
static_assert(kDataOffset + Journal::kMaxDataBytes == kSlotBytes);

using SlotBytes = std::array<unsigned char, kSlotBytes>;

absl::Status system_error(const std::string& path, const char* what) {
  return absl::UnavailableError(
      fmt::format("journal {}: {}: {}", path, what, std::system_category().message(errno)));
}

void checksum(const SlotBytes& slot, unsigned char* out) {
  static constexpr std::array<unsigned char, crypto_shorthash_KEYBYTES> kNoKey{};
  crypto_shorthash(out, slot.data() + kChecksumBytes, kSlotBytes - kChecksumBytes, kNoKey.data());
}

SlotBytes encode(const std::string& data) {
  SlotBytes slot{};
  slot[kLengthOffset] = static_cast<unsigned char>(data.size() & 0xff);
  slot[kLengthOffset + 1] = static_cast<unsigned char>(data.size() >> 8);
  std::memcpy(slot.data() + kDataOffset, data.data(), data.size());
  checksum(slot, slot.data());
  return slot;
}

// The data, or "" for a free or torn slot.
std::string decode(const SlotBytes& slot) {
  const std::size_t length = slot[kLengthOffset] | static_cast<std::size_t>(slot[kLengthOffset + 1])
                                                       << 8;
  std::array<unsigned char, kChecksumBytes> expected{};
  checksum(slot, expected.data());
  if (length == 0 || length > Journal::kMaxDataBytes) return {};
  if (std::memcmp(expected.data(), slot.data(), kChecksumBytes) != 0) return {};
  return {reinterpret_cast<const char*>(slot.data()) + kDataOffset, length};
}

bool write_slot(int file, std::size_t position, const SlotBytes& bytes) {
  return pwrite(file, bytes.data(), kSlotBytes, static_cast<off_t>(position * kSlotBytes)) ==
         static_cast<ssize_t>(kSlotBytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::open(const std::string& path,
                                                       const std::string& owner) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return system_error(path, "cannot open");
  std::unique_ptr<Journal> journal(new Journal(file, path));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(fmt::format(
        "journal {}: another process holds it: is this machine running already?", path));
  }
  struct stat info {};
  if (fstat(file, &info) != 0) return system_error(path, "cannot stat");
  if (info.st_size == 0) {
    RETURN_IF_ERROR(journal->write_header(owner));
    return journal;
  }
  SlotBytes header{};
  if (pread(file, header.data(), kSlotBytes, 0) != static_cast<ssize_t>(kSlotBytes) ||
      !decode(header).starts_with(kMagic)) {
    return absl::FailedPreconditionError(
        fmt::format("{} is not a journal of a voting machine", path));
  }
  if (const std::string found = decode(header).substr(kMagic.size()); found != owner) {
    return absl::FailedPreconditionError(
        fmt::format("journal {} is that of {}, not of {}", path, found, owner));
  }
  RETURN_IF_ERROR(journal->read_slots(static_cast<std::size_t>(info.st_size) / kSlotBytes - 1));
  return journal;
}

Journal::~Journal() { close(file_); }

absl::Status Journal::write_header(const std::string& owner) {
  const std::string text = std::string(kMagic) + owner;
  if (text.size() > kMaxDataBytes)
    return absl::InvalidArgumentError("journal: the owner's name is too long");
  if (!write_slot(file_, 0, encode(text)) || fdatasync(file_) != 0)
    return system_error(path_, "cannot write");
  return absl::OkStatus();
}

absl::Status Journal::read_slots(std::size_t slots) {
  slots_ = slots;
  for (std::size_t slot = slots; slot-- > 0;) {
    SlotBytes bytes{};
    if (pread(file_, bytes.data(), kSlotBytes, static_cast<off_t>((slot + 1) * kSlotBytes)) !=
        static_cast<ssize_t>(kSlotBytes)) {
      return system_error(path_, "cannot read");
    }
    if (std::string data = decode(bytes); !data.empty()) {
      recovered_.push_back({static_cast<Slot>(slot), std::move(data)});
      continue;
    }
    // What is left of a torn vote is somebody's vote all the same.
    if (bytes != SlotBytes{} && !write_slot(file_, slot + 1, SlotBytes{}))
      return system_error(path_, "cannot erase");
    free_.push_back(static_cast<Slot>(slot));
  }
  used_ = recovered_.size();
  return absl::OkStatus();
}

absl::Status Journal::grow() {
  if (slots_ + kGrowSlots > kMaxEntries) {
    return absl::ResourceExhaustedError(
        fmt::format("journal {}: {} votes without an answer", path_, used_));
  }
  // Allocated ahead, so that a vote's write changes no length, and a full disk shows here.
  const auto begin = static_cast<off_t>((slots_ + 1) * kSlotBytes);
  if (const int error = posix_fallocate(file_, begin, kGrowSlots * kSlotBytes); error != 0) {
    errno = error;
    return system_error(path_, "cannot grow");
  }
  if (fsync(file_) != 0) return system_error(path_, "cannot grow");
  for (std::size_t slot = slots_ + kGrowSlots; slot-- > slots_;)
    free_.push_back(static_cast<Slot>(slot));
  slots_ += kGrowSlots;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Journal::Slot>> Journal::append(std::span<const std::string> votes) {
  for (const std::string& vote : votes) {
    if (vote.empty() || vote.size() > kMaxDataBytes)
      return absl::InvalidArgumentError("journal: no vote's size");
  }
  while (free_.size() < votes.size()) RETURN_IF_ERROR(grow());
  std::vector<Slot> slots;
  slots.reserve(votes.size());
  for (const std::string& vote : votes) {
    const Slot slot = free_.back();
    if (!write_slot(file_, slot + 1, encode(vote))) return system_error(path_, "cannot write");
    free_.pop_back();
    slots.push_back(slot);
  }
  if (fdatasync(file_) != 0) return system_error(path_, "cannot sync");
  used_ += slots.size();
  return slots;
}

absl::Status Journal::erase(Slot slot) {
  if (!write_slot(file_, slot + 1, SlotBytes{})) return system_error(path_, "cannot erase");
  free_.push_back(slot);
  --used_;
  return absl::OkStatus();
}

}  // namespace pollbus::voting_machine
