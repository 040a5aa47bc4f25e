#include "bus/routed_publisher.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "base/status.h"

namespace pollbus {
namespace {

// Publishing to many topics keeps so many threads waiting at most.
constexpr std::size_t kMaxAtOnce = 16;

// The messages for one topic.
struct Part {
  Publisher* publisher = nullptr;
  std::vector<Message> messages;
  absl::Status status;
};

class RoutedPublisher final : public Publisher {
 public:
  RoutedPublisher(std::unique_ptr<Publisher> topic, std::vector<std::unique_ptr<Publisher>> further,
                  Route route)
      : topic_(std::move(topic)), further_(std::move(further)), route_(std::move(route)) {}

  absl::Status publish(std::span<const Message> batch, std::stop_token stop) override {
    std::vector<Part> parts = divide(batch);
    publish_all(parts, stop);
    for (const Part& part : parts) RETURN_IF_ERROR(part.status);
    return absl::OkStatus();
  }

 private:
  // Only the parts that have messages.
  std::vector<Part> divide(std::span<const Message> batch) const {
    std::vector<Part> parts(1 + further_.size());
    for (const Message& message : batch) {
      const std::optional<std::size_t> route = route_(message);
      Part& part = parts[route ? 1 + *route : 0];
      part.publisher = route ? further_[*route].get() : topic_.get();
      part.messages.push_back(message);
    }
    std::erase_if(parts, [](const Part& part) { return part.messages.empty(); });
    return parts;
  }

  static void publish_all(std::vector<Part>& parts, const std::stop_token& stop) {
    std::atomic<std::size_t> next = 0;
    const auto publish_some = [&] {
      for (std::size_t i = next++; i < parts.size(); i = next++)
        parts[i].status = parts[i].publisher->publish(parts[i].messages, stop);
    };
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(parts.size(), kMaxAtOnce); ++i)
      others.emplace_back(publish_some);
    publish_some();
  }

  const std::unique_ptr<Publisher> topic_;
  const std::vector<std::unique_ptr<Publisher>> further_;
  const Route route_;
};

}  // namespace

std::unique_ptr<Publisher> make_routed_publisher(std::unique_ptr<Publisher> topic,
                                                 std::vector<std::unique_ptr<Publisher>> further,
                                                 Route route) {
  return std::make_unique<RoutedPublisher>(std::move(topic), std::move(further), std::move(route));
}

}  // namespace pollbus
