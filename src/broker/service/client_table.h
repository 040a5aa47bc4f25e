#pragma once

#include <google/pubsub/v1/pubsub.pb.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pollbus::broker {

// A text with at most one "*", which stands for `part`: "election-result-*-sub". Immutable.
class Pattern {
 public:
  Pattern() = default;
  explicit Pattern(std::string_view text) : text_(text), star_(text_.find('*')) {}
  bool has_star() const { return star_ != std::string::npos; }
  const std::string& text() const { return text_; }
  bool is(std::string_view text, std::string_view part) const;
  // What the star stands for in `text`: letters, digits, '-' and '_'. "" for a pattern without a
  // star. std::nullopt if the text does not fit.
  std::optional<std::string_view> part_in(std::string_view text) const;

 private:
  std::string text_;
  std::size_t star_ = std::string::npos;
};

// What one client may do (docs/broker-operation.md). Names are whole: projects/P/topics/T.
struct ClientEntry {
  struct Publish {
    std::string topic;
    std::vector<std::pair<std::string, Pattern>> attributes;
  };
  struct Subscribe {
    Pattern subscription;
    std::string topic;
    Pattern filter;
  };
  Pattern name;
  bool is_admin = false;
  std::vector<Publish> publish;
  std::vector<Subscribe> subscribe;
  std::vector<Pattern> view;  // subscriptions
};

// The rights of one client: an entry, and what the star in the entry's name stands for. Borrows the
// table. Thread-safe, cheap to copy.
class Rights {
 public:
  Rights() = default;  // of a broker without a table: everything
  Rights(std::string name, const ClientEntry* entry, std::string part)
      : is_limited_(true), name_(std::move(name)), entry_(entry), part_(std::move(part)) {}

  // Each returns OK, or PERMISSION_DENIED with a sentence. An unknown client may do nothing.
  absl::Status may_administer(std::string_view what) const;
  absl::Status may_use_topic(std::string_view topic) const;
  absl::Status may_publish(const google::pubsub::v1::PublishRequest& request) const;
  absl::Status may_create(const google::pubsub::v1::Subscription& wanted) const;
  absl::Status may_view(std::string_view subscription) const;
  // By the name alone.
  absl::Status may_subscribe(std::string_view subscription) const;
  // With topic and filter, because somebody else may have created it with others.
  absl::Status may_receive(std::string_view subscription, std::string_view topic,
                           std::string_view filter) const;
  // Subscribers may set labels.
  absl::Status may_update(const google::pubsub::v1::UpdateSubscriptionRequest& request) const;

  bool is_limited() const { return is_limited_; }

 private:
  bool may_everything() const { return !is_limited_ || (entry_ != nullptr && entry_->is_admin); }
  const ClientEntry::Subscribe* rule_for(std::string_view subscription,
                                         std::string_view* part) const;
  bool may_publish_one(const std::string& topic,
                       const google::pubsub::v1::PubsubMessage& message) const;
  absl::Status denied(std::string_view what) const;

  bool is_limited_ = false;
  std::string name_;
  const ClientEntry* entry_ = nullptr;  // nullptr: not in the table
  std::string part_;
};

// Who may do what, by the name in the client's certificate. Immutable, thread-safe.
class ClientTable {
 public:
  static constexpr std::size_t kMaxBytes = 1 << 20;

  // INVALID_ARGUMENT with every problem and the number of its line.
  static absl::StatusOr<ClientTable> parse(std::string_view text);
  static absl::StatusOr<ClientTable> read(const std::filesystem::path& file);

  Rights rights_of(std::string_view name) const;

 private:
  std::map<std::string, std::unique_ptr<ClientEntry>, std::less<>> exact_;
  std::vector<std::unique_ptr<ClientEntry>> patterns_;  // in the order of the file

  friend class TableParser;
};

}  // namespace pollbus::broker
