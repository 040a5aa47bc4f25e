#include "broker/schemas/avro_schema.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using namespace std::string_literals;

std::shared_ptr<const MessageSchema> compiled(const std::string& definition) {
  auto schema = MessageSchema::compile(api::Schema::AVRO, definition);
  EXPECT_TRUE(schema.ok()) << definition << ": " << schema.status();
  return schema.ok() ? *std::move(schema) : nullptr;
}

bool fits_json(const std::string& definition, const std::string& data) {
  return compiled(definition)->check(data, api::JSON).ok();
}
bool fits_binary(const std::string& definition, const std::string& data) {
  return compiled(definition)->check(data, api::BINARY).ok();
}

constexpr char kVote[] = R"({"type": "record", "name": "Vote", "namespace": "a.b", "fields": [
    {"name": "machine", "type": "int"}, {"name": "choice", "type": ["null", "string"]},
    {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["ON", "OFF"]}}]})";

TEST(AvroSchemaTest, EachTypeHasItsJson) {
  struct Case {
    std::string type;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  };
  const std::vector<Case> cases = {
      {R"("null")", {"null"}, {"0", "\"\"", ""}},
      {R"("boolean")", {"true", " false\n"}, {"1", "null"}},
      {R"("int")", {"2147483647", "-2147483648"}, {"2147483648", "-2147483649", "1.0", "\"1\""}},
      {R"("long")", {"9223372036854775807"}, {"9223372036854775808", "true"}},
      {R"("float")", {"1", "1.5", "-3e9"}, {"\"1\"", "null"}},
      {R"("double")", {"1", "1e300"}, {"[]"}},
      {R"("string")", {"\"é\"", "\"\""}, {"1", "\"\xff\""}},
      {R"("bytes")", {"\"\\u00ff\"", "\"abc\""}, {"\"\\u0100\"", "[1]"}},
      {R"({"type": "fixed", "name": "F", "size": 2})", {"\"ab\"", "\"\\u00ff\\u0001\""}, {"\"a\""}},
      {R"({"type": "array", "items": "int"})", {"[]", "[1,2]"}, {"[1,\"2\"]", "{}"}},
      {R"({"type": "map", "values": "int"})", {"{}", "{\"a\":1}"}, {"{\"a\":null}", "[]"}},
      {R"(["null", "int"])", {"null", "{\"int\":1}"}, {"1", "{\"string\":\"\"}", "{}"}},
      {R"(["int"])", {"{\"int\":1}"}, {"null", "{\"int\":1,\"int\":2}"}},
      {R"({"type": "int", "logicalType": "date"})", {"1"}, {"\"2026-11-28\""}},
      {R"({"type": {"type": "string"}})", {"\"x\""}, {"1"}},
      {kVote,
       {R"({"kind":"ON","machine":1,"choice":null})",
        R"({"machine":1,"choice":{"string":"x"},"kind":"OFF"})"},
       {R"({"machine":1,"choice":null})", R"({"machine":1,"choice":"x","kind":"ON"})",
        R"({"machine":1,"choice":null,"kind":"MAYBE"})",
        R"({"machine":1,"choice":null,"kind":"ON","more":1})",
        R"({"machine":1,"machine":1,"choice":null,"kind":"ON"})", "{} {}", "{", "junk"}}};
  for (const auto& [type, good, bad] : cases) {
    for (const std::string& data : good) EXPECT_TRUE(fits_json(type, data)) << type << ": " << data;
    for (const std::string& data : bad) EXPECT_FALSE(fits_json(type, data)) << type << ": " << data;
  }
}

