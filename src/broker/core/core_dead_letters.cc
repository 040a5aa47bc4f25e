// Moving messages that have used up their attempts to the dead-letter topic.

#include <algorithm>
#include <utility>

#include "broker/core/core.h"
#include "broker/core/names.h"

namespace pollbus::broker {

std::vector<DeadLetter> Core::take_dead_letters(std::size_t most) {
  std::vector<DeadLetter> letters;
  std::vector<DeadMessage>& dead = catalog_.requests.dead;
  const auto end = dead.begin() + static_cast<std::ptrdiff_t>(std::min(most, dead.size()));
  for (auto at = dead.begin(); at != end; ++at) {
    Subscription* subscription = catalog_.find(at->subscription);
    if (subscription == nullptr) continue;
    const QueuedMessage* message = subscription->queue.dead_message(at->message);
    if (message == nullptr) continue;  // acked or dropped meanwhile
    const Batch& batch = *message->batch;
    letters.push_back({.subscription = subscription->config.name,
                       .topic = subscription->config.dead_letter_topic,
                       .subscription_id = at->subscription,
                       .message = {.id = at->message,
                                   .attempt = batch.state(message->delivery),
                                   .batch = batch.first_id(),
                                   .begin = batch.begin(message->position),
                                   .bytes = message->bytes(),
                                   .body = batch.body()},
                       .published_us = batch.published_us()});
  }
  dead.erase(dead.begin(), end);
  return letters;
}

absl::StatusOr<Publication> Core::bury(const DeadLetter& letter, const IncomingBatch& incoming) {
  Subscription* subscription = catalog_.find(letter.subscription_id);
  const QueuedMessage* message =
      subscription == nullptr ? nullptr : subscription->queue.dead_message(letter.message.id);
  if (message == nullptr) return not_found(letter.subscription);
  auto publication = route(letter.topic, incoming);
  if (!publication.ok()) {
    subscription->queue.revive(letter.message.id);
    return publication;
  }
  catalog_.batches.set_state(*message, kDone);
  return publication;
}

void Core::buried(const DeadLetter& letter) {
  Subscription* subscription = catalog_.find(letter.subscription_id);
  if (subscription == nullptr) return;
  subscription->queue.bury(letter.message.id);
}

void Core::exhume(const DeadLetter& letter) {
  Subscription* subscription = catalog_.find(letter.subscription_id);
  if (subscription == nullptr) return;
  const QueuedMessage* message = subscription->queue.dead_message(letter.message.id);
  if (message == nullptr) return;
  catalog_.batches.set_state(*message, static_cast<DeliveryState>(letter.message.attempt));
  catalog_.requests.dead.push_back({letter.subscription_id, letter.message.id});
}

}  // namespace pollbus::broker
