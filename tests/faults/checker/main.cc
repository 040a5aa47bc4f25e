// election-checker: judges an election by the evidence about it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/settings.h"
#include "base/status.h"
#include "faults/checker/report.h"

namespace pollbus::faults {
namespace {

constexpr int kExitBroken = 1;
constexpr int kExitUnreadable = 2;

struct CheckerSettings {
  std::vector<std::string> evidence;
  std::string json;
  Secret logger_key;
  Secret pseudonym_key;

  void add_to(Settings& settings) {
    settings.texts({"evidence", "", "PATH",
                    "Evidence: a file, or a folder with files *.jsonl; may be repeated"},
                   &evidence, check_not_empty);
    settings.text({"json", "", "FILE", "Write the verdict as JSON"}, &json, check_not_empty);
    settings.secret({"logger-key", "LOGGER_KEY", "KEY", "Key of the marks in Redis"}, &logger_key,
                    HashKey::check, /*required=*/true);
    settings.secret(
        {"pseudonym-key", "PSEUDONYM_KEY", "KEY", "Key of the voters' pseudonyms in the evidence"},
        &pseudonym_key, HashKey::check, /*required=*/true);
    settings.rule([this]() -> std::optional<std::string> {
      if (!evidence.empty()) return std::nullopt;
      return "--evidence: expected a file or a folder";
    });
  }
};

// A file stands for itself, a folder for its files *.jsonl in the order of their names.
std::vector<std::filesystem::path> files_of(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

absl::StatusOr<Evidence> read_evidence(const std::vector<std::string>& paths) {
  Evidence evidence;
  for (const std::string& path : paths) {
    for (const auto& file : files_of(path)) {
      std::ifstream lines(file);
      if (!lines) return absl::NotFoundError(file.string() + " cannot be read");
      RETURN_IF_ERROR(annotate(evidence.add_all(lines), file.string()));
    }
  }
  evidence.sort();
  return evidence;
}

int run(const CheckerSettings& settings) {
  const auto evidence = read_evidence(settings.evidence);
  if (!evidence.ok()) {
    std::cerr << evidence.status().message() << "\n";
    return kExitUnreadable;
  }
  const Keys keys{.logger = *HashKey::parse(settings.logger_key.reveal()),
                  .pseudonyms = *HashKey::parse(settings.pseudonym_key.reveal())};
  const Judgement judgement = judge(*evidence, keys);
  const Recoveries recoveries = recoveries_of(*evidence);
  std::cout << to_text(*evidence, keys, judgement, recoveries);
  if (!settings.json.empty()) {
    std::ofstream file(settings.json);
    file << to_json(*evidence, judgement, recoveries) << "\n";
    file.close();
    if (!file) {
      std::cerr << "cannot write " << settings.json << "\n";
      return kExitUnreadable;
    }
  }
  return judgement.violations.empty() ? 0 : kExitBroken;
}

}  // namespace
}  // namespace pollbus::faults

int main(int argc, char** argv) {
  using namespace pollbus;
  faults::CheckerSettings checker;
  Settings settings("election-checker",
                    "Judges from the evidence about an election whether it kept its promises "
                    "(tests/faults/README.md). Exit 0: yes; 1: no; 2: the evidence or a flag is "
                    "wrong.");
  checker.add_to(settings);
  if (const auto code = settings.parse_or_exit_code(argc, argv)) return *code;
  return faults::run(checker);
}
