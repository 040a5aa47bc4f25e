#pragma once

#include <boost/container/flat_map.hpp>
#include <boost/container/small_vector.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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

// A message as received: views of the bytes that came from the server, in `storage`, which keeps
// them in memory as long as the message or a copy of it exists. The server chooses `id` when the
// message is published; it is the same for every delivery of that publish.
struct ReceivedMessage {
  // Room for those of a vote: function, machineID and mac.
  using AttributeViews =
      boost::container::small_vector<std::pair<std::string_view, std::string_view>, 3>;

  std::string_view id;
  std::string_view data;
  AttributeViews attributes;  // each name once, in no order
  std::shared_ptr<const void> storage;

  // Returns the value of the attribute, or "" if the message does not have it.
  std::string_view attribute(std::string_view key) const {
    for (const auto& [name, value] : attributes) {
      if (name == key) return value;
    }
    return {};
  }
};

}  // namespace pollbus
