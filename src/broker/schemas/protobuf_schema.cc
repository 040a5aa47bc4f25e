#include "broker/schemas/protobuf_schema.h"

#include <fmt/format.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>

#include <mutex>
#include <utility>

#include "base/status.h"

namespace pollbus::broker {
namespace {

namespace protobuf = google::protobuf;

// The parser of definitions is recursive.
constexpr int kMaxBraces = 64;
// A parsed message can take many times its size, so of larger ones only one is parsed at a time.
constexpr std::size_t kMaxConcurrentBytes = 256 << 10;
constexpr char kFileName[] = "schema.proto";
// The JSON mapping treats messages of this package in a special way, by their names.
constexpr std::string_view kReservedPackage = "google";

std::mutex large_messages;

absl::Status wrong(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("Could not parse schema definition: {}.", what));
}

bool is_too_deep(std::string_view definition) {
  int depth = 0;
  for (const char c : definition) {
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
  protobuf::DescriptorPool pool;
  protobuf::DynamicMessageFactory factory;
  const protobuf::Message* prototype = nullptr;
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
  parts->prototype = parts->factory.GetPrototype(built->message_type(0));
  return std::shared_ptr<const MessageSchema>(new ProtobufSchema(std::move(parts)));
}

absl::Status ProtobufSchema::check(std::string_view data,
                                   google::pubsub::v1::Encoding encoding) const {
  std::unique_lock lock(large_messages, std::defer_lock);
  if (data.size() > kMaxConcurrentBytes) lock.lock();
  const std::unique_ptr<protobuf::Message> message(parts_->prototype->New());
  if (encoding == google::pubsub::v1::JSON) {
    const auto status = protobuf::util::JsonStringToMessage(
        protobuf::StringPiece(data.data(), data.size()), message.get());
    if (status.ok()) return absl::OkStatus();
    return absl::InvalidArgumentError(status.message().ToString());
  }
  if (!message->ParsePartialFromArray(data.data(), static_cast<int>(data.size()))) {
    return absl::InvalidArgumentError("it cannot be parsed");
  }
  return message->IsInitialized() ? absl::OkStatus()
                                  : absl::InvalidArgumentError("a required field is missing");
}

}  // namespace pollbus::broker
