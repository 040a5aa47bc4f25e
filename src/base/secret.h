#pragma once

#include <string>
#include <utility>

namespace pollbus {

// The value of a password or key. It converts to nothing, so that it cannot be printed by mistake.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace pollbus
