#include "election_office/bus_services.h"

#include <fmt/format.h>

#include "base/logging.h"
#include "base/status.h"
#include "election/uuid.h"

namespace pollbus::election_office {
namespace {

// A command that has not been answered is published again after this time.
constexpr std::chrono::milliseconds kRepeatAfter{3'000};
constexpr std::chrono::hours kSubscriptionLife{24};
// Commands on their way at a time: enough to keep the logger busy.
constexpr std::size_t kWindow = 8;

// Random hexadecimal digits: a UUID without its dashes.
std::string random_office_id() {
  std::string id = random_uuid();
  std::erase(id, '-');
  return id;
}

absl::Status nobody_answered(std::string_view to, std::chrono::seconds timeout, bool refused,
                             bool stopped) {
  if (stopped) {
    return absl::DeadlineExceededError(
        "interrupted before the answer came: it is not known whether the command was carried out, "
        "so repeat it");
  }
  return absl::DeadlineExceededError(
      fmt::format("the {} has not answered within {} s: {}", to, timeout.count(),
                  refused ? "its answers came, but not with the key OFFICE_RESULT_KEY"
                          : "is it running, and does it have this office's OFFICE_PUBLIC_KEY?"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<BusServices>> BusServices::open(BusServicesConfig config,
                                                               const OfficePrivateKey& key,
                                                               Clock& clock) {
  ASSIGN_OR_RETURN(auto connection, Connection::open(config.bus));
  std::unique_ptr<BusServices> services(
      new BusServices(std::move(config), key, clock, std::move(connection)));
  RETURN_IF_ERROR(services->subscribe());
  return services;
}

BusServices::BusServices(BusServicesConfig config, const OfficePrivateKey& key, Clock& clock,
                         std::shared_ptr<Connection> connection)
    : config_(std::move(config)),
      key_(key),
      clock_(clock),
      office_id_(random_office_id()),
      connection_(std::move(connection)),
      admin_(connection_),
      publisher_(make_publisher(connection_, config_.bus.topic_path(config_.topic))),
      subscription_(config_.bus.subscription_path("election-office-" + office_id_ + "-sub")) {}

absl::Status BusServices::subscribe() {
  const SubscriptionSpec spec{.name = subscription_,
                              .topic = config_.bus.topic_path(config_.topic),
                              .filter = wire::office_answer_filter(office_id_),
                              .expires_after = kSubscriptionLife};
  // The topic exists as soon as a service has started.
  if (config_.bus.is_emulator()) RETURN_IF_ERROR(admin_.ensure_topic(spec.topic));
  RETURN_IF_ERROR(admin_.ensure_subscription(spec));
  subscriber_.emplace(
      connection_, [this, spec] { return admin_.ensure_subscription(spec); }, subscription_,
      [this](auto batch, auto) { return receive(batch); });
  return absl::OkStatus();
}

BusServices::~BusServices() {
  if (!subscriber_) return;
  subscriber_->stop();
  if (const auto status = admin_.delete_subscription(subscription_); !status.ok()) {
    log_warning("the subscription for answers remains for a day", {{"error", status}});
  }
}

std::vector<Verdict> BusServices::receive(std::span<const ReceivedMessage> batch) {
  const std::lock_guard lock(mutex_);
  for (const ReceivedMessage& message : batch) {
    if (message.attribute(wire::kOfficeId) != office_id_) continue;
    if (!config_.is_authentic(message)) {
      has_refused_answers_ = true;
      continue;
    }
    auto answer = wire::parse_office_answer(message.data);
    if (!answer.ok()) {
      log_warning("an answer cannot be read", {{"error", answer.status()}});
      continue;
    }
    const Key key{answer->from, answer->request};
    received_.insert_or_assign(key, *std::move(answer));
  }
  arrived_.notify_all();
  return std::vector<Verdict>(batch.size(), Verdict::kAck);
}

// Publishes the first kWindow commands that are waited for.
absl::Status BusServices::send(std::span<const Command> commands, std::span<const Key> keys,
                               const std::map<Key, std::size_t>& waiting) {
  std::vector<Message> messages;
  for (std::size_t i = 0; i < commands.size() && messages.size() < kWindow; ++i) {
    if (!waiting.contains(keys[i])) continue;
    messages.push_back(wire::office_command_message(commands[i].data, commands[i].to, office_id_,
                                                    key_.sign(commands[i].data)));
  }
  return publisher_->publish(messages, config_.stop);
}

// Waits for answers. Returns how many came.
std::size_t BusServices::take_answers(std::map<Key, std::size_t>& waiting,
                                      std::vector<Answer>& answers,
                                      std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, patience, [this] { return !received_.empty(); });
  std::size_t taken = 0;
  for (auto& [key, answer] : received_) {
    const auto found = waiting.find(key);
    if (found == waiting.end()) continue;  // a second answer to a repeated command
    answers[found->second] = std::move(answer);
    waiting.erase(found);
    ++taken;
  }
  received_.clear();
  return taken;
}

std::vector<Answer> BusServices::ask(std::span<const Command> commands,
                                     const std::function<void(std::size_t)>& answered) {
  std::vector<Answer> answers;
  std::vector<Key> keys;
  for (const Command& command : commands) {
    answers.emplace_back(absl::UnknownError("not asked"));
    keys.emplace_back(std::string(command.to), sha256(command.data));
  }
  std::size_t done = 0;
  for (std::size_t start = 0; start < commands.size(); start += kWindow) {
    const std::size_t size = std::min(kWindow, commands.size() - start);
    std::map<Key, std::size_t> waiting;
    for (std::size_t i = start; i < start + size; ++i) waiting.emplace(keys[i], i);
    SteadyTime last_answer = clock_.now();
    absl::Status sent;
    SteadyTime last_sent{};
    while (!waiting.empty() && !config_.stop.stop_requested() &&
           clock_.now() - last_answer < config_.timeout) {
      if (last_sent == SteadyTime{} || clock_.now() - last_sent >= kRepeatAfter) {
        sent = send(commands.subspan(start, size), std::span(keys).subspan(start, size), waiting);
        last_sent = clock_.now();
        if (!sent.ok()) connection_->connect_again();
      }
      const std::size_t taken = take_answers(waiting, answers, std::chrono::milliseconds(500));
      if (taken > 0) last_answer = clock_.now();
      done += taken;
      if (taken > 0) answered(done);
    }
    const bool is_stopped = config_.stop.stop_requested();
    for (const auto& [key, i] : waiting) {
      answers[i] = sent.ok() || is_stopped ? nobody_answered(commands[i].to, config_.timeout,
                                                             has_refused_answers_, is_stopped)
                                           : annotate(sent, "the bus does not take the command");
    }
    // The rest would wait in vain, too.
    if (waiting.empty()) continue;
    for (std::size_t i = start + size; i < commands.size(); ++i) {
      answers[i] = absl::DeadlineExceededError("not sent");
    }
    break;
  }
  return answers;
}

}  // namespace pollbus::election_office
