#include "voting_machine/journal.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/logging.h"
#include "base/status.h"

namespace pollbus::voting_machine {
namespace {

constexpr std::size_t kSlotBytes = JournalFile::kRecordBytes;
constexpr std::size_t kGrowSlots = 256;
constexpr std::string_view kMagic = "pollbus voting-machine journal 1\n";

// A slot: a checksum of all that follows (8 bytes), the data's length (2), zeros (6), the data.
// A free slot is all zeros. The checksum is SipHash-2-4 with a key of zeros: it finds torn writes
// and damage, but it does not authenticate.
constexpr std::size_t kChecksumBytes = crypto_shorthash_BYTES;
constexpr std::size_t kLengthOffset = kChecksumBytes;
constexpr std::size_t kDataOffset = 16;
static_assert(kDataOffset + Journal::kMaxDataBytes == kSlotBytes);
static_assert(kMagic.size() + Journal::kMaxOwnerBytes <= Journal::kMaxDataBytes);

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

// The data, or "" if the slot is free or its checksum is wrong.
std::string decode(const SlotBytes& slot) {
  const std::size_t length = slot[kLengthOffset] | static_cast<std::size_t>(slot[kLengthOffset + 1])
                                                       << 8;
  if (length == 0 || length > Journal::kMaxDataBytes) return {};
  std::array<unsigned char, kChecksumBytes> expected{};
  checksum(slot, expected.data());
  if (std::memcmp(expected.data(), slot.data(), kChecksumBytes) != 0) return {};
  return {reinterpret_cast<const char*>(slot.data()) + kDataOffset, length};
}

// Writes the bytes of slots, which are in ascending order, with one write for each run of
// neighbours.
absl::Status write_runs(JournalFile& file, std::span<const Journal::Slot> slots,
                        std::span<const SlotBytes> bytes) {
  for (std::size_t begin = 0; begin < slots.size();) {
    std::size_t end = begin + 1;
    while (end < slots.size() && slots[end] == slots[end - 1] + 1) ++end;
    RETURN_IF_ERROR(file.write_all(slots[begin] + 1, bytes.subspan(begin, end - begin)));
    begin = end;
  }
  return absl::OkStatus();
}

// Whether a header without a valid checksum is one that a power cut has torn: it begins like a
// header, and there cannot be a vote yet, or it was overwritten by another header.
bool is_torn_header(const SlotBytes& header, std::size_t records) {
  const auto* const text = header.begin() + kDataOffset;
  const auto* const torn_at = std::mismatch(kMagic.begin(), kMagic.end(), text).second;
  if (torn_at == text + kMagic.size()) return true;
  const auto is_zero = [](unsigned char byte) { return byte == 0; };
  return records == 1 && std::all_of(torn_at, header.end(), is_zero) &&
         std::all_of(header.begin() + kLengthOffset + 2, text, is_zero);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::open(const std::string& path) {
  ASSIGN_OR_RETURN(auto file, open_journal_file(path));
  return open(std::move(file));
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::open(std::unique_ptr<JournalFile> file) {
  ASSIGN_OR_RETURN(const std::size_t records, file->records());
  std::unique_ptr<Journal> journal(new Journal(std::move(file)));
  if (records > 0) RETURN_IF_ERROR(journal->read(records));
  return journal;
}

absl::Status Journal::read(std::size_t records) {
  RETURN_IF_ERROR(read_header(records));
  RETURN_IF_ERROR(read_slots(records - 1));
  if (!damaged_.empty()) report_damage();
  return absl::OkStatus();
}

absl::Status Journal::read_header(std::size_t records) {
  SlotBytes header{};
  const absl::Status status = file_->read(0, &header);
  const std::string text = decode(header);
  if (status.ok() && text.starts_with(kMagic)) {
    owner_ = text.substr(kMagic.size());
    return file_->write(0, header);
  }
  if (status.ok() && is_torn_header(header, records)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      fmt::format("{} is not a journal of a voting machine", file_->name()));
}

// Recovered votes are written again before they are used. They may have been read from memory
// only: the process that wrote them may have died before its sync, or its sync may have failed, and
// a later sync does not write again what a failed one left behind.
absl::Status Journal::read_slots(std::size_t slots) {
  slots_ = slots;
  for (std::size_t slot = slots; slot-- > 0;) {
    SlotBytes bytes{};
    RETURN_IF_ERROR(file_->read(slot + 1, &bytes));
    if (bytes == SlotBytes{}) {
      free_.push_back(static_cast<Slot>(slot));
    } else if (std::string data = decode(bytes); data.empty()) {
      damaged_.push_back(static_cast<Slot>(slot));
    } else {
      RETURN_IF_ERROR(file_->write(slot + 1, bytes));
      recovered_.push_back({static_cast<Slot>(slot), std::move(data)});
    }
  }
  used_ = recovered_.size();
  return file_->sync();
}

void Journal::report_damage() const {
  log_warning(
      "the journal has slots with a wrong checksum: votes that were not fully written before a "
      "crash, which were never published, or damage to the disk; their bytes stay in the file",
      {{"journal", file_->name()},
       {"slots", damaged_.size()},
       {"first_offset_bytes", (damaged_.back() + 1) * kSlotBytes}});
}

absl::Status Journal::claim(const std::string& owner) {
  if (owner.size() > kMaxOwnerBytes)
    return absl::InvalidArgumentError("journal: the text for its header is too long");
  RETURN_IF_ERROR(file_->write(0, encode(std::string(kMagic) + owner)));
  RETURN_IF_ERROR(file_->sync());
  owner_ = owner;
  return absl::OkStatus();
}

absl::Status Journal::discard() {
  for (const Entry& entry : recovered_) damaged_.push_back(entry.slot);
  for (const Slot slot : damaged_) RETURN_IF_ERROR(file_->write(slot + 1, SlotBytes{}));
  RETURN_IF_ERROR(file_->sync());
  free_.insert(free_.end(), damaged_.begin(), damaged_.end());
  damaged_.clear();
  recovered_.clear();
  used_ = 0;
  return absl::OkStatus();
}

absl::Status Journal::grow() {
  if (slots_ + kGrowSlots > kMaxEntries) {
    return absl::ResourceExhaustedError(
        fmt::format("journal {} is full: {} votes without an answer", file_->name(), used_));
  }
  RETURN_IF_ERROR(file_->grow(1 + slots_ + kGrowSlots));
  for (std::size_t slot = slots_ + kGrowSlots; slot-- > slots_;)
    free_.push_back(static_cast<Slot>(slot));
  slots_ += kGrowSlots;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Journal::Slot>> Journal::append(std::span<const std::string> votes) {
  if (owner_.empty()) return absl::FailedPreconditionError("journal: claim() comes first");
  for (const std::string& vote : votes) {
    if (vote.empty() || vote.size() > kMaxDataBytes)
      return absl::InvalidArgumentError("journal: a vote must have 1 to 496 bytes");
  }
  while (free_.size() < votes.size()) RETURN_IF_ERROR(grow());
  std::vector<SlotBytes> bytes;
  bytes.reserve(votes.size());
  for (const std::string& vote : votes) bytes.push_back(encode(vote));
  std::vector<Slot> slots = take_free(votes.size());
  absl::Status status = write_runs(*file_, slots, bytes);
  if (status.ok()) status = file_->sync();
  if (!status.ok()) {
    free_.insert(free_.end(), slots.rbegin(), slots.rend());
    return status;
  }
  used_ += slots.size();
  return slots;
}

// The slots that were freed last, because their pages have to be written anyway; in ascending
// order, so that neighbours are written together.
std::vector<Journal::Slot> Journal::take_free(std::size_t count) {
  const auto first = free_.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<Slot> slots(first, free_.end());
  free_.erase(first, free_.end());
  std::ranges::sort(slots);
  return slots;
}

absl::Status Journal::erase(std::span<const Slot> slots) {
  std::vector<Slot> sorted(slots.begin(), slots.end());
  std::ranges::sort(sorted);
  RETURN_IF_ERROR(write_runs(*file_, sorted, std::vector<SlotBytes>(sorted.size(), SlotBytes{})));
  free_.insert(free_.end(), sorted.rbegin(), sorted.rend());
  used_ -= sorted.size();
  return absl::OkStatus();
}

}  // namespace pollbus::voting_machine
