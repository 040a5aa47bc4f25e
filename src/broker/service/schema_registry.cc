#include "broker/service/schema_registry.h"

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <random>
#include <ranges>

#include "base/logging.h"
#include "base/status.h"
#include "broker/core/names.h"
#include "broker/service/resources.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

constexpr char kEncodingAttribute[] = "googclient_schemaencoding";
constexpr char kNameAttribute[] = "googclient_schemaname";
constexpr char kRevisionAttribute[] = "googclient_schemarevisionid";

std::size_t bytes_of(const SchemaRevisions& revisions) {
  std::size_t bytes = 0;
  for (const SchemaRevision& revision : revisions) bytes += revision.schema.ByteSizeLong();
  return bytes;
}

std::string serialize(const SchemaRevisions& revisions) {
  api::ListSchemaRevisionsResponse all;
  for (const SchemaRevision& revision : revisions) *all.add_schemas() = revision.schema;
  return all.SerializeAsString();
}

SchemaRevisions parse(const std::string& serialized) {
  api::ListSchemaRevisionsResponse all;
  SchemaRevisions revisions;
  all.ParseFromString(serialized);
  for (api::Schema& schema : *all.mutable_schemas()) {
    auto compiled = MessageSchema::compile(schema.type(), schema.definition());
    if (!compiled.ok()) {
      log_warning("a stored schema cannot be used: no message fits it",
                  {{"schema", schema.name()}, {"reason", compiled.status()}});
    }
    revisions.push_back({std::move(schema), compiled.ok() ? *std::move(compiled) : nullptr});
  }
  return revisions;
}

auto find(const SchemaRevisions& revisions, const std::string& id) {
  return std::ranges::find_if(
      revisions, [&](const SchemaRevision& each) { return each.schema.revision_id() == id; });
}

// Eight hexadecimal digits that no other revision of the schema has.
std::string new_revision_id(const SchemaRevisions& revisions) {
  std::random_device random;
  while (true) {
    std::string id = fmt::format("{:08x}", random());
    if (find(revisions, id) == revisions.end()) return id;
  }
}

absl::Status revision_not_found(const std::string& name, const std::string& revision) {
  return not_found(fmt::format("{}@{}", name, revision));
}

}  // namespace

absl::Status TopicSchema::apply(api::PublishRequest* request) const {
  if (revisions == nullptr) {
    return absl::NotFoundError("The schema of the topic was deleted (resource=_deleted-schema_).");
  }
  auto first = revisions->begin();
  auto end = revisions->end();
  if (!settings.first_revision_id().empty()) first = find(*revisions, settings.first_revision_id());
  if (!settings.last_revision_id().empty()) {
    end = find(*revisions, settings.last_revision_id());
    if (end != revisions->end()) ++end;
  }
  if (first > end) first = end;
  for (api::PubsubMessage& message : *request->mutable_messages()) {
    absl::Status status = absl::InvalidArgumentError("The topic allows no revision of its schema.");
    bool is_newest = true;
    // The newest first.
    for (auto next = end; next != first;) {
      const SchemaRevision& revision = *--next;
      if (revision.compiled == nullptr) continue;
      const absl::Status checked = revision.compiled->check(message.data(), settings.encoding());
      // If no revision fits, the reason that the newest one gives says most.
      if (std::exchange(is_newest, false) || checked.ok()) status = checked;
      if (!checked.ok()) continue;
      auto& attributes = *message.mutable_attributes();
      attributes[kEncodingAttribute] = api::Encoding_Name(settings.encoding());
      attributes[kNameAttribute] = settings.schema();
      attributes[kRevisionAttribute] = revision.schema.revision_id();
      break;
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("Invalid data in message: Message failed schema validation: {}",
                      std::string(status.message())));
    }
  }
  return absl::OkStatus();
}

void SchemaRegistry::load(const Core& core) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, serialized] : core.schemas()) {
    SchemaRevisions revisions = parse(serialized);
    if (revisions.empty()) continue;
    definition_bytes_ += bytes_of(revisions);
    schemas_[name] = std::make_shared<const SchemaRevisions>(std::move(revisions));
  }
  for (const auto& [name, stored] : core.topics()) note_topic(topic_of(stored));
}

absl::Status SchemaRegistry::check_room(std::size_t bytes) const {
  if (definition_bytes_ + bytes <= kMaxAllDefinitionsBytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      fmt::format("This broker has no room for more schemas: all definitions together may have {} "
                  "bytes.",
                  kMaxAllDefinitionsBytes));
}

void SchemaRegistry::put(Core& core, const std::string& name, SchemaRevisions revisions) {
  core.store_schema(name, serialize(revisions));
  auto& stored = schemas_[name];
  if (stored != nullptr) definition_bytes_ -= bytes_of(*stored);
  definition_bytes_ += bytes_of(revisions);
  stored = std::make_shared<const SchemaRevisions>(std::move(revisions));
}

absl::StatusOr<api::Schema> SchemaRegistry::create(Core& core, api::Schema schema,
                                                   std::shared_ptr<const MessageSchema> compiled) {
  const std::lock_guard lock(mutex_);
  if (schemas_.contains(schema.name())) return already_exists(schema.name());
  RETURN_IF_ERROR(broker::check_room(schemas_.size(), kMaxSchemas, "schemas"));
  return append(core, {std::move(schema), std::move(compiled)});
}

absl::StatusOr<api::Schema> SchemaRegistry::commit(Core& core, api::Schema schema,
                                                   std::shared_ptr<const MessageSchema> compiled) {
  const std::lock_guard lock(mutex_);
  const auto found = schemas_.find(schema.name());
  if (found == schemas_.end()) return not_found(schema.name());
  if (found->second->back().schema.type() != schema.type()) {
    return absl::InvalidArgumentError("A revision must have the type of its schema.");
  }
  return append(core, {std::move(schema), std::move(compiled)});
}

