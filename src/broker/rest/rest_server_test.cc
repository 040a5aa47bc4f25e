#include "broker/rest/rest_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "broker/rest/client_hello.h"
#include "support/certificates.h"
#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

using namespace std::chrono_literals;

// Long for the test machine, and short for a test.
constexpr auto kTimeout = 300ms;
// Longer than any test takes.
constexpr auto kNever = 600s;
// How long a slow client waits after each byte.
constexpr auto kPause = 10ms;
// A client that sends this much has not been stopped.
constexpr std::size_t kMuch = 64 << 20;

// A client's end of a connection on the loopback interface.
class Client {
 public:
  // Connects to a server that gets its end of the connection.
  explicit Client(RestServer* server) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listening, name, size), 0);
    EXPECT_EQ(::listen(listening, 1), 0);
    EXPECT_EQ(::getsockname(listening, name, &size), 0);
    EXPECT_EQ(::connect(socket_, name, size), 0);
    server->accept(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    ::close(listening);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // False when the connection is closed.
  bool send(std::string_view bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0;
  }

  // Whether there is something to read, or the end, before the timeout.
  bool is_readable(std::chrono::milliseconds timeout) {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, static_cast<int>(timeout.count())) > 0;
  }

  // What the server sends until it closes the connection.
  std::string rest() {
    std::string text;
    char bytes[1'024];
    for (ssize_t count = 0; (count = ::recv(socket_, bytes, sizeof(bytes), 0)) > 0;) {
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }

  // The first line that the server sends, and perhaps more.
  std::string head() {
    std::string text;
    char bytes[1'024];
    while (text.find('\n') == std::string::npos) {
      const ssize_t count = ::recv(socket_, bytes, sizeof(bytes), 0);
      if (count <= 0) break;
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }

  // Sends these bytes one after the other, and then the last one again and again, with pauses,
  // until the server closes the connection. Returns what the server has sent.
  std::string send_slowly(std::string_view bytes) {
    std::size_t next = 0;
    while (!is_readable(kPause)) {
      if (!send(bytes.substr(next, 1))) break;
      if (next + 1 < bytes.size()) ++next;
    }
    return rest();
  }

  int socket() const { return socket_; }

 private:
  const int socket_;
};

// A server of no services, so that every request is answered at once.
std::unique_ptr<RestServer> start(prometheus::Registry* metrics, const RestOptions& options) {
  auto server = RestServer::create(options, *metrics);
  EXPECT_TRUE(server.ok());
  (*server)->start(/*channel=*/nullptr, [](auto&&...) {},
                   [](int descriptor) { ::close(descriptor); });
  return *std::move(server);
}

constexpr RestTimeouts kPatient{
    .headers = kNever, .body = kNever, .answer = kNever, .idle = kNever};

class RestServerTest : public ::testing::Test {
 protected:
  void serve(const RestTimeouts& timeouts, std::size_t max_memory = kMaxRestMemory) {
    server_ = start(&metrics_, {.timeouts = timeouts, .max_memory = max_memory});
  }

  prometheus::Registry metrics_;
  std::unique_ptr<RestServer> server_;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(RestServerTest, AClientThatSaysNothingIsDisconnected) {
  RestTimeouts timeouts = kPatient;
  timeouts.headers = kTimeout;
  serve(timeouts);
  EXPECT_EQ(Client(server_.get()).rest(), "");
}

TEST_F(RestServerTest, AClientThatDoesNotSayWhatItSpeaksIsDisconnected) {
  RestTimeouts timeouts = kPatient;
  timeouts.headers = kTimeout;
  serve(timeouts);
  Client client(server_.get());
  EXPECT_TRUE(client.send("PR"));
  EXPECT_EQ(client.rest(), "");
}

TEST_F(RestServerTest, HeadersThatComeByteByByteEndTheConnection) {
  RestTimeouts timeouts = kPatient;
  timeouts.headers = kTimeout;
  serve(timeouts);
  EXPECT_EQ(Client(server_.get()).send_slowly("GET / HTTP/1.1\r\nHost: x\r\nX: yyyyyyyyy"), "");
}

TEST_F(RestServerTest, HeadersOfALaterRequestHaveTheSameLimit) {
  RestTimeouts timeouts = kPatient;
  timeouts.headers = kTimeout;
  serve(timeouts);
  Client client(server_.get());
  EXPECT_TRUE(client.send(kGet));
  ASSERT_TRUE(client.is_readable(kNever));
  EXPECT_TRUE(client.send("GET / HTTP/1.1\r\n"));
  EXPECT_TRUE(client.rest().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_F(RestServerTest, ABodyThatComesByteByByteEndsTheConnection) {
  RestTimeouts timeouts = kPatient;
  timeouts.body = kTimeout;
  serve(timeouts);
  for (const std::string_view body :
       {"Content-Length: 100000\r\n\r\n{ ", "Transfer-Encoding: chunked\r\n\r\n10000\r\n{ "}) {
    Client client(server_.get());
    EXPECT_TRUE(client.send("POST /v1/x HTTP/1.1\r\nHost: x\r\n"));
    EXPECT_TRUE(client.send(body));
    EXPECT_EQ(client.send_slowly(" "), "");
  }
}

TEST_F(RestServerTest, ATlsHandshakeThatStallsEndsTheConnection) {
  const testing::TemporaryFolder folder;
  const testing::Certificates certificates(folder.path());
  RestTimeouts timeouts = kPatient;
  timeouts.headers = kTimeout;
  server_ =
      start(&metrics_, {.tls = RestTls{.certificate = certificates.read(certificates.certificate()),
                                       .key = certificates.read(certificates.key()),
                                       .client_ca = ""},
                        .timeouts = timeouts});
  const std::string hello = client_hello("");
  Client stopped(server_.get());
  EXPECT_TRUE(stopped.send(hello.substr(0, hello.size() / 2)));
  EXPECT_EQ(stopped.rest(), "");
  EXPECT_EQ(Client(server_.get()).send_slowly(hello), "");
  Client silent(server_.get());
  EXPECT_TRUE(silent.send(hello));
  // The server's half of the handshake, and then the end.
  EXPECT_TRUE(silent.rest().starts_with("\x16\x03\x03"));
}

TEST_F(RestServerTest, AnIdleConnectionIsClosedAfterATime) {
  RestTimeouts timeouts = kPatient;
  timeouts.idle = kTimeout;
  serve(timeouts);
  Client client(server_.get());
  EXPECT_TRUE(client.send(kGet));
  const std::string answer = client.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\nOk\n")) << answer;
}

TEST_F(RestServerTest, AClientThatReadsNoAnswersIsDisconnected) {
  RestTimeouts timeouts = kPatient;
  timeouts.answer = kTimeout;
  serve(timeouts);
  Client client(server_.get());
  const int small = 4'096;
  ::setsockopt(client.socket(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += kGet;
  std::size_t sent = 0;
  while (sent < kMuch && client.send(many)) sent += many.size();
  EXPECT_LT(sent, kMuch);
}

TEST_F(RestServerTest, AConnectionThatIsHalfClosedIsAnswered) {
  serve(kPatient);
  Client whole(server_.get());
  EXPECT_TRUE(whole.send(kGet));
  ::shutdown(whole.socket(), SHUT_WR);
  EXPECT_TRUE(whole.rest().starts_with("HTTP/1.1 200 OK\r\n"));
  Client part(server_.get());
  EXPECT_TRUE(part.send("GET / HTTP/1.1\r\nHost"));
  ::shutdown(part.socket(), SHUT_WR);
  EXPECT_TRUE(part.rest().starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

TEST_F(RestServerTest, ABodyThatWasRefusedTakesNoMemoryWhileItsConnectionIsOpen) {
  constexpr std::size_t kMemory = 1 << 20;
  serve(kPatient, kMemory);
  const auto post = [](std::size_t bytes) {
    return "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bytes) +
           "\r\n\r\n" + std::string(bytes, ' ');
  };
  Client refused(server_.get());
  EXPECT_TRUE(refused.send(post(2 * kMemory)));
  EXPECT_TRUE(refused.head().starts_with("HTTP/1.1 429 "));
  Client other(server_.get());
  EXPECT_TRUE(other.send(post(kMemory / 2)));
  EXPECT_TRUE(other.head().starts_with("HTTP/1.1 404 "));
}

TEST_F(RestServerTest, RequestsAreAnsweredHoweverTheyAreCut) {
  serve(kPatient);
  Client client(server_.get());
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_TRUE(client.send_slowly(kRequest).ends_with("\r\nOk\n"));
}

}  // namespace
}  // namespace pollbus::broker
