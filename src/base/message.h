#pragma once

#include <map>
#include <string>

namespace pollbus {

// A message on the bus: data and attributes. Limits of the service: 10 MB together, 100 attributes
// (https://cloud.google.com/pubsub/quotas#resource_limits).
struct Message {
  std::string data;
  std::map<std::string, std::string> attributes;

  // The attribute's value, or "".
  const std::string& attribute(const std::string& key) const {
    static const std::string kAbsent;
    const auto found = attributes.find(key);
    return found == attributes.end() ? kAbsent : found->second;
  }
};

// A message as delivered. `id` is the server's, the same for each delivery of one publish; a
// republished message has another.
struct ReceivedMessage : Message {
  std::string id;
};

}  // namespace pollbus
