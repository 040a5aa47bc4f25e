#include "broker/rest/connection_sorter.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <string>

namespace pollbus::broker {
namespace {

using Protocol = ConnectionSorter::Protocol;

// The first bytes of a client of TLS that offers these protocols; none if the list is empty.
std::string hello(std::string_view protocols) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
  SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                      static_cast<unsigned>(protocols.size()));
  BIO* const output = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), output);
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(output, &data);
  return {data, static_cast<std::size_t>(size)};
}

TEST(ConnectionSorterTest, PlainConnectionsAreToldApartByThreeBytes) {
  const ConnectionSorter sorter(/*is_encrypted=*/false);
  EXPECT_EQ(sorter.sort("PRI * HTTP/2.0\r\n").protocol, Protocol::kGrpc);
  EXPECT_EQ(sorter.sort("PR").protocol, Protocol::kUndecided);
  EXPECT_EQ(sorter.sort("PR").needed, 3u);
  for (const char* rest : {"GET / HTTP/1.1", "PUT", "POST", "PATCH", "PROPFIND", "x"}) {
    EXPECT_EQ(sorter.sort(rest).protocol, Protocol::kRest) << rest;
  }
  EXPECT_EQ(sorter.sort(hello("")).protocol, Protocol::kNeither);
}

TEST(ConnectionSorterTest, EncryptedConnectionsAreToldApartByTheProtocolsThatTheyOffer) {
  const ConnectionSorter sorter(/*is_encrypted=*/true);
  using namespace std::string_literals;
  EXPECT_EQ(sorter.sort(hello("\x02h2"s)).protocol, Protocol::kGrpc);
  EXPECT_EQ(sorter.sort(hello("\x08grpc-exp\x02h2"s)).protocol, Protocol::kGrpc);
  EXPECT_EQ(sorter.sort(hello("\x02h2\x08http/1.1"s)).protocol, Protocol::kRest);
  EXPECT_EQ(sorter.sort(hello("\x08http/1.1"s)).protocol, Protocol::kRest);
  EXPECT_EQ(sorter.sort(hello("")).protocol, Protocol::kRest);
  EXPECT_EQ(sorter.sort("GET / HTTP/1.1\r\n").protocol, Protocol::kNeither);
}

TEST(ConnectionSorterTest, AHelloIsReadWhenItsRecordIsThere) {
  const ConnectionSorter sorter(/*is_encrypted=*/true);
  const std::string whole = hello("");
  EXPECT_EQ(sorter.sort(whole.substr(0, 1)).needed, 5u);
  EXPECT_EQ(sorter.sort(whole.substr(0, 5)).needed, whole.size());
  EXPECT_EQ(sorter.sort(whole.substr(0, whole.size() - 1)).protocol, Protocol::kUndecided);
  // A record that is too long, and one that has something else.
  EXPECT_EQ(sorter.sort("\x16\x03\x01\xff\xff").protocol, Protocol::kNeither);
  EXPECT_EQ(sorter.sort({"\x16\x03\x01\x00\x04xxxx", 9}).protocol, Protocol::kGrpc);
}

}  // namespace
}  // namespace pollbus::broker
