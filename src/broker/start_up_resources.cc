#include "broker/start_up_resources.h"

#include <fmt/format.h>
#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/pubsub/v1/pubsub.grpc.pb.h>
#include <google/pubsub/v1/schema.grpc.pb.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/text.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::MessageDifferencer;

// An alias of YAML can stand for much: these bounds are for what a file becomes.
constexpr std::size_t kMaxFileBytes = 16 << 20;
constexpr std::size_t kMaxNodes = 1'000'000;
constexpr int kMaxDepth = 50;
// More variables than any image is configured with.
constexpr int kMaxVariables = 1'000;
constexpr std::chrono::seconds kCallTimeout{30};
// What UpdateSubscription cannot change.
constexpr std::array kFixedSubscriptionFields{"topic", "filter", "enable_message_ordering"};
const std::string kName = "name";

// Converts YAML to JSON. Scalars become strings, which protobuf's JSON also accepts where it
// expects numbers, so that a label like `version: 1` needs no quotes.
class YamlToJson {
 public:
  absl::StatusOr<nlohmann::json> convert(const YAML::Node& node, int depth = 0) {
    if (depth > kMaxDepth || ++nodes_ > kMaxNodes) {
      return absl::InvalidArgumentError("it is nested too deeply or has too many parts");
    }
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return convert_map(node, depth);
      case YAML::NodeType::Sequence:
        return convert_sequence(node, depth);
      case YAML::NodeType::Scalar:
        return convert_scalar(node);
      default:
        return nlohmann::json(nullptr);
    }
  }

 private:
  absl::StatusOr<nlohmann::json> convert_map(const YAML::Node& node, int depth) {
    auto object = nlohmann::json::object();
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      if (!entry.first.IsScalar() || object.contains(key)) {
        return absl::InvalidArgumentError(
            fmt::format("\"{}\" is there twice or is not a name", key));
      }
      ASSIGN_OR_RETURN(object[key], convert(entry.second, depth + 1));
    }
    return object;
  }

  absl::StatusOr<nlohmann::json> convert_sequence(const YAML::Node& node, int depth) {
    auto array = nlohmann::json::array();
    for (const YAML::Node& element : node) {
      ASSIGN_OR_RETURN(nlohmann::json converted, convert(element, depth + 1));
      array.push_back(std::move(converted));
    }
    return array;
  }

  static nlohmann::json convert_scalar(const YAML::Node& node) {
    const bool is_plain = node.Tag() == "?";
    if (is_plain && node.Scalar() == "true") return true;
    if (is_plain && node.Scalar() == "false") return false;
    return node.Scalar();
  }

  std::size_t nodes_ = 0;
};

