#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/message.h"

namespace pollbus::testing {

// The message as a bus delivers it.
inline ReceivedMessage received(Message message, std::string id = "1") {
  struct Storage {
    Message message;
    std::string id;
  };
  const auto kept =
      std::make_shared<const Storage>(Storage{.message = std::move(message), .id = std::move(id)});
  ReceivedMessage got{
      .id = kept->id, .data = kept->message.data, .attributes = {}, .storage = kept};
  for (const auto& [name, value] : kept->message.attributes)
    got.attributes.emplace_back(name, value);
  return got;
}

// A copy that can be changed and published.
inline Message message_of(const ReceivedMessage& received) {
  Message message{.data = std::string(received.data), .attributes = {}};
  for (const auto& [name, value] : received.attributes) message.attributes.emplace(name, value);
  return message;
}

}  // namespace pollbus::testing
