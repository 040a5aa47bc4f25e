#include "voting_machine/journal.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/status.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::size_t kSlotBytes = JournalFile::kRecordBytes;
constexpr std::size_t kGrowSlots = 256;
constexpr std::string_view kMagic = "pollbus voting-machine journal 1\n";

// A slot: a checksum of all that follows (8 bytes), the data's length (2), zeros (6), the data.
// All zeros: free. The checksum is SipHash-2-4 under a key of zeros; it finds torn writes, no more.
constexpr std::size_t kChecksumBytes = crypto_shorthash_BYTES;
constexpr std::size_t kLengthOffset = kChecksumBytes;
constexpr std::size_t kDataOffset = 16;
static_assert(kDataOffset + Journal::kMaxDataBytes == kSlotBytes);

using SlotBytes = JournalFile::Record;

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
  if (length == 0 || length > Journal::kMaxDataBytes) return {};
  std::array<unsigned char, kChecksumBytes> expected{};
  checksum(slot, expected.data());
  if (std::memcmp(expected.data(), slot.data(), kChecksumBytes) != 0) return {};
  return {reinterpret_cast<const char*>(slot.data()) + kDataOffset, length};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::open(const std::string& path,
                                                       const std::string& owner) {
  ASSIGN_OR_RETURN(auto file, open_journal_file(path));
  return open(std::move(file), owner);
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::open(std::unique_ptr<JournalFile> file,
                                                       const std::string& owner) {
  ASSIGN_OR_RETURN(const std::size_t records, file->records());
  std::unique_ptr<Journal> journal(new Journal(std::move(file)));
  if (records == 0 || (records == 1 && journal->is_torn_header(owner))) {
    RETURN_IF_ERROR(journal->write_header(owner));
    return journal;
  }
  RETURN_IF_ERROR(journal->read_header(owner));
  RETURN_IF_ERROR(journal->read_slots(records - 1));
  return journal;
}

// The power went while the header was written: of its bytes some are there, and no vote can be.
bool Journal::is_torn_header(const std::string& owner) const {
  const std::string text = std::string(kMagic) + owner;
  SlotBytes header{};
  if (text.size() > kMaxDataBytes || !file_->read(0, &header).ok()) return false;
  const SlotBytes whole = encode(text);
  return header != whole && std::ranges::equal(header, whole, [](auto found, auto expected) {
           return found == 0 || found == expected;
         });
}

absl::Status Journal::write_header(const std::string& owner) {
  const std::string text = std::string(kMagic) + owner;
  if (text.size() > kMaxDataBytes)
    return absl::InvalidArgumentError("journal: the owner's name is too long");
  RETURN_IF_ERROR(file_->write(0, encode(text)));
  return file_->sync();
}

absl::Status Journal::read_header(const std::string& owner) {
  SlotBytes header{};
  const absl::Status status = file_->read(0, &header);
  const std::string text = decode(header);
  if (!status.ok() || !text.starts_with(kMagic)) {
    return absl::FailedPreconditionError(
        fmt::format("{} is not a journal of a voting machine", file_->name()));
  }
  if (const std::string found = text.substr(kMagic.size()); found != owner) {
    return absl::FailedPreconditionError(
        fmt::format("journal {} is that of {}, not of {}", file_->name(), found, owner));
  }
  return file_->write(0, header);
}

// What is found is written again: it may be read from memory only, because whoever wrote it died
// before its sync, or saw it fail; and what a failed sync has left behind, no later one writes.
absl::Status Journal::read_slots(std::size_t slots) {
  slots_ = slots;
  for (std::size_t slot = slots; slot-- > 0;) {
    SlotBytes bytes{};
    RETURN_IF_ERROR(file_->read(slot + 1, &bytes));
    if (std::string data = decode(bytes); !data.empty()) {
      RETURN_IF_ERROR(file_->write(slot + 1, bytes));
      recovered_.push_back({static_cast<Slot>(slot), std::move(data)});
      continue;
    }
    // What is left of a torn vote is somebody's vote all the same.
    if (bytes != SlotBytes{}) RETURN_IF_ERROR(file_->write(slot + 1, SlotBytes{}));
    free_.push_back(static_cast<Slot>(slot));
  }
  used_ = recovered_.size();
  return file_->sync();
}

absl::Status Journal::grow() {
  if (slots_ + kGrowSlots > kMaxEntries) {
    return absl::ResourceExhaustedError(
        fmt::format("journal {}: {} votes without an answer", file_->name(), used_));
  }
  RETURN_IF_ERROR(file_->grow(1 + slots_ + kGrowSlots));
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
    RETURN_IF_ERROR(file_->write(slot + 1, encode(vote)));
    free_.pop_back();
    slots.push_back(slot);
  }
  RETURN_IF_ERROR(file_->sync());
  used_ += slots.size();
  return slots;
}

absl::Status Journal::erase(Slot slot) {
  RETURN_IF_ERROR(file_->write(slot + 1, SlotBytes{}));
  free_.push_back(slot);
  --used_;
  return absl::OkStatus();
}

}  // namespace pollbus::voting_machine
