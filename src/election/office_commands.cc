#include <fmt/format.h>
#include <sodium.h>

#include <array>

#include "base/byte_order.h"
#include "election/object_reader.h"
#include "election/office_messages.h"
#include "election/strict_json.h"

namespace pollbus::wire {
namespace {

using nlohmann::json;
using namespace std::string_view_literals;

constexpr std::string_view kRollChunk = "roll chunk";
constexpr std::string_view kNewVoter = "new voter";
constexpr std::array kRequests = {"status"sv, "history"sv, "results"sv};
constexpr std::size_t kNumberBytes = 8;
constexpr std::size_t kMaxUuidBytes = 128;
constexpr std::int64_t kMaxChunks = 1'000'000;
constexpr int kBase64 = sodium_base64_VARIANT_ORIGINAL;

std::string to_base64(std::string_view bytes) {
  // The length includes the NUL that sodium_bin2base64 writes.
  std::string text(sodium_base64_encoded_len(bytes.size(), kBase64), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kBase64);
  text.pop_back();
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  std::size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &length, &end, kBase64) != 0 ||
      end != text.data() + text.size()) {
    return std::nullopt;
  }
  bytes.resize(length);
  return bytes;
}

// Reads what chunk_bytes() writes.
void read_voters(ObjectReader& fields, RollChunk& chunk) {
  const auto bytes = from_base64(fields.text("voters"));
  const std::size_t size = chunk.has_codes ? 2 * kNumberBytes : kNumberBytes;
  if (!bytes || bytes->empty() || bytes->size() % size != 0 ||
      bytes->size() / size > kMaxChunkVoters) {
    return fields.fail("voters", fmt::format("must hold 1 to {} voters", kMaxChunkVoters));
  }
  const std::string_view all = *bytes;
  std::int64_t before = -1;
  for (std::size_t at = 0; at < all.size(); at += size) {
    const auto voter = from_big_endian<std::uint64_t>(all.substr(at, kNumberBytes));
    RollEntry entry{.voter = static_cast<std::int64_t>(voter)};
    if (chunk.has_codes) {
      entry.code_hash = from_big_endian<std::uint64_t>(all.substr(at + kNumberBytes, kNumberBytes));
    }
    if (voter > static_cast<std::uint64_t>(kMaxId) || entry.voter <= before) {
      return fields.fail("voters", "must have numbers up to 2^53-1 in ascending order");
    }
    before = entry.voter;
    chunk.voters.push_back(entry);
  }
}

absl::StatusOr<OfficeCommand> read_chunk(ObjectReader& fields) {
  RollChunk chunk{.election = fields.integer("election_ID"),
                  .roll = fields.hash("roll"),
                  .chunk = fields.integer("chunk", kMaxChunks),
                  .chunks = fields.integer("chunks", kMaxChunks),
                  .count = fields.integer("count"),
                  .has_codes = fields.boolean("codes"),
                  .salt = fields.hash("salt")};
  if (fields.ok()) read_voters(fields, chunk);
  if (chunk.chunk >= chunk.chunks) fields.fail("chunk", "must be smaller than chunks");
  if (!fields.ok()) return fields.status();
  return chunk;
}

std::string read_uuid(ObjectReader& fields) {
  std::string uuid = fields.text("UUID");
  if (uuid.empty() || uuid.size() > kMaxUuidBytes) {
    fields.fail("UUID", fmt::format("must have 1 to {} bytes", kMaxUuidBytes));
  }
  return uuid;
}

absl::StatusOr<OfficeCommand> read_new_voter(ObjectReader& fields) {
  NewVoter voter{.election = fields.integer("election_ID"),
                 .entry = {.voter = fields.integer("voter_ID")},
                 .salt = fields.hash("salt"),
                 .uuid = read_uuid(fields)};
  if (fields.has("code_hash")) voter.entry.code_hash = fields.hex64("code_hash");
  if (!fields.ok()) return fields.status();
  return voter;
}

absl::StatusOr<OfficeCommand> read_request(ObjectReader& fields, RequestKind kind) {
  OfficeRequest request{
      .kind = kind, .election = fields.optional_integer("election_ID"), .uuid = read_uuid(fields)};
  if (fields.has("from")) request.from = fields.integer("from");
  if (!request.election && kind != RequestKind::kStatus) fields.fail("election_ID", "is missing");
  if (!fields.ok()) return fields.status();
  return request;
}

}  // namespace