TEST(AvroSchemaTest, EachTypeHasItsBytes) {
  struct Case {
    std::string type;
    std::vector<std::string> good;
    std::vector<std::string> bad;
  };
  const std::vector<Case> cases = {
      {R"("null")", {""}, {"\0"s}},
      {R"("boolean")", {"\0"s, "\1"}, {"\2", ""}},
      {R"("int")", {"\2", "\xfe\xff\xff\xff\x0f"}, {"\x80\x80\x80\x80\x10", "\x80", ""}},
      {R"("long")",
       {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
       {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}},
      {R"("float")", {"1234"}, {"123", "12345"}},
      {R"("double")", {"12345678"}, {"1234567"}},
      {R"("string")", {"\2a", "\0"s}, {"\4a", "\2\xff", "\1"}},
      {R"("bytes")", {"\2\xff"}, {"\4a"}},
      {R"({"type": "fixed", "name": "F", "size": 2})", {"ab"}, {"a"}},
      {R"({"type": "array", "items": "boolean"})",
       {"\0"s, "\4\0\1\0"s, "\3\4\0\1\0"s},
       {"\4\0\1"s, "\2\2\0"s}},
      {R"({"type": "map", "values": "boolean"})", {"\2\2a\1\0"s}, {"\2\2a\2\0"s}},
      {R"(["null", "boolean"])", {"\0"s, "\2\1"}, {"\4", "\1"}},
      {kVote, {"\2\0\2"s, "\2\2\2x\0"s}, {"\2\0\4"s, "\2\0"s, "\2\0\2\0"s}}};
  for (const auto& [type, good, bad] : cases) {
    for (const std::string& data : good) EXPECT_TRUE(fits_binary(type, data)) << type;
    for (const std::string& data : bad) EXPECT_FALSE(fits_binary(type, data)) << type;
  }
}

TEST(AvroSchemaTest, NamesAreFoundInTheirNamespace) {
  const std::string list = R"({"type": "record", "name": "Node", "namespace": "x", "fields": [
      {"name": "next", "type": ["null", "Node"]}]})";
  EXPECT_TRUE(fits_json(list, R"({"next":{"x.Node":{"next":null}}})"));
  EXPECT_FALSE(fits_json(list, R"({"next":{"Node":{"next":null}}})"));
  EXPECT_TRUE(fits_binary(list, "\2\2\0"s));
}

TEST(AvroSchemaTest, WrongDefinitionsAreRefused) {
  for (const std::string definition :
       {"", "junk", "3", "\"unknown\"", "[]", "[\"int\",\"int\"]", "[[\"int\"]]", "{}",
        R"({"type": "record", "name": "R"})", R"({"type": "record", "fields": []})",
        R"({"type": "record", "name": "R", "fields": [{"name": "a"}]})",
        R"({"type": "record", "name": "R", "fields": [{"name": "a b", "type": "int"}]})",
        R"({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"},
                                                       {"name": "a", "type": "int"}]})",
        R"({"type": "record", "name": "int", "fields": []})",
        R"({"type": "enum", "name": "E", "symbols": []})", R"({"type": "array"})",
        R"({"type": "fixed", "name": "F", "size": -1})"}) {
    const auto status = MessageSchema::compile(api::Schema::AVRO, definition).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << definition;
  }
}

TEST(AvroSchemaTest, HostileDefinitionsAndMessagesAreRefusedWithinBounds) {
  EXPECT_FALSE(MessageSchema::compile(api::Schema::AVRO, std::string(200'000, '[')).ok());
  EXPECT_FALSE(MessageSchema::compile(api::Schema::AVRO, std::string(400'000, ' ')).ok());
  const std::string list = R"({"type": "record", "name": "N", "fields": [
      {"name": "n", "type": ["null", "N"]}]})";
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"n":{"N":)";
  EXPECT_FALSE(fits_json(list, deep));
  EXPECT_FALSE(fits_binary(list, std::string(1'000'000, '\2')));
  // A record that contains itself, and a list of 2^62 values that take no bytes.
  EXPECT_FALSE(fits_binary(R"({"type": "record", "name": "R", "fields": [
      {"name": "r", "type": "R"}]})",
                           ""));
  EXPECT_FALSE(fits_binary(R"({"type": "array", "items": "null"})",
                           "\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\0"s));
}

TEST(AvroSchemaTest, ValuesThatTakeNoBytesAreBounded) {
  const std::string nulls = R"({"type": "array", "items": "null"})";
  EXPECT_TRUE(fits_binary(nulls, "\x90\x4e\0"s));       // 5,000
  EXPECT_FALSE(fits_binary(nulls, "\xc0\xb8\x02\0"s));  // 20,000
  // Each record has the one before twice.
  std::string records = R"({"type": "record", "name": "R0", "fields": []})";
  for (int i = 1; i <= 20; ++i) {
    records = fmt::format(R"({{"type": "record", "name": "R{0}", "fields": [
        {{"name": "a", "type": {1}}}, {{"name": "b", "type": "R{2}"}}]}})",
                          i, records, i - 1);
  }
  EXPECT_FALSE(fits_binary(records, ""));
}

}  // namespace
}  // namespace pollbus::broker
