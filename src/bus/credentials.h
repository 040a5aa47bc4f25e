#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace pollbus {

// The path of the one service-account key file in `folder`, if exactly one of its *.json files is
// one. The original programs took any JSON file of their working directory for their key.
std::optional<std::string> lone_key_file(const std::filesystem::path& folder);

}  // namespace pollbus
