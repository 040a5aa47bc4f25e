#pragma once

#include <chrono>
#include <string>
#include <utility>

namespace pollbus::testing {

// A TCP client that sends to a port of this machine what a test wants.
class RawClient {
 public:
  RawClient() = default;
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), rest_(std::move(other.rest_)) {}
  ~RawClient();

  void connect_to(int port);
  void send(const std::string& bytes) const;
  bool is_open_after(std::chrono::milliseconds wait) const;
  // Until the server closes.
  std::string read_all() { return read_until(std::string()); }
  // Up to and with this text, or until the server closes.
  std::string read_until(const std::string& end);

 private:
  int fd_ = -1;
  std::string rest_;  // read, and behind the text that was waited for
};

}  // namespace pollbus::testing
