#pragma once

#include <google/protobuf/field_mask.pb.h>
#include <google/pubsub/v1/pubsub.pb.h>
#include <google/pubsub/v1/schema.pb.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/settings.h"
#include "broker/service/server.h"

namespace pollbus::broker {

// The resources that a broker creates when it starts, or changes if they exist. Doing it again
// changes nothing.
struct StartUpResources {
  // A resource, and the names of the fields that its user has set.
  template <typename Resource>
  struct Stated {
    Resource resource;
    google::protobuf::FieldMask fields;
  };

  std::vector<Stated<google::pubsub::v1::Schema>> schemas;
  std::vector<Stated<google::pubsub::v1::Topic>> topics;
  std::vector<Stated<google::pubsub::v1::Subscription>> subscriptions;

  // Adds those of --create-topic and --create-subscription.
  void add_topic(std::string_view project, const std::string& name);
  void add_subscription(std::string_view project, const std::string& name_and_topic);
  // Adds those of a YAML or JSON file, whose `project` takes the place of the given one.
  // INVALID_ARGUMENT names the file and the item that is wrong.
  absl::Status add_file(std::string project, const std::filesystem::path& file);
  // Adds those of the variables PUBSUB_PROJECT1, PUBSUB_PROJECT2 and so on, with which some images
  // of Google's emulator are configured: PROJECT,TOPIC:SUBSCRIPTION:SUBSCRIPTION,TOPIC.
  absl::Status add_variables(const Settings::Environment& environment);
};

// The two names in SUBSCRIPTION:TOPIC; std::nullopt for any other text.
struct SubscriptionAndTopic {
  std::string name;
  std::string topic;
};
std::optional<SubscriptionAndTopic> split_subscription(const std::string& text);

// projects/<project>/<collection>/<name>, or `name` if it has a '/'.
std::string full_name(std::string_view project, std::string_view collection,
                      const std::string& name);

// Creates and changes resources on the server: schemas, then topics, then subscriptions. A schema
// that exists with another definition gets a new revision. A subscription that exists with
// another topic, filter or ordering is FAILED_PRECONDITION, because these cannot be changed. Other
// errors are those of the calls, with the name of the resource. Blocks.
absl::Status apply(const StartUpResources& resources, const Server& server);

}  // namespace pollbus::broker