absl::StatusOr<nlohmann::json> read_yaml(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::InvalidArgumentError("it cannot be read");
  std::string text(kMaxFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(fmt::format("it has more than {} bytes", kMaxFileBytes));
  }
  try {
    return YamlToJson().convert(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

void complete(std::string_view project, std::string_view collection, std::string* name) {
  if (!name->empty()) *name = full_name(project, collection, *name);
}

void complete(std::string_view project, api::Schema* schema) {
  complete(project, "schemas", schema->mutable_name());
}

void complete(std::string_view project, api::Topic* topic) {
  complete(project, "topics", topic->mutable_name());
  if (topic->has_schema_settings()) {
    complete(project, "schemas", topic->mutable_schema_settings()->mutable_schema());
  }
}

void complete(std::string_view project, api::Subscription* subscription) {
  complete(project, "subscriptions", subscription->mutable_name());
  complete(project, "topics", subscription->mutable_topic());
  if (subscription->has_dead_letter_policy()) {
    complete(project, "topics",
             subscription->mutable_dead_letter_policy()->mutable_dead_letter_topic());
  }
}

// The fields that an object of JSON sets. Both forms of their names count.
FieldMask fields_of(const nlohmann::json& object, const google::protobuf::Descriptor& type) {
  FieldMask fields;
  for (const auto& [key, value] : object.items()) {
    const auto* field = type.FindFieldByCamelcaseName(key);
    if (field == nullptr) field = type.FindFieldByName(key);
    if (field != nullptr && field->name() != kName) fields.add_paths(field->name());
  }
  return fields;
}

template <typename Resource>
absl::Status read_items(const nlohmann::json& items, std::string_view project,
                        std::vector<StartUpResources::Stated<Resource>>* resources) {
  if (!items.is_array()) return absl::InvalidArgumentError("expected a list");
  for (std::size_t i = 0; i < items.size(); ++i) {
    StartUpResources::Stated<Resource> stated;
    // A name alone is a resource with the default settings.
    const nlohmann::json item = items[i].is_string() ? nlohmann::json{{kName, items[i]}} : items[i];
    const auto parsed = google::protobuf::util::JsonStringToMessage(item.dump(), &stated.resource);
    if (!item.is_object() || !parsed.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("item {}: {}", i + 1, parsed.message().ToString()));
    }
    if (project.empty() && !absl::StrContains(stated.resource.name(), "/")) {
      return absl::InvalidArgumentError(fmt::format(
          "item {}: \"{}\" needs a project, from --project or from `project` in the file", i + 1,
          stated.resource.name()));
    }
    complete(project, &stated.resource);
    stated.fields = fields_of(item, *Resource::descriptor());
    resources->push_back(std::move(stated));
  }
  return absl::OkStatus();
}

// --- Applying ------------------------------------------------------------------------------------

struct CallContext : grpc::ClientContext {
  explicit CallContext(const Server& server) {
    server.identify(this);
    set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  }
};

absl::Status status_of(const std::string& name, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(status.error_code()),
          fmt::format("{}: {}", name, status.error_message())};
}

absl::Status apply_schema(const api::Schema& wanted, const Server& server,
                          api::SchemaService::Stub& stub) {
  const std::string& name = wanted.name();
  const std::string separator = "/schemas/";
  const std::size_t at = name.find(separator);
  api::CreateSchemaRequest create;
  create.set_parent(name.substr(0, at));
  if (at != std::string::npos) create.set_schema_id(name.substr(at + separator.size()));
  *create.mutable_schema() = wanted;
  api::Schema answer;
  CallContext creation(server);
  const grpc::Status created = stub.CreateSchema(&creation, create, &answer);
  if (created.error_code() != grpc::StatusCode::ALREADY_EXISTS) return status_of(name, created);
  api::GetSchemaRequest get;
  get.set_name(name);
  CallContext look(server);
  RETURN_IF_ERROR(status_of(name, stub.GetSchema(&look, get, &answer)));
  if (answer.definition() == wanted.definition()) return absl::OkStatus();
  api::CommitSchemaRequest commit;
  commit.set_name(name);
  *commit.mutable_schema() = wanted;
  CallContext change(server);
  return status_of(name, stub.CommitSchema(&change, commit, &answer));
}

absl::Status apply_topic(const StartUpResources::Stated<api::Topic>& wanted, const Server& server,
                         api::Publisher::Stub& stub) {
  api::Topic answer;
  CallContext creation(server);
  const grpc::Status created = stub.CreateTopic(&creation, wanted.resource, &answer);
  if (created.error_code() != grpc::StatusCode::ALREADY_EXISTS) {
    return status_of(wanted.resource.name(), created);
  }
  if (wanted.fields.paths().empty()) return absl::OkStatus();
  api::UpdateTopicRequest update;
  *update.mutable_topic() = wanted.resource;
  *update.mutable_update_mask() = wanted.fields;
  CallContext change(server);
  return status_of(wanted.resource.name(), stub.UpdateTopic(&change, update, &answer));
}

// Whether a field has the same value in both.
bool is_same(const Message& one, const Message& other, const std::string& field) {
  FieldMask mask;
  mask.add_paths(field);
  const std::unique_ptr<Message> first(one.New());
  const std::unique_ptr<Message> second(other.New());
  FieldMaskUtil::MergeMessageTo(one, mask, {}, first.get());
  FieldMaskUtil::MergeMessageTo(other, mask, {}, second.get());
  return MessageDifferencer::Equals(*first, *second);
}

absl::Status check_fixed_fields(const api::Subscription& wanted, const api::Subscription& found) {
  for (const std::string field : kFixedSubscriptionFields) {
    if (is_same(wanted, found, field)) continue;
    return absl::FailedPreconditionError(
        fmt::format("{} exists with another {}, which cannot be changed: delete the subscription "
                    "first, or give the new one another name",
                    wanted.name(), field));
  }
  return absl::OkStatus();
}

absl::Status apply_subscription(const StartUpResources::Stated<api::Subscription>& wanted,
                                const Server& server, api::Subscriber::Stub& stub) {
  const std::string& name = wanted.resource.name();
  api::Subscription answer;
  CallContext creation(server);
  const grpc::Status created = stub.CreateSubscription(&creation, wanted.resource, &answer);
  if (created.error_code() != grpc::StatusCode::ALREADY_EXISTS) return status_of(name, created);
  api::GetSubscriptionRequest get;
  get.set_subscription(name);
  CallContext look(server);
  RETURN_IF_ERROR(status_of(name, stub.GetSubscription(&look, get, &answer)));
  RETURN_IF_ERROR(check_fixed_fields(wanted.resource, answer));
  api::UpdateSubscriptionRequest update;
  *update.mutable_subscription() = wanted.resource;
  for (const std::string& field : wanted.fields.paths()) {
    if (std::ranges::find(kFixedSubscriptionFields, field) == kFixedSubscriptionFields.end()) {
      update.mutable_update_mask()->add_paths(field);
    }
  }
  if (update.update_mask().paths().empty()) return absl::OkStatus();
  CallContext change(server);
  return status_of(name, stub.UpdateSubscription(&change, update, &answer));
}

// --- PUBSUB_PROJECT1 -----------------------------------------------------------------------------

// SUBSCRIPTION or SUBSCRIPTION+HOST|PORT/PATH, a push subscription.
void add_variable_subscription(const std::string& project, const std::string& topic,
                               const std::string& text, StartUpResources* resources) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('+', 1));
  resources->add_subscription(project, parts.first + ":" + topic);
  if (parts.second.empty()) return;
  auto& added = resources->subscriptions.back();
  added.resource.mutable_push_config()->set_push_endpoint(
      "http://" + absl::StrReplaceAll(parts.second, {{"|", ":"}}));
  added.fields.add_paths("push_config");
}

