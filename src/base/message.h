#pragma once

#include <boost/container/flat_map.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace pollbus {

// The attributes of a message: a few, so they stand in order in one piece of memory.
using Attributes = boost::container::flat_map<std::string, std::string, std::less<>>;

// A message on the bus. Limits of the service: 10 MB for data and attributes, 100 attributes
// (https://cloud.google.com/pubsub/quotas#resource_limits).
struct Message {
  std::string data;
  Attributes attributes;

  // Returns the value of the attribute, or "" if the message does not have it.
  const std::string& attribute(std::string_view key) const {
    static const std::string kAbsent;
    for (const auto& [name, value] : attributes) {
      if (name == key) return value;
    }
    return kAbsent;
  }
};

// A message as received. The server chooses `id` when the message is published; it is the same for
// every delivery of that publish.
struct ReceivedMessage : Message {
  std::string id;
};

}  // namespace pollbus
