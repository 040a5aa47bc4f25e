#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus {

// Reads and writes whole files, with fsync where it matters. Errors name the file; unless a
// function says otherwise they are UNAVAILABLE. Stateless and safe to call from any thread.

inline constexpr std::size_t kMaxWholeFileBytes = std::size_t{1} << 30;

// NOT_FOUND when the file does not exist, OUT_OF_RANGE when it is larger than `max_bytes`.
absl::StatusOr<std::string> read_whole_file(const std::filesystem::path& file,
                                            std::size_t max_bytes = kMaxWholeFileBytes);

// Replaces the file atomically: after a crash or a power cut it has either its old content or the
// new one. Writes a temporary file "<file>.new" first. `mode` applies whatever the umask is.
absl::Status write_whole_file(const std::filesystem::path& file, std::string_view bytes,
                              mode_t mode);

// Writes all bytes at the current position of `fd` and syncs the file. `name` is for errors.
absl::Status write_and_sync(int fd, std::string_view bytes, const std::filesystem::path& name);

// Syncs the folder that contains `path`. A new or renamed file survives a power cut only after its
// folder has been synced too.
absl::Status sync_parent_folder(const std::filesystem::path& path);

}  // namespace pollbus
