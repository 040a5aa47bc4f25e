#include "broker/rest/connection_sorter.h"

#include <gtest/gtest.h>

#include <string>

#include "broker/rest/client_hello.h"

namespace pollbus::broker {
namespace {

using Protocol = ConnectionSorter::Protocol;

TEST(ConnectionSorterTest, PlainConnectionsAreToldApartByThreeBytes) {
  const ConnectionSorter sorter(/*is_encrypted=*/false);
  EXPECT_EQ(sorter.sort("PRI * HTTP/2.0\r\n").protocol, Protocol::kGrpc);
  EXPECT_EQ(sorter.sort("PR").protocol, Protocol::kUndecided);
  EXPECT_EQ(sorter.sort("PR").needed, 3u);
  for (const char* rest : {"GET / HTTP/1.1", "PUT", "POST", "PATCH", "PROPFIND", "x"}) {
    EXPECT_EQ(sorter.sort(rest).protocol, Protocol::kRest) << rest;
  }
  EXPECT_EQ(sorter.sort(client_hello("")).protocol, Protocol::kNeither);
}

TEST(ConnectionSorterTest, EncryptedConnectionsAreToldApartByTheProtocolsThatTheyOffer) {
  const ConnectionSorter sorter(/*is_encrypted=*/true);
  using namespace std::string_literals;
  EXPECT_EQ(sorter.sort(client_hello("\x02h2"s)).protocol, Protocol::kGrpc);
  EXPECT_EQ(sorter.sort(client_hello("\x08grpc-exp\x02h2"s)).protocol, Protocol::kGrpc);
  EXPECT_EQ(sorter.sort(client_hello("\x02h2\x08http/1.1"s)).protocol, Protocol::kRest);
  EXPECT_EQ(sorter.sort(client_hello("\x08http/1.1"s)).protocol, Protocol::kRest);
  EXPECT_EQ(sorter.sort(client_hello("")).protocol, Protocol::kRest);
  EXPECT_EQ(sorter.sort("GET / HTTP/1.1\r\n").protocol, Protocol::kNeither);
}

TEST(ConnectionSorterTest, AHelloIsReadWhenItsRecordIsThere) {
  const ConnectionSorter sorter(/*is_encrypted=*/true);
  const std::string whole = client_hello("");
  EXPECT_EQ(sorter.sort(whole.substr(0, 1)).needed, 5u);
  EXPECT_EQ(sorter.sort(whole.substr(0, 5)).needed, whole.size());
  EXPECT_EQ(sorter.sort(whole.substr(0, whole.size() - 1)).protocol, Protocol::kUndecided);
  // A record that is too long, and one that has something else.
  EXPECT_EQ(sorter.sort("\x16\x03\x01\xff\xff").protocol, Protocol::kNeither);
  EXPECT_EQ(sorter.sort({"\x16\x03\x01\x00\x04xxxx", 9}).protocol, Protocol::kGrpc);
}

}  // namespace
}  // namespace pollbus::broker
