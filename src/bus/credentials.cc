#include "bus/credentials.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace pollbus {
namespace {

// Key files have about 2.5 KB; whatever is larger is something else.
constexpr std::uintmax_t kMaxKeyFileBytes = 64 * 1024;

bool is_service_account_key(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) > kMaxKeyFileBytes || error) return false;
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("private_key") &&
         json.value("type", nlohmann::json()) == "service_account";
}

}  // namespace

std::optional<std::string> lone_key_file(const std::filesystem::path& folder) {
  std::optional<std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".json" || !is_service_account_key(entry.path())) continue;
    if (found) return std::nullopt;
    found = entry.path().string();
  }
  return found;
}

}  // namespace pollbus
