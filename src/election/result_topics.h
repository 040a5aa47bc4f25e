#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/message.h"
#include "base/settings.h"

namespace pollbus {

// The topics on which results travel. By default all messages share one topic, as in the original
// programs. With RESULT_TOPICS=N, the results for machine i go to the topic
// "<topic>-results-<i mod N>", so that the subscription of a machine does not have to filter the
// messages of all others. All programs of an election must have the same value.
struct ResultTopics {
  std::int64_t count = 0;  // 0: one topic for everything

  void add_to(Settings& settings);

  std::vector<std::string> names(std::string_view topic) const;
  // The topic of the machine's subscription.
  std::string of_machine(std::string_view topic, std::int64_t machine) const;
  // The position in names(); nothing for a message that goes to the topic itself.
  std::optional<std::size_t> of_message(const Message& message) const;
};

}  // namespace pollbus
