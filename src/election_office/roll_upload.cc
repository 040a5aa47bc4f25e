#include "election_office/roll_upload.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/status.h"

namespace pollbus::election_office {
namespace {

// Chunks that are in memory at a time.
constexpr std::int64_t kChunksAtATime = 32;

std::int64_t chunks_for(std::size_t voters) {
  return static_cast<std::int64_t>((voters + wire::kMaxChunkVoters - 1) / wire::kMaxChunkVoters);
}

std::vector<std::uint64_t> hashes_for(std::int64_t election,
                                      const std::vector<std::int64_t>& voters,
                                      const std::vector<VoterCode>& codes) {
  std::vector<std::uint64_t> hashes;
  if (codes.empty()) return hashes;
  hashes.reserve(voters.size());
  auto code = codes.begin();
  for (const std::int64_t voter : voters) {
    while (code->voter != voter) ++code;
    hashes.push_back(code_hash(election, *code));
  }
  return hashes;
}

}  // namespace

RollUpload::RollUpload(std::int64_t election, const Sha256& salt,
                       const std::vector<std::int64_t>& voters, const std::vector<VoterCode>& codes)
    : election_(election),
      salt_(salt),
      voters_(voters),
      code_hashes_(hashes_for(election, voters, codes)) {
  summary_.count = static_cast<std::int64_t>(voters.size());
  summary_.chunks = chunks_for(voters.size());
  std::vector<Sha256> hashes;
  for (std::int64_t i = 0; i < summary_.chunks; ++i) {
    hashes.push_back(sha256(wire::chunk_bytes(chunk(i))));
  }
  summary_.hash = wire::roll_hash(salt_, hashes);
}

wire::RollChunk RollUpload::chunk(std::int64_t index) const {
  wire::RollChunk chunk{.election = election_,
                        .roll = summary_.hash,
                        .chunk = index,
                        .chunks = summary_.chunks,
                        .count = summary_.count,
                        .has_codes = !code_hashes_.empty(),
                        .salt = salt_};
  const std::size_t start = static_cast<std::size_t>(index) * wire::kMaxChunkVoters;
  const std::size_t end = std::min(start + wire::kMaxChunkVoters, voters_.size());
  for (std::size_t i = start; i < end; ++i) {
    RollEntry& entry = chunk.voters.emplace_back(RollEntry{.voter = voters_[i]});
    if (chunk.has_codes) entry.code_hash = code_hashes_[i];
  }
  return chunk;
}

absl::Status RollUpload::send(Services& services, Progress& progress) const {
  for (std::int64_t start = 0; start < summary_.chunks; start += kChunksAtATime) {
    std::vector<Command> commands;
    for (std::int64_t i = start; i < std::min(start + kChunksAtATime, summary_.chunks); ++i) {
      commands.push_back({.data = encode(chunk(i)), .to = wire::kToLogger});
    }
    const auto answers = services.ask(commands, [&](std::size_t answered) {
      const std::int64_t done = start + static_cast<std::int64_t>(answered);
      progress.show(
          std::min(done * static_cast<std::int64_t>(wire::kMaxChunkVoters), summary_.count));
    });
    for (const Answer& answer : answers) {
      if (!answer.ok()) return annotate(answer.status(), "the roll was not imported");
      if (answer->result == wire::CommandResult::kRefused) {
        return absl::FailedPreconditionError(
            fmt::format("the logger refuses the roll: {}", answer->reason));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace pollbus::election_office
