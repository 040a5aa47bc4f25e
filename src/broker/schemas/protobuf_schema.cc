#include "broker/schemas/protobuf_schema.h"

#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <mutex>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"
#include "broker/schemas/parsed_size.h"

namespace pollbus::broker {
namespace {

namespace protobuf = google::protobuf;

// The parser of definitions is recursive.
constexpr int kMaxBraces = 64;
// A parsed message can take many times its size, so of larger ones only one is parsed at a time.
constexpr std::size_t kMaxConcurrentBytes = 256 << 10;
// What a message may take after it has been parsed. An empty message of a type with many fields
// can take 200,000 bytes.
constexpr std::size_t kMaxParsedBytes = 64 << 20;
// A name for the parts of protobuf that want the URL of a type.
constexpr char kUrlPrefix[] = "type.googleapis.com";
constexpr char kFileName[] = "schema.proto";
// The JSON mapping treats messages of this package in a special way, by their names.
constexpr std::string_view kReservedPackage = "google";

std::mutex large_messages;

absl::Status wrong(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("Could not parse schema definition: {}.", what));
}

// Braces in comments and texts do not count.
bool is_too_deep(const std::string& definition) {
  class : public protobuf::io::ErrorCollector {
    void AddError(int /*line*/, int /*column*/, const std::string& /*message*/) override {}
  } ignored;
  protobuf::io::ArrayInputStream input(definition.data(), static_cast<int>(definition.size()));
  protobuf::io::Tokenizer tokenizer(&input, &ignored);
  int depth = 0;
  while (tokenizer.Next()) {
    const auto& token = tokenizer.current();
    if (token.type != protobuf::io::Tokenizer::TYPE_SYMBOL) continue;
    const char c = token.text.front();
    if (c == '{' || c == '[' || c == '(' || c == '<') ++depth;
    if (c == '}' || c == ']' || c == ')' || c == '>') --depth;
    if (depth > kMaxBraces) return true;
  }
  return false;
}

// Keeps the first error.
class Errors final : public protobuf::io::ErrorCollector,
                     public protobuf::DescriptorPool::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    keep(fmt::format("line {}, column {}: {}", line + 1, column + 1, message));
  }
  void AddError(const std::string& /*file*/, const std::string& element,
                const protobuf::Message* /*descriptor*/, ErrorLocation /*location*/,
                const std::string& message) override {
    keep(fmt::format("{}: {}", element, message));
  }
  const std::string& first() const { return first_; }

 private:
  void keep(std::string text) {
    if (first_.empty()) first_ = std::move(text);
    while (first_.ends_with('.')) first_.pop_back();
  }
  std::string first_;
};

}  // namespace

struct ProtobufSchema::Parts {
  // Adds what an empty message of this type, and of each type in it, takes.
  void measure(const protobuf::Descriptor* type) {
    if (!type->options().map_entry()) {
      sizes[type] = factory.GetPrototype(type)->SpaceUsedLong();
    }
    for (int i = 0; i < type->nested_type_count(); ++i) measure(type->nested_type(i));
  }

  protobuf::DescriptorPool pool;
  protobuf::DynamicMessageFactory factory;
  std::unique_ptr<protobuf::util::TypeResolver> types;
  const protobuf::Message* prototype = nullptr;
  absl::flat_hash_map<const protobuf::Descriptor*, std::size_t> sizes;
};

ProtobufSchema::ProtobufSchema(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ProtobufSchema::~ProtobufSchema() = default;

absl::StatusOr<std::shared_ptr<const MessageSchema>> ProtobufSchema::parse(
    const std::string& definition) {
  if (is_too_deep(definition)) return wrong("it is nested too deeply");
  Errors errors;
  protobuf::io::ArrayInputStream input(definition.data(), static_cast<int>(definition.size()));
  protobuf::io::Tokenizer tokenizer(&input, &errors);
  protobuf::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  protobuf::FileDescriptorProto file;
  file.set_name(kFileName);
  if (!parser.Parse(&tokenizer, &file) || !errors.first().empty()) return wrong(errors.first());
  if (file.dependency_size() > 0) return wrong("imports are not allowed");
  if (file.message_type_size() != 1) {
    return wrong("it must have exactly one message at the top level");
  }
  if (file.package() == kReservedPackage || file.package().starts_with("google.") ||
      file.message_type(0).name() == kReservedPackage) {
    return wrong("the name google is reserved");
  }
  auto parts = std::make_unique<Parts>();
  const auto* const built = parts->pool.BuildFileCollectingErrors(file, &errors);
  if (built == nullptr) return wrong(errors.first());
  parts->types.reset(protobuf::util::NewTypeResolverForDescriptorPool(kUrlPrefix, &parts->pool));
  parts->prototype = parts->factory.GetPrototype(built->message_type(0));
  parts->measure(built->message_type(0));
  return std::shared_ptr<const MessageSchema>(new ProtobufSchema(std::move(parts)));
}

absl::Status ProtobufSchema::check(std::string_view data,
                                   google::pubsub::v1::Encoding encoding) const {
  std::unique_lock lock(large_messages, std::defer_lock);
  if (data.size() > kMaxConcurrentBytes) lock.lock();
  if (encoding != google::pubsub::v1::JSON) return check_binary(data);
  protobuf::io::ArrayInputStream json(data.data(), static_cast<int>(data.size()));
  std::string binary;
  protobuf::io::StringOutputStream output(&binary);
  const std::string url =
      fmt::format("{}/{}", kUrlPrefix, parts_->prototype->GetDescriptor()->full_name());
  const auto status = protobuf::util::JsonToBinaryStream(parts_->types.get(), url, &json, &output);
  if (!status.ok()) return absl::InvalidArgumentError(status.message().ToString());
  return check_binary(binary);
}

absl::Status ProtobufSchema::check_binary(std::string_view data) const {
  protobuf::io::ArrayInputStream input(data.data(), static_cast<int>(data.size()));
  const bool fits = fits_when_parsed(
      &input, *parts_->prototype->GetDescriptor(),
      [this](const protobuf::Descriptor& type) { return parts_->sizes.at(&type); },
      kMaxParsedBytes);
  if (!fits) return absl::InvalidArgumentError("it has too many values");
  const std::unique_ptr<protobuf::Message> message(parts_->prototype->New());
  if (!message->ParsePartialFromArray(data.data(), static_cast<int>(data.size()))) {
    return absl::InvalidArgumentError("it cannot be parsed");
  }
  return message->IsInitialized() ? absl::OkStatus()
                                  : absl::InvalidArgumentError("a required field is missing");
}

}  // namespace pollbus::broker
