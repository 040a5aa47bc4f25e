#include "broker/schemas/protobuf_schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using namespace std::string_literals;

constexpr char kVote[] = R"(syntax = "proto3";
package votes;
message Vote {
  enum Kind { UNKNOWN = 0; PAPER = 1; }
  message Place { string name = 1; }
  int32 machine = 1;
  repeated Place places = 2;
  Kind kind = 3;
  map<string, int64> counts = 4;
})";

absl::Status check(const std::string& definition, const std::string& data,
                   api::Encoding encoding = api::JSON) {
  const auto schema = MessageSchema::compile(api::Schema::PROTOCOL_BUFFER, definition);
  return schema.ok() ? (*schema)->check(data, encoding) : schema.status();
}

TEST(ProtobufSchemaTest, JsonFollowsTheMappingOfProtocolBuffers) {
  for (const char* good :
       {"{}", R"({"machine": 3, "places": [{"name": "x"}], "kind": "PAPER", "counts": {"a": "1"}})",
        R"({"machine": "3"})", R"({"kind": 1})"}) {
    EXPECT_TRUE(check(kVote, good).ok()) << good << check(kVote, good);
  }
  for (const char* bad :
       {"", "[]", "{", R"({"machine": "x"})", R"({"colour": 1})", R"({"machine": 99999999999})"}) {
    EXPECT_FALSE(check(kVote, bad).ok()) << bad;
  }
}

TEST(ProtobufSchemaTest, BinaryMessagesAreParsed) {
  for (const std::string& good : {""s, "\x08\x03"s, "\x12\x03\x0a\x01x"s, "\x7a\x01y"s}) {
    EXPECT_TRUE(check(kVote, good, api::BINARY).ok());
  }
  for (const std::string& bad : {"\x08"s, "\x12\x05x"s, "\x12\x03\x0a\x01\xff"s, "\x07"s}) {
    EXPECT_FALSE(check(kVote, bad, api::BINARY).ok());
  }
  EXPECT_FALSE(
      check("syntax = \"proto2\"; message M { required int32 a = 1; }", "", api::BINARY).ok());
}

TEST(ProtobufSchemaTest, WrongDefinitionsAreRefused) {
  for (const std::string definition :
       {"", "junk", "message M { int32 a = 1", "syntax = \"proto3\";",
        "syntax = \"proto3\"; message M {} message N {}",
        "syntax = \"proto3\"; import \"google/protobuf/any.proto\"; message M {}",
        "syntax = \"proto3\"; message M { Unknown a = 1; }",
        "syntax = \"proto3\"; message M { int32 a = 1; int32 b = 1; }",
        "syntax = \"proto3\"; package google.protobuf; message Duration {}",
        "message google { message protobuf { message Any {} } optional protobuf.Any a = 1; }"}) {
    const auto status = check(definition, "{}");
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << definition;
    EXPECT_NE(status.message().find("Could not parse schema definition"), absl::string_view::npos)
        << status;
  }
}

TEST(ProtobufSchemaTest, HostileDefinitionsAndMessagesAreRefusedWithinBounds) {
  std::string nested = "syntax = \"proto3\";";
  for (int i = 0; i < 10'000; ++i) nested += "message M { ";
  EXPECT_FALSE(check(nested, "{}").ok());
  // Braces that are not braces of the definition.
  std::string commented = "syntax = \"proto3\"; message M { ";
  for (int i = 0; i < 10'000; ++i) commented += fmt::format("message N{} {{ //}}\n", i);
  EXPECT_NE(check(commented, "{}").message().find("too deeply"), absl::string_view::npos);
  const std::string recursive = "syntax = \"proto3\"; message M { M m = 1; }";
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"m\":";
  EXPECT_FALSE(check(recursive, deep).ok());
  // Each message contains the rest.
  std::string bytes;
  for (int i = 0; i < 200; ++i) {
    std::string size;
    for (std::size_t left = bytes.size();; left >>= 7) {
      size += static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
      if (left <= 0x7f) break;
    }
    bytes = "\x0a" + size + bytes;
  }
  EXPECT_FALSE(check(recursive, bytes, api::BINARY).ok());
}

TEST(ProtobufSchemaTest, MessagesThatWouldTakeMuchMoreMemoryThanTheirSizeAreRefused) {
  std::string definition =
      "syntax = \"proto3\"; message M { repeated M m = 1; map<string, M> n = 2;";
  for (int i = 3; i < 10'000; ++i) definition += fmt::format("int64 f{0}={0};", i);
  definition += "}";
  std::string list = "{\"m\":[{}";
  std::string map = "{\"n\":{\"\":{}";
  std::string binary("\x0a\x00", 2);
  for (int i = 0; i < 10'000; ++i) {
    list += ",{}";
    map += fmt::format(",\"{}\":{{}}", i);
    binary += std::string("\x0a\x00", 2);
  }
  EXPECT_EQ(check(definition, list + "]}").message(), "it has too many values");
  EXPECT_EQ(check(definition, map + "}}").message(), "it has too many values");
  EXPECT_EQ(check(definition, binary, api::BINARY).message(), "it has too many values");
  EXPECT_TRUE(check(definition, "{\"m\":[{},{\"f3\":1}],\"n\":{\"x\":{}}}").ok());
}

}  // namespace
}  // namespace pollbus::broker