// Adds a revision, which gets a new id and the current time.
absl::StatusOr<api::Schema> SchemaRegistry::append(Core& core, SchemaRevision revision) {
  RETURN_IF_ERROR(check_room(revision.schema.ByteSizeLong()));
  const std::string name = revision.schema.name();
  const auto found = schemas_.find(name);
  SchemaRevisions revisions = found == schemas_.end() ? SchemaRevisions() : *found->second;
  if (revisions.size() >= kMaxSchemaRevisions) {
    return absl::FailedPreconditionError(
        fmt::format("A schema may have {} revisions: delete one first (resource={}).",
                    kMaxSchemaRevisions, short_id(name)));
  }
  revision.schema.set_revision_id(new_revision_id(revisions));
  *revision.schema.mutable_revision_create_time() =
      google::protobuf::util::TimeUtil::GetCurrentTime();
  api::Schema added = revision.schema;
  revisions.push_back(std::move(revision));
  put(core, name, std::move(revisions));
  return added;
}

absl::StatusOr<api::Schema> SchemaRegistry::roll_back(Core& core, const std::string& name,
                                                      const std::string& revision) {
  const std::lock_guard lock(mutex_);
  const auto found = schemas_.find(name);
  if (found == schemas_.end()) return not_found(name);
  const auto at = find(*found->second, revision);
  if (at == found->second->end()) return revision_not_found(name, revision);
  return append(core, *at);
}

absl::StatusOr<api::Schema> SchemaRegistry::delete_revision(Core& core, const std::string& name,
                                                            const std::string& revision) {
  const std::lock_guard lock(mutex_);
  const auto found = schemas_.find(name);
  if (found == schemas_.end()) return not_found(name);
  SchemaRevisions revisions = *found->second;
  const auto at = find(revisions, revision);
  if (at == revisions.end()) return revision_not_found(name, revision);
  if (revisions.size() == 1) {
    return absl::FailedPreconditionError(
        "The only revision of a schema cannot be deleted: delete the schema.");
  }
  for (const auto& [topic, settings] : topics_) {
    if (settings.schema() == name &&
        (settings.first_revision_id() == revision || settings.last_revision_id() == revision)) {
      return absl::FailedPreconditionError(fmt::format(
          "The revision limits the revisions of a topic (resource={}).", short_id(topic)));
    }
  }
  revisions.erase(at);
  api::Schema latest = revisions.back().schema;
  put(core, name, std::move(revisions));
  return latest;
}

absl::Status SchemaRegistry::remove(Core& core, const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = schemas_.find(name);
  if (found == schemas_.end()) return not_found(name);
  for (auto& [topic, settings] : topics_) {
    if (settings.schema() != name) continue;
    settings.set_schema(kDeletedSchema);
    const auto stored = core.topic(topic);
    if (!stored.ok()) continue;
    api::Topic changed = topic_of(**stored);
    *changed.mutable_schema_settings() = settings;
    RETURN_IF_ERROR(core.update_topic(topic, changed.SerializeAsString(), retention_of(changed)));
  }
  core.delete_schema(name);
  definition_bytes_ -= bytes_of(*found->second);
  schemas_.erase(found);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const SchemaRevisions>> SchemaRegistry::revisions(
    const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = schemas_.find(name);
  if (found == schemas_.end()) return not_found(name);
  return found->second;
}

absl::Status SchemaRegistry::check(const api::SchemaSettings& settings) const {
  RETURN_IF_ERROR(check_schema_name(settings.schema()));
  if (settings.encoding() != api::JSON && settings.encoding() != api::BINARY) {
    return absl::InvalidArgumentError("Invalid schema encoding provided.");
  }
  ASSIGN_OR_RETURN(const auto all, revisions(settings.schema()));
  const std::string& first = settings.first_revision_id();
  const std::string& last = settings.last_revision_id();
  for (const std::string& id : {first, last}) {
    if (!id.empty() && find(*all, id) == all->end()) {
      return revision_not_found(settings.schema(), id);
    }
  }
  if (!first.empty() && !last.empty() && find(*all, first) > find(*all, last)) {
    return absl::InvalidArgumentError("The first revision is newer than the last revision.");
  }
  return absl::OkStatus();
}

void SchemaRegistry::note_topic(const api::Topic& topic) {
  if (topic.has_schema_settings()) {
    topics_[topic.name()] = topic.schema_settings();
  } else {
    topics_.erase(topic.name());
  }
  has_topics_ = !topics_.empty();
}

void SchemaRegistry::set_topic(const api::Topic& topic) {
  if (!topic.has_schema_settings() && !has_topics_) return;
  const std::lock_guard lock(mutex_);
  note_topic(topic);
}

void SchemaRegistry::forget_topic(const std::string& name) {
  api::Topic without_schema;
  without_schema.set_name(name);
  set_topic(without_schema);
}

std::optional<TopicSchema> SchemaRegistry::of_topic(const std::string& name) const {
  if (!has_topics_) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(name);
  if (found == topics_.end()) return std::nullopt;
  const auto schema = schemas_.find(found->second.schema());
  return TopicSchema{.settings = found->second,
                     .revisions = schema == schemas_.end() ? nullptr : schema->second};
}

std::pair<std::string, std::string> split_revision(const std::string& name) {
  const std::size_t at = name.find('@');
  if (at == std::string::npos) return {name, ""};
  return {name.substr(0, at), name.substr(at + 1)};
}

}  // namespace pollbus::broker
