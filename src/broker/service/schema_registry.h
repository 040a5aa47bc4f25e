#pragma once

#include <google/pubsub/v1/pubsub.pb.h>
#include <google/pubsub/v1/schema.pb.h>

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "broker/core/core.h"
#include "broker/schemas/message_schema.h"

namespace pollbus::broker {

// The limits of https://cloud.google.com/pubsub/quotas#resource_limits, and one for all
// definitions.
constexpr std::size_t kMaxSchemas = 10'000;
constexpr int kMaxSchemaRevisions = 20;
constexpr std::size_t kMaxAllDefinitionsBytes = 16 << 20;

// What a topic shows, and a message says, when its schema was deleted.
constexpr char kDeletedSchema[] = "_deleted-schema_";

struct SchemaRevision {
  google::pubsub::v1::Schema schema;
  std::shared_ptr<const MessageSchema> compiled;  // nullptr if this version cannot compile it
};
using SchemaRevisions = std::vector<SchemaRevision>;  // oldest first; not empty

// What the messages of a topic must be.
struct TopicSchema {
  google::pubsub::v1::SchemaSettings settings;
  std::shared_ptr<const SchemaRevisions> revisions;  // nullptr: the schema was deleted

  // Adds to each message the attributes that name the schema's revision. INVALID_ARGUMENT for the
  // first message that fits no allowed revision; NOT_FOUND when the schema was deleted.
  absl::Status apply(google::pubsub::v1::PublishRequest* request) const;
};

// The schemas of a broker and which topics use them. The core stores the schemas, serialized; this
// class has them compiled. Methods that take the core must be called under the broker's lock; all
// are thread-safe.
class SchemaRegistry {
 public:
  // Takes over what the core has restored.
  void load(const Core& core);

  // Returns the new revision. ALREADY_EXISTS; RESOURCE_EXHAUSTED beyond a limit.
  absl::StatusOr<google::pubsub::v1::Schema> create(Core& core, google::pubsub::v1::Schema schema,
                                                    std::shared_ptr<const MessageSchema> compiled);
  // Returns the new revision. NOT_FOUND; INVALID_ARGUMENT for another type; FAILED_PRECONDITION
  // when there are too many revisions.
  absl::StatusOr<google::pubsub::v1::Schema> commit(Core& core, google::pubsub::v1::Schema schema,
                                                    std::shared_ptr<const MessageSchema> compiled);
  absl::StatusOr<google::pubsub::v1::Schema> roll_back(Core& core, const std::string& name,
                                                       const std::string& revision);
  // Returns the schema with its latest revision. FAILED_PRECONDITION for the only one, and for one
  // that limits the revisions of a topic.
  absl::StatusOr<google::pubsub::v1::Schema> delete_revision(Core& core, const std::string& name,
                                                             const std::string& revision);
  // Topics that use it show kDeletedSchema from then on.
  absl::Status remove(Core& core, const std::string& name);

  // NOT_FOUND.
  absl::StatusOr<std::shared_ptr<const SchemaRevisions>> revisions(const std::string& name) const;

  // INVALID_ARGUMENT or NOT_FOUND when a topic cannot have these settings.
  absl::Status check(const google::pubsub::v1::SchemaSettings& settings) const;
  // Must be called when a topic was created or changed, and when it was deleted.
  void set_topic(const google::pubsub::v1::Topic& topic);
  void forget_topic(const std::string& name);
  // std::nullopt if messages of the topic are not checked.
  std::optional<TopicSchema> of_topic(const std::string& name) const;

 private:
  using Schemas = std::map<std::string, std::shared_ptr<const SchemaRevisions>, std::less<>>;

  absl::StatusOr<google::pubsub::v1::Schema> append(Core& core, SchemaRevision revision);
  absl::Status check_room(std::size_t bytes) const;
  void put(Core& core, const std::string& name, SchemaRevisions revisions);
  void note_topic(const google::pubsub::v1::Topic& topic);

  mutable std::mutex mutex_;
  Schemas schemas_;
  std::size_t definition_bytes_ = 0;
  absl::flat_hash_map<std::string, google::pubsub::v1::SchemaSettings> topics_;
  std::atomic<bool> has_topics_ = false;  // so that publishing without schemas costs nothing
};

// The name and the revision in NAME@REVISION; the revision may be missing.
std::pair<std::string, std::string> split_revision(const std::string& name);

}  // namespace pollbus::broker
