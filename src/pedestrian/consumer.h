#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/dependency.h"
#include "bus/intake.h"
#include "bus/subscriber.h"
#include "pedestrian/scores.h"
#include "pedestrian/view_store.h"

namespace pollbus::pedestrian {

// Saves views: what it returns kAck for is on disk. A Timestamp that is there already changes
// nothing. Borrows all parts. One thread at a time.
class Consumer {
 public:
  struct Parts {
    Intake::Parts bus;
    ViewStore& store;
    Dependency& folder;
    Clock& clock;
  };
  // `on_view` is told each view that was not there before, once it is saved.
  Consumer(Parts parts, std::function<void(const View&)> on_view, prometheus::Registry& metrics);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  bool save(const View& view, const std::string& picture, std::stop_token stop);

  Parts parts_;
  Intake intake_;
  std::function<void(const View&)> on_view_;
  prometheus::Counter& saved_;
  prometheus::Counter& repeated_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::pedestrian
