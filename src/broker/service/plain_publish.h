#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "broker/core/message.h"

namespace pollbus::broker {

// A PublishRequest as almost all are: only a topic and messages of data and attributes, whose keys
// and values are printable ASCII, and all limits kept. Such a request is read and stored without
// building objects of the protobuf library, which would cost more than everything else that happens
// to it. Borrows the bytes.
class PlainPublish {
 public:
  // Nothing if the request is anything else: then check_publish_request() tells whether it is
  // valid.
  static std::optional<PlainPublish> read(std::string_view request);

  std::string_view topic() const { return topic_; }
  std::size_t messages() const { return messages_.size(); }
  // The messages in the form that the core takes, with ids from `first` on and with `publish_time`.
  // Borrows the attributes of this object.
  IncomingBatch batch(MessageId first, WallTime publish_time) const;

 private:
  struct Message {
    std::string_view bytes;
    std::size_t attributes = 0;
  };

  bool read_request(std::string_view request);
  bool read_message(std::string_view message);
  bool read_attribute(std::string_view entry, std::size_t first);

  std::string_view topic_;
  std::vector<Message> messages_;
  std::vector<Attribute> attributes_;
};

}  // namespace pollbus::broker