absl::Status add_variable(const std::string& value, StartUpResources* resources) {
  const std::vector<std::string> items = split_at_commas(value);
  if (items.empty()) return absl::InvalidArgumentError("expected PROJECT,TOPIC:SUBSCRIPTION,…");
  const std::string& project = items.front();
  for (const std::string& item : std::span(items).subspan(1)) {
    const std::vector<std::string> names = absl::StrSplit(item, ':');
    resources->add_topic(project, names.front());
    for (const std::string& name : std::span(names).subspan(1)) {
      add_variable_subscription(project, names.front(), name, resources);
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<SubscriptionAndTopic> split_subscription(const std::string& text) {
  // A project may have a ':' in its name, so the topic begins at the last one, or at ":projects/".
  const std::size_t full = text.find(":projects/");
  const std::size_t colon = full == std::string::npos ? text.rfind(':') : full;
  if (colon == std::string::npos) return std::nullopt;
  return SubscriptionAndTopic{.name = text.substr(0, colon), .topic = text.substr(colon + 1)};
}

std::string full_name(std::string_view project, std::string_view collection,
                      const std::string& name) {
  if (absl::StrContains(name, "/")) return name;
  return fmt::format("projects/{}/{}/{}", project, collection, name);
}

void StartUpResources::add_topic(std::string_view project, const std::string& name) {
  topics.emplace_back().resource.set_name(full_name(project, "topics", name));
}

void StartUpResources::add_subscription(std::string_view project,
                                        const std::string& name_and_topic) {
  const auto parts = split_subscription(name_and_topic).value_or(SubscriptionAndTopic{});
  auto& added = subscriptions.emplace_back().resource;
  added.set_name(full_name(project, "subscriptions", parts.name));
  added.set_topic(full_name(project, "topics", parts.topic));
}

absl::Status StartUpResources::add_file(std::string project, const std::filesystem::path& file) {
  const auto read = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const nlohmann::json content, read_yaml(file));
    if (!content.is_object()) {
      return absl::InvalidArgumentError("expected `topics` and `subscriptions`");
    }
    for (const auto& [key, value] : content.items()) {
      if (key == "project" && value.is_string()) {
        project = value;
      } else if (key != "schemas" && key != "topics" && key != "subscriptions") {
        return absl::InvalidArgumentError(fmt::format(
            "\"{}\" is unknown; expected `project`, `schemas`, `topics` and `subscriptions`", key));
      }
    }
    if (content.contains("schemas")) {
      RETURN_IF_ERROR(annotate(read_items(content["schemas"], project, &schemas), "schemas"));
    }
    if (content.contains("topics")) {
      RETURN_IF_ERROR(annotate(read_items(content["topics"], project, &topics), "topics"));
    }
    if (!content.contains("subscriptions")) return absl::OkStatus();
    return annotate(read_items(content["subscriptions"], project, &subscriptions), "subscriptions");
  };
  return annotate(read(), file.string());
}

absl::Status StartUpResources::add_variables(const Settings::Environment& environment) {
  for (int number = 1; number <= kMaxVariables; ++number) {
    const std::string variable = fmt::format("PUBSUB_PROJECT{}", number);
    const auto value = environment(variable);
    if (!value || value->empty()) break;
    RETURN_IF_ERROR(annotate(add_variable(*value, this), variable));
  }
  return absl::OkStatus();
}

absl::Status apply(const StartUpResources& resources, const Server& server) {
  const auto publisher = api::Publisher::NewStub(server.channel());
  const auto subscriber = api::Subscriber::NewStub(server.channel());
  const auto schemas = api::SchemaService::NewStub(server.channel());
  for (const auto& schema : resources.schemas) {
    RETURN_IF_ERROR(apply_schema(schema.resource, server, *schemas));
  }
  for (const auto& topic : resources.topics) {
    RETURN_IF_ERROR(apply_topic(topic, server, *publisher));
  }
  for (const auto& subscription : resources.subscriptions) {
    RETURN_IF_ERROR(apply_subscription(subscription, server, *subscriber));
  }
  return absl::OkStatus();
}

}  // namespace pollbus::broker
