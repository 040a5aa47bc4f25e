#include "support/ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>

namespace pollbus::testing {
namespace {

constexpr int kLeastPort = 10'000;
constexpr int kMostTries = 1'000;

int first_outgoing_port() {
  constexpr int kUsual = 32'768;
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  int first = 0;
  return range >> first && first > kLeastPort ? first : kUsual;
}

bool nobody_listens_on(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  // As servers do: connections that have just ended do not block the port.
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

// Reserves the port by a name in the abstract socket namespace, which the kernel frees when this
// process ends, however it ends. Returns false if another process has reserved it.
bool claim(int port) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = fmt::format("pollbus-test-port-{}", port);
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  const auto length = offsetof(sockaddr_un, sun_path) + 1 + name.size();
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(length)) == 0) {
    return true;
  }
  ::close(fd);
  return false;
}

}  // namespace

int free_port() {
  std::random_device random;
  std::uniform_int_distribution<int> any(kLeastPort, first_outgoing_port() - 1);
  for (int i = 0; i < kMostTries; ++i) {
    const int port = any(random);
    if (claim(port) && nobody_listens_on(port)) return port;
  }
  throw std::runtime_error("no free port on 127.0.0.1");
}

}  // namespace pollbus::testing
