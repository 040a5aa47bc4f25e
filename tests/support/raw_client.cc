#include "support/raw_client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace pollbus::testing {

RawClient::~RawClient() {
  if (fd_ >= 0) close(fd_);
}

void RawClient::connect_to(int port) {
  fd_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

void RawClient::send(const std::string& bytes) const {
  (void)::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

bool RawClient::is_open_after(std::chrono::milliseconds wait) const {
  pollfd polled{.fd = fd_, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, static_cast<int>(wait.count())) == 0;
}

std::string RawClient::read_until(const std::string& end) {
  std::string all = std::exchange(rest_, {});
  char buffer[4096];
  std::size_t found = std::string::npos;
  while (end.empty() || (found = all.find(end)) == std::string::npos) {
    const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
    if (count <= 0) return all;
    all.append(buffer, static_cast<std::size_t>(count));
  }
  rest_ = all.substr(found + end.size());
  return all.substr(0, found + end.size());
}

}  // namespace pollbus::testing
