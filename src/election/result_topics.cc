#include "election/result_topics.h"

#include <fmt/format.h>

#include "base/text.h"
#include "election/wire.h"

namespace pollbus {
namespace {

// A batch of results costs one publish for each of these topics.
constexpr std::int64_t kMaxResultTopics = 1'000;

std::string name_of(std::string_view topic, std::int64_t number) {
  return fmt::format("{}-results-{}", topic, number);
}

}  // namespace

void ResultTopics::add_to(Settings& settings) {
  settings.integer({"result-topics", "RESULT_TOPICS", "N",
                    "Send the results for machine i on the topic <topic>-results-<i mod N>, which "
                    "costs less on Google Cloud; the same for all programs. 0: on the one topic"},
                   &count, 0, kMaxResultTopics);
}

std::vector<std::string> ResultTopics::names(std::string_view topic) const {
  std::vector<std::string> names;
  for (std::int64_t number = 0; number < count; ++number) names.push_back(name_of(topic, number));
  return names;
}

std::string ResultTopics::of_machine(std::string_view topic, std::int64_t machine) const {
  return count == 0 ? std::string(topic) : name_of(topic, machine % count);
}

std::optional<std::size_t> ResultTopics::of_message(const Message& message) const {
  if (count == 0 || message.attribute(std::string(wire::kFunction)) != wire::kResult)
    return std::nullopt;
  const auto machine = parse_integer(message.attribute(std::string(wire::kMachineId)));
  if (!machine || *machine < 0) return std::nullopt;
  return static_cast<std::size_t>(*machine % count);
}

}  // namespace pollbus
