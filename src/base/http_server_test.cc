#include "base/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/raw_client.h"

namespace pollbus {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using ::testing::StartsWith;

std::string answer_to(const HttpServer& server, const std::string& request) {
  RawClient client;
  client.connect_to(server.port());
  client.send(request);
  return client.read_all();
}

std::unique_ptr<HttpServer> serve(HttpServer::Handler handler, HttpServer::Limits limits = {}) {
  auto server = HttpServer::start("127.0.0.1", 0, std::move(handler), limits);
  EXPECT_TRUE(server.ok()) << server.status();
  return std::move(server).value();
}

HttpResponse echo(const HttpRequest& request) {
  return {.body = std::string(request.method) + " " + std::string(request.path) + " " +
                  std::string(request.query) + " " + std::string(request.header("x-a")) + " " +
                  std::string(request.body) + "."};
}

TEST(HttpServerTest, AHandlerSeesMethodPathQueryHeadersAndBody) {
  const auto server = serve(echo, {.max_body_bytes = 10});
  EXPECT_THAT(
      answer_to(*server, "POST /a?b=c HTTP/1.1\r\nX-A:  d \r\nContent-Length: 5\r\n\r\nhello"),
      EndsWith("\r\n\r\nPOST /a b=c d hello."));
}

TEST(HttpServerTest, ABodyMayComeInPieces) {
  const auto server = serve(echo, {.max_body_bytes = 10});
  RawClient client;
  client.connect_to(server->port());
  client.send("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_TRUE(client.is_open_after(std::chrono::milliseconds(20)));
  client.send("llo");
  EXPECT_THAT(client.read_all(), EndsWith("hello."));
}

TEST(HttpServerTest, ABodyThatIsTooLongChunkedOrOfUnclearLengthIsRefused) {
  const auto server = serve(echo, {.max_body_bytes = 10});
  const std::map<std::string, std::string> status_by_header{
      {"Content-Length: 11", "413"},
      {"Content-Length: 99999999999999999999999", "400"},
      {"Content-Length: -1", "400"},
      {"Content-Length: 5, 5", "400"},
      {"Content-Length: 5\r\nContent-Length: 6", "400"},
      {"Transfer-Encoding: chunked", "413"}};
  for (const auto& [header, status] : status_by_header) {
    EXPECT_THAT(answer_to(*server, "POST /a HTTP/1.1\r\n" + header + "\r\n\r\nhello"),
                StartsWith("HTTP/1.1 " + status))
        << header;
  }
}

TEST(HttpServerTest, APostWithoutABodyIsServed) {
  const auto server = serve(echo, {.max_body_bytes = 10});
  EXPECT_THAT(answer_to(*server, "POST /a HTTP/1.1\r\n\r\n"), EndsWith("POST /a   ."));
}

TEST(HttpServerTest, AHeaderThatOccursTwiceCountsAsAbsent) {
  const auto server = serve(echo);
  EXPECT_THAT(answer_to(*server, "GET /a HTTP/1.1\r\nX-A: 1\r\nX-A: 2\r\n\r\n"),
              EndsWith("GET /a   ."));
}

TEST(HttpServerTest, AResponseMayHaveHeadersOfItsOwn) {
  const auto server = serve([](const HttpRequest&) {
    return HttpResponse{.status = 304, .body = "none", .headers = {{"ETag", "\"1\""}}};
  });
  const std::string answer = answer_to(*server, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 304 Not Modified\r\n"));
  EXPECT_THAT(answer, HasSubstr("ETag: \"1\"\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
}

HttpResponse stream(const HttpRequest& request) {
  return {.content_type = "text/event-stream",
          .body = "data: first\n\n",
          .channel = std::string(request.path)};
}

TEST(HttpServerTest, AStreamIsContinuedOnItsChannel) {
  const auto server = serve(stream, {.max_streams = 2});
  RawClient one;
  one.connect_to(server->port());
  one.send("GET /one HTTP/1.1\r\n\r\n");
  EXPECT_THAT(one.read_until("data: first\n\n"), HasSubstr("text/event-stream"));
  server->broadcast("/two", "data: for others\n\n");
  server->broadcast("/one", "data: second\n\n");
  EXPECT_EQ(one.read_until("second\n\n"), "data: second\n\n");
}

TEST(HttpServerTest, MoreStreamsThanAllowedAreToldToComeBackLater) {
  const auto server = serve(stream, {.max_streams = 1});
  RawClient first;
  first.connect_to(server->port());
  first.send("GET / HTTP/1.1\r\n\r\n");
  first.read_until("first\n\n");
  const std::string refused = answer_to(*server, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 5\r\n"));
}

TEST(HttpServerTest, AStreamThatIsNotReadIsClosedAndTheOthersContinue) {
  const auto server = serve(stream, {.max_streams = 2});
  RawClient lazy;
  RawClient eager;
  for (RawClient* each : {&lazy, &eager}) {
    each->connect_to(server->port());
    each->send("GET / HTTP/1.1\r\n\r\n");
    each->read_until("first\n\n");
  }
  // More than fits into the sockets' buffers and the backlog.
  const std::string block(200'000, 'x');
  for (int i = 0; i < 100; ++i) {
    server->broadcast("/", block + "\n\n");
    eager.read_until("\n\n");
  }
  EXPECT_LT(lazy.read_all().size(), 100 * block.size());
}

TEST(HttpServerTest, AStreamWhoseClientHasLeftMakesRoomForAnother) {
  const auto server = serve(stream, {.max_streams = 1});
  {
    RawClient leaving;
    leaving.connect_to(server->port());
    leaving.send("GET / HTTP/1.1\r\n\r\n");
    leaving.read_until("first\n\n");
  }
  // Accepted after the server has noticed that the first one left.
  RawClient next;
  next.connect_to(server->port());
  next.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(next.read_until("\r\n"), StartsWith("HTTP/1.1 200"));
}

constexpr char kAgain[] = "GET /again HTTP/1.1\r\n\r\n";
constexpr HttpServer::Limits kKeeping{
    .max_connections = 2, .max_body_bytes = 10, .kept_for = std::chrono::seconds(10)};

TEST(HttpServerTest, AConnectionServesOneRequestAfterTheOther) {
  const auto server = serve(echo, kKeeping);
  RawClient client;
  client.connect_to(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(kAgain);
    const std::string answer = client.read_until("again   .");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Keep-Alive: timeout=10\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Connection: close")));
  }
  client.send("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_THAT(client.read_until("hi."), EndsWith("POST /   hi."));
  client.send("HEAD /again HTTP/1.1\r\n\r\n");
  client.read_until("\r\n\r\n");
  client.send(kAgain);
  EXPECT_THAT(client.read_until("again   ."), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServerTest, AConnectionIsClosedWhenTheClientWantsItOrIsRefused) {
  const auto server = serve(echo, kKeeping);
  for (const std::string request :
       {"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: TE, Close\r\n\r\n", "PUT / HTTP/1.1\r\n\r\n",
        "nonsense\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"})
    EXPECT_THAT(answer_to(*server, request), HasSubstr("Connection: close\r\n")) << request;
}

TEST(HttpServerTest, WhatFollowsARequestAtOnceIsNotTakenForAnotherRequest) {
  const auto server = serve(echo, kKeeping);
  const std::string answers =
      answer_to(*server, std::string(kAgain) + "GET /smuggled HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answers, EndsWith("GET /again   ."));
}

TEST(HttpServerTest, AConnectionThatIsKeptForNothingIsClosed) {
  const auto server = serve(echo, {.kept_for = std::chrono::seconds(1)});
  EXPECT_THAT(answer_to(*server, kAgain), EndsWith("again   ."));
}

TEST(HttpServerTest, KeptConnectionsMakeRoomForNewOnes) {
  const auto server = serve(echo, kKeeping);
  std::vector<RawClient> clients(10);
  for (RawClient& client : clients) {
    client.connect_to(server->port());
    client.send(kAgain);
    EXPECT_THAT(client.read_until("again   ."), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  EXPECT_EQ(clients.front().read_all(), "") << "it is closed";
  clients.back().send(kAgain);
  EXPECT_THAT(clients.back().read_until("again   ."), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(HttpServerTest, TheProcessMayHaveAsManyDescriptorsAsTheServerHasConnections) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto server = serve(echo, {.max_connections = 200, .kept_for = std::chrono::seconds(10)});
  rlimit raised{};
  getrlimit(RLIMIT_NOFILE, &raised);
  EXPECT_GT(raised.rlim_cur, 200);
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST(HttpServerTest, AStreamMayFollowOnAKeptConnection) {
  HttpServer::Limits limits = kKeeping;
  limits.max_streams = 1;
  const auto server = serve(
      [](const HttpRequest& request) {
        return request.path == "/events" ? stream(request) : echo(request);
      },
      limits);
  RawClient client;
  client.connect_to(server->port());
  client.send(kAgain);
  client.read_until("again   .");
  client.send("GET /events HTTP/1.1\r\n\r\n");
  client.read_until("first\n\n");
  server->broadcast("/events", "data: second\n\n");
  EXPECT_EQ(client.read_until("second\n\n"), "data: second\n\n");
}

}  // namespace
}  // namespace pollbus
