#include "run.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "base/status.h"
#include "channels.h"

namespace pollbus::bench {
namespace {

namespace api = google::pubsub::v1;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kCallDeadline{30};
// A drain is over when it has received nothing for this long.
constexpr std::chrono::seconds kDrainPatience{20};
constexpr std::chrono::milliseconds kDrainLook{20};
constexpr char kBacklogName[] = "load-backlog";

absl::Status to_absl(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

struct Context : grpc::ClientContext {
  Context() { set_deadline(std::chrono::system_clock::now() + kCallDeadline); }
};

class Run {
 public:
  Run(const Plan& plan, std::string name)
      : plan_(plan),
        name_(std::move(name)),
        publisher_(api::Publisher::NewStub(connect(plan.target))),
        subscriber_(api::Subscriber::NewStub(connect(plan.target))),
        tally_(plan.max_ahead) {}

  absl::StatusOr<Measurement> run() {
    Measurement measurement;
    const auto begin = Clock::now();
    RETURN_IF_ERROR(create());
    receive();
    measurement.set_up_s = std::chrono::duration<double>(Clock::now() - begin).count();
    std::vector<std::jthread> publishers;
    for (std::int64_t i = 0; i < plan_.publishes; ++i) {
      publishers.emplace_back([this, i] { publish(i); });
    }
    measure(&measurement);
    publishers.clear();
    receivers_.clear();
    remove();
    return measurement;
  }

  absl::StatusOr<double> fill(std::int64_t messages) {
    RETURN_IF_ERROR(create());
    const auto begin = Clock::now();
    left_ = messages;
    {
      std::vector<std::jthread> publishers;
      for (std::int64_t i = 0; i < plan_.publishes; ++i) {
        publishers.emplace_back([this, i] { publish(i); });
      }
    }
    if (tally_.failed_count() > 0) return absl::UnavailableError(tally_.failure());
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  absl::StatusOr<Measurement> drain(std::int64_t messages) {
    Measurement measurement;
    const auto begin = Clock::now();
    auto last = begin;
    std::int64_t seen = 0;
    receive();
    while (seen < messages && Clock::now() < last + kDrainPatience) {
      std::this_thread::sleep_for(kDrainLook);
      if (const std::int64_t received = tally_.received_count(); received > seen) {
        seen = received;
        last = Clock::now();
      }
    }
    measurement.received_per_s =
        static_cast<double>(seen) / std::chrono::duration<double>(last - begin).count();
    measurement.failed = messages - seen;
    measurement.failure = "not received";
    receivers_.clear();
    remove();
    return measurement;
  }

 private:
  std::string topic() const { return "projects/load/topics/" + name_; }
  std::string subscription(std::int64_t number) const {
    return fmt::format("projects/load/subscriptions/{}-{}", name_, number);
  }

  std::int64_t active() const {
    return plan_.active == 0 ? plan_.subscriptions : std::min(plan_.active, plan_.subscriptions);
  }

  absl::Status create() {
    Context context;
    api::Topic request;
    api::Topic response;
    request.set_name(topic());
    RETURN_IF_ERROR(to_absl(publisher_->CreateTopic(&context, request, &response)));
    RETURN_IF_ERROR(for_each_subscription([this](std::int64_t number) {
      Context one;
      api::Subscription wanted;
      api::Subscription created;
      wanted.set_name(subscription(number));
      wanted.set_topic(topic());
      wanted.set_filter(
          fmt::format("attributes.function=\"result\" AND attributes.machineID=\"{}\"", number));
      return to_absl(subscriber_->CreateSubscription(&one, wanted, &created));
    }));
    return absl::OkStatus();
  }

  void receive() {
    for (std::int64_t i = 0; i < active(); ++i) {
      receivers_.push_back(std::make_unique<Receiver>(*subscriber_, subscription(i), tally_));
    }
  }

  void remove() {
    for_each_subscription([this](std::int64_t number) {
      Context context;
      api::DeleteSubscriptionRequest request;
      google::protobuf::Empty response;
      request.set_subscription(subscription(number));
      return to_absl(subscriber_->DeleteSubscription(&context, request, &response));
    }).IgnoreError();
    Context context;
    api::DeleteTopicRequest request;
    google::protobuf::Empty response;
    request.set_topic(topic());
    publisher_->DeleteTopic(&context, request, &response);
  }

  template <typename Call>
  absl::Status for_each_subscription(Call call) {
    std::atomic<std::int64_t> next = 0;
    std::mutex mutex;
    absl::Status result;
    {
      std::vector<std::jthread> threads;
      for (std::int64_t i = 0; i < plan_.creators; ++i) {
        threads.emplace_back([&] {
          for (auto n = next++; n < plan_.subscriptions; n = next++) {
            const absl::Status status = call(n);
            const std::lock_guard lock(mutex);
            result.Update(status);
          }
        });
      }
    }
    return result;
  }

  // Publishes one batch after the other, each to the next machines in turn.
  void publish(std::int64_t number) {
    const auto begin = Clock::now();
    const double per_s = static_cast<double>(plan_.rate) / static_cast<double>(plan_.publishes);
    std::int64_t sent = 0;
    std::int64_t machine = number * plan_.batch;
    while (left_.fetch_sub(plan_.batch) > 0 && tally_.await_room(plan_.batch)) {
      if (plan_.rate > 0) {
        std::this_thread::sleep_until(
            begin + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(static_cast<double>(sent) / per_s)));
      }
      api::PublishRequest request;
      request.set_topic(topic());
      for (std::int64_t i = 0; i < plan_.batch; ++i) {
        api::PubsubMessage& message = *request.add_messages();
        message.set_data(stamped(static_cast<std::size_t>(plan_.bytes)));
        (*message.mutable_attributes())["function"] = "result";
        (*message.mutable_attributes())["machineID"] = std::to_string(machine++ % active());
      }
      Context context;
      api::PublishResponse response;
      const grpc::Status status = publisher_->Publish(&context, request, &response);
      sent += plan_.batch;
      if (status.ok()) {
        tally_.published(plan_.batch);
      } else {
        tally_.failed(plan_.batch, status.error_message());
      }
    }
  }

  void measure(Measurement* measurement) {
    std::this_thread::sleep_for(plan_.warm_up);
    tally_.begin();
    const auto begin = Clock::now();
    const std::int64_t published = tally_.published_count();
    const std::int64_t received = tally_.received_count();
    std::this_thread::sleep_for(plan_.measured);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    measurement->published_per_s =
        static_cast<double>(tally_.published_count() - published) / seconds;
    measurement->received_per_s = static_cast<double>(tally_.received_count() - received) / seconds;
    tally_.end();
    measurement->p50 = tally_.percentile(50);
    measurement->p95 = tally_.percentile(95);
    measurement->p99 = tally_.percentile(99);
    measurement->failed = tally_.failed_count();
    measurement->failure = tally_.failure();
  }

  const Plan plan_;
  const std::string name_;
  std::atomic<std::int64_t> left_ = std::numeric_limits<std::int64_t>::max();  // still to publish
  std::unique_ptr<api::Publisher::Stub> publisher_;
  std::unique_ptr<api::Subscriber::Stub> subscriber_;
  Tally tally_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
};

}  // namespace

absl::StatusOr<Measurement> run(const Plan& plan) {
  return Run(plan, fmt::format("load-{:x}", std::random_device{}())).run();
}

absl::StatusOr<double> fill(const Plan& plan, std::int64_t messages) {
  return Run(plan, kBacklogName).fill(messages);
}

absl::StatusOr<Measurement> drain(const Plan& plan, std::int64_t messages) {
  return Run(plan, kBacklogName).drain(messages);
}

}  // namespace pollbus::bench
