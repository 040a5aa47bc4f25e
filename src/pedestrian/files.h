#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace pollbus::pedestrian {

// Nothing when it cannot be read.
std::optional<std::string> read_whole_file(const std::filesystem::path& file);

// Writes the file under another name, waits for the disk, and renames it: it is there whole, or as
// it was. UNAVAILABLE when that fails.
absl::Status write_whole_file(const std::filesystem::path& file, std::string_view bytes);

// Writes all of it to an open file and waits for the disk.
absl::Status write_to_disk(int fd, std::string_view bytes, const std::filesystem::path& name);

}  // namespace pollbus::pedestrian
