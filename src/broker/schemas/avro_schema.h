#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/schemas/message_schema.h"

namespace pollbus::broker {

// A type of https://avro.apache.org/docs/1.11.1/specification/. Logical types are checked as the
// types that carry them.
struct AvroType {
  enum class Kind {
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kRecord,
    kEnum,
    kArray,
    kMap,
    kUnion,
    kFixed
  };

  Kind kind = Kind::kNull;
  std::string name;                    // as a union's JSON names it
  std::vector<std::string> names;      // of a record's fields or an enum's symbols
  std::vector<const AvroType*> parts;  // of fields or branches; one: of elements or values
  std::map<std::string, std::size_t, std::less<>> positions;  // by the names
  std::size_t size = 0;                                       // of kFixed
};

class AvroSchema final : public MessageSchema {
 public:
  static absl::StatusOr<std::shared_ptr<const MessageSchema>> parse(const std::string& definition);

  absl::Status check(std::string_view data, google::pubsub::v1::Encoding encoding) const override;

 private:
  class Parser;

  std::vector<std::unique_ptr<AvroType>> types_;
  const AvroType* root_ = nullptr;
};

// Both return what is wrong with the data, or nullptr.
const char* find_problem_in_avro_json(const AvroType& type, std::string_view data);
const char* find_problem_in_avro_binary(const AvroType& type, std::string_view data);

}  // namespace pollbus::broker