std::string chunk_bytes(const RollChunk& chunk) {
  std::string bytes;
  bytes.reserve(chunk.voters.size() * 2 * kNumberBytes);
  for (const auto& [voter, code_hash] : chunk.voters) {
    append_big_endian(bytes, voter);
    if (chunk.has_codes) append_big_endian(bytes, code_hash.value_or(0));
  }
  return bytes;
}

Sha256 roll_hash(const Sha256& salt, const std::vector<Sha256>& chunk_hashes) {
  std::string bytes(bytes_of(salt));
  for (const Sha256& hash : chunk_hashes) bytes += bytes_of(hash);
  return sha256(bytes);
}

Sha256 commitment_to(const NewVoter& voter) {
  std::string text =
      fmt::format("pollbus voter {} {} {}", to_hex(voter.salt), voter.election, voter.entry.voter);
  if (voter.entry.code_hash) text += " " + hex64_text(*voter.entry.code_hash);
  return sha256(text);
}

std::string encode(const RollChunk& chunk) {
  return to_canonical({{"kind", kRollChunk},
                       {"election_ID", chunk.election},
                       {"roll", to_hex(chunk.roll)},
                       {"chunk", chunk.chunk},
                       {"chunks", chunk.chunks},
                       {"count", chunk.count},
                       {"codes", chunk.has_codes},
                       {"salt", to_hex(chunk.salt)},
                       {"voters", to_base64(chunk_bytes(chunk))}});
}

std::string encode(const NewVoter& voter) {
  json object = {{"kind", kNewVoter},
                 {"election_ID", voter.election},
                 {"voter_ID", voter.entry.voter},
                 {"salt", to_hex(voter.salt)},
                 {"UUID", voter.uuid}};
  if (voter.entry.code_hash) object["code_hash"] = hex64_text(*voter.entry.code_hash);
  return to_canonical(object);
}

std::string encode(const OfficeRequest& request) {
  json object = {{"kind", kRequests[static_cast<std::size_t>(request.kind)]},
                 {"UUID", request.uuid}};
  if (request.election) object["election_ID"] = *request.election;
  if (request.kind == RequestKind::kHistory) object["from"] = request.from;
  return to_canonical(object);
}

absl::StatusOr<OfficeCommand> parse_office_command(std::string_view data) {
  if (data.size() > kMaxOfficeMessageBytes) {
    return absl::InvalidArgumentError("the message is too large");
  }
  const StrictJson document = parse_strict_json(data);
  if (!document.problems.empty()) {
    const Problem& first = document.problems.front();
    return absl::InvalidArgumentError(fmt::format("the message {} {}", first.place, first.what));
  }
  ObjectReader fields(document.value);
  const std::string kind = fields.text("kind");
  if (!fields.ok()) return fields.status();
  if (kind == kRollChunk) return read_chunk(fields);
  if (kind == kNewVoter) return read_new_voter(fields);
  for (std::size_t i = 0; i < kRequests.size(); ++i) {
    if (kRequests[i] == kind) return read_request(fields, static_cast<RequestKind>(i));
  }
  auto event = parse_event(data);
  if (!event.ok()) return event.status();
  return EventCommand{.event = *std::move(event), .hash = sha256(data)};
}

std::string_view kind_of(const OfficeCommand& command) {
  if (const auto* event = std::get_if<EventCommand>(&command)) return to_text(event->event.kind);
  if (std::holds_alternative<RollChunk>(command)) return kRollChunk;
  if (std::holds_alternative<NewVoter>(command)) return kNewVoter;
  return kRequests[static_cast<std::size_t>(std::get<OfficeRequest>(command).kind)];
}

std::optional<std::int64_t> election_of(const OfficeCommand& command) {
  if (const auto* event = std::get_if<EventCommand>(&command)) return event->event.election;
  if (const auto* chunk = std::get_if<RollChunk>(&command)) return chunk->election;
  if (const auto* voter = std::get_if<NewVoter>(&command)) return voter->election;
  return std::get<OfficeRequest>(command).election;
}

}  // namespace pollbus::wire
