#include "broker/rest/newcomer.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <memory>
#include <utility>

#include "broker/rest/session.h"

namespace pollbus::broker {
namespace {

namespace net = boost::asio;
using boost::system::error_code;
using Tcp = net::ip::tcp;

// Waits until the client has sent enough to say what it speaks. Reads nothing.
class Newcomer : public std::enable_shared_from_this<Newcomer> {
 public:
  Newcomer(Tcp::socket socket, RestState* state)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), state_(*state) {}

  void start() {
    timer_.expires_after(state_.timeouts.headers);
    timer_.async_wait([weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      error_code ignored;
      if (!error && self != nullptr) self->socket_.close(ignored);
    });
    await(1);
  }

 private:
  void await(std::size_t bytes) {
    // Only then is the socket readable, or at the end of the stream.
    if (bytes > 1) set_low_water_mark(bytes);
    socket_.async_wait(Tcp::socket::wait_read,
                       [self = shared_from_this(), bytes](error_code error) {
                         if (!error && self->socket_.is_open()) self->look(bytes);
                       });
  }

  void look(std::size_t needed) {
    std::array<char, ConnectionSorter::kMaxBytes> bytes;
    const ssize_t count =
        ::recv(socket_.native_handle(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return await(needed);
    // Fewer bytes than needed mean that no more will come.
    if (count <= 0 || static_cast<std::size_t>(count) < needed) return;
    const auto verdict = state_.sorter.sort({bytes.data(), static_cast<std::size_t>(count)});
    if (verdict.protocol == ConnectionSorter::Protocol::kUndecided) return await(verdict.needed);
    if (verdict.protocol == ConnectionSorter::Protocol::kNeither) {
      state_.malformed.Increment();
      return;
    }
    timer_.cancel();
    set_low_water_mark(1);
    if (verdict.protocol == ConnectionSorter::Protocol::kRest) {
      return serve_rest(std::move(socket_), &state_);
    }
    error_code error;
    const int descriptor = socket_.release(error);
    if (!error) state_.to_grpc(descriptor);
  }

  void set_low_water_mark(std::size_t bytes) {
    const int mark = static_cast<int>(bytes);
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark));
  }

  Tcp::socket socket_;
  net::steady_timer timer_;
  RestState& state_;
};

}  // namespace

void welcome(Tcp::socket socket, RestState* state) {
  std::make_shared<Newcomer>(std::move(socket), state)->start();
}

}  // namespace pollbus::broker
