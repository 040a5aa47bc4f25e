#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bus/publisher.h"

namespace pollbus {

// Which of several further topics a message goes to; nothing for the topic itself.
using Route = std::function<std::optional<std::size_t>(const Message&)>;

// Publishes to one topic, and to further topics what `route` sends there, all at the same time.
// Otherwise as any publisher. Thread-safe if `route` is.
std::unique_ptr<Publisher> make_routed_publisher(std::unique_ptr<Publisher> topic,
                                                 std::vector<std::unique_ptr<Publisher>> further,
                                                 Route route);

}  // namespace pollbus
