#include "broker/service/client_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/files.h"
#include "base/status.h"
#include "broker/service/client_table_parser.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;

bool is_part_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Settings that would send messages elsewhere than to the client.
bool forwards(const api::Subscription& subscription) {
  return subscription.push_config().ByteSizeLong() > 0 || subscription.has_dead_letter_policy() ||
         subscription.has_bigquery_config() || subscription.has_cloud_storage_config() ||
         subscription.has_bigtable_config();
}

}  // namespace

bool Pattern::is(std::string_view text, std::string_view part) const {
  if (!has_star()) return text == text_;
  const std::string_view before = std::string_view(text_).substr(0, star_);
  const std::string_view after = std::string_view(text_).substr(star_ + 1);
  return text.size() == before.size() + part.size() + after.size() && text.starts_with(before) &&
         text.ends_with(after) && text.substr(before.size(), part.size()) == part;
}

std::optional<std::string_view> Pattern::part_in(std::string_view text) const {
  if (!has_star()) return text == text_ ? std::optional<std::string_view>("") : std::nullopt;
  const std::size_t around = text_.size() - 1;
  if (text.size() <= around) return std::nullopt;
  const std::string_view part = text.substr(star_, text.size() - around);
  if (!is(text, part) || !std::ranges::all_of(part, is_part_character)) return std::nullopt;
  return part;
}

absl::Status Rights::denied(std::string_view what) const {
  if (entry_ == nullptr) {
    return absl::PermissionDeniedError(
        fmt::format("The client \"{}\" is not in the broker's table of clients.", name_));
  }
  return absl::PermissionDeniedError(fmt::format("The client \"{}\" may not {}.", name_, what));
}

absl::Status Rights::may_administer(std::string_view what) const {
  return may_everything() ? absl::OkStatus() : denied(what);
}

absl::Status Rights::may_use_topic(std::string_view topic) const {
  if (may_everything()) return absl::OkStatus();
  const auto is_it = [&](const auto& rule) { return rule.topic == topic; };
  if (entry_ != nullptr && (std::ranges::any_of(entry_->publish, is_it) ||
                            std::ranges::any_of(entry_->subscribe, is_it))) {
    return absl::OkStatus();
  }
  return denied(fmt::format("use the topic {}", topic));
}

bool Rights::may_publish_one(const std::string& topic, const api::PubsubMessage& message) const {
  const auto has = [&](const auto& attribute) {
    const auto found = message.attributes().find(attribute.first);
    return found != message.attributes().end() && attribute.second.is(found->second, part_);
  };
  return std::ranges::any_of(entry_->publish, [&](const ClientEntry::Publish& rule) {
    return rule.topic == topic && std::ranges::all_of(rule.attributes, has);
  });
}

absl::Status Rights::may_publish(const api::PublishRequest& request) const {
  if (may_everything()) return absl::OkStatus();
  if (entry_ == nullptr) return denied("");
  for (int i = 0; i < request.messages_size(); ++i) {
    if (may_publish_one(request.topic(), request.messages(i))) continue;
    return denied(
        fmt::format("publish a message with such attributes (message {} of the request) "
                    "to {}",
                    i + 1, request.topic()));
  }
  // Without messages the request is refused elsewhere, but not with more than that.
  return may_use_topic(request.topic());
}

const ClientEntry::Subscribe* Rights::rule_for(std::string_view subscription,
                                               std::string_view* part) const {
  if (entry_ == nullptr) return nullptr;
  for (const ClientEntry::Subscribe& rule : entry_->subscribe) {
    *part = part_;
    // In an entry with a star in its name, every star is what that one stands for.
    if (entry_->name.has_star()) {
      if (rule.subscription.is(subscription, part_)) return &rule;
    } else if (const auto own = rule.subscription.part_in(subscription)) {
      *part = *own;
      return &rule;
    }
  }
  return nullptr;
}

absl::Status Rights::may_subscribe(std::string_view subscription) const {
  std::string_view part;
  if (may_everything() || rule_for(subscription, &part) != nullptr) return absl::OkStatus();
  return denied(fmt::format("use the subscription {}", subscription));
}

absl::Status Rights::may_receive(std::string_view subscription, std::string_view topic,
                                 std::string_view filter) const {
  if (may_everything()) return absl::OkStatus();
  std::string_view part;
  const auto* rule = rule_for(subscription, &part);
  if (rule == nullptr) return may_subscribe(subscription);
  if (rule->topic == topic && rule->filter.is(filter, part)) return absl::OkStatus();
  return denied(fmt::format(
      "use the subscription {}, because it has another topic or filter than the table says",
      subscription));
}

absl::Status Rights::may_create(const api::Subscription& wanted) const {
  if (may_everything()) return absl::OkStatus();
  RETURN_IF_ERROR(may_receive(wanted.name(), wanted.topic(), wanted.filter()));
  if (!forwards(wanted)) return absl::OkStatus();
  return denied(fmt::format("have the messages of {} sent elsewhere", wanted.name()));
}

absl::Status Rights::may_view(std::string_view subscription) const {
  if (may_everything()) return absl::OkStatus();
  if (entry_ != nullptr && std::ranges::any_of(entry_->view, [&](const Pattern& pattern) {
        return pattern.is(subscription, part_);
      })) {
    return absl::OkStatus();
  }
  return may_subscribe(subscription);
}

absl::Status Rights::may_update(const api::UpdateSubscriptionRequest& request) const {
  if (may_everything()) return absl::OkStatus();
  const std::string& name = request.subscription().name();
  RETURN_IF_ERROR(may_subscribe(name));
  const auto& paths = request.update_mask().paths();
  if (!paths.empty() &&
      std::ranges::all_of(paths, [](const auto& path) { return path == "labels"; })) {
    return absl::OkStatus();
  }
  return denied(fmt::format("change anything but the labels of {}", name));
}

absl::StatusOr<ClientTable> ClientTable::parse(std::string_view text) {
  return TableParser().parse(text);
}

absl::StatusOr<ClientTable> ClientTable::read(const std::filesystem::path& file) {
  const auto text = read_whole_file(file, kMaxBytes);
  absl::Status status = text.status();
  if (text.ok()) {
    auto table = parse(*text);
    if (table.ok()) return table;
    status = table.status();
  }
  return absl::InvalidArgumentError(
      fmt::format("table of clients {}: {}", file.string(), std::string(status.message())));
}

Rights ClientTable::rights_of(std::string_view name) const {
  if (const auto found = exact_.find(name); found != exact_.end()) {
    return Rights(std::string(name), found->second.get(), "");
  }
  for (const auto& entry : patterns_) {
    const auto part = entry->name.part_in(name);
    if (part) return Rights(std::string(name), entry.get(), std::string(*part));
  }
  return Rights(std::string(name), nullptr, "");
}

}  // namespace pollbus::broker
