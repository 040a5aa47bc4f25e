#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstddef>
#include <functional>

namespace pollbus::broker {

// The bytes of memory that an empty message of a type takes.
using SizeOfType = std::function<std::size_t(const google::protobuf::Descriptor&)>;

// Whether a serialized message of `type` takes at most about `most` bytes of memory after it has
// been parsed. Two bytes, an empty message in a list, can become many thousand. Reads the message
// without storing anything, up to where it is malformed: no parser gets further than that.
bool fits_when_parsed(google::protobuf::io::ZeroCopyInputStream* message,
                      const google::protobuf::Descriptor& type, const SizeOfType& size_of_type,
                      std::size_t most);

}  // namespace pollbus::broker
