#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/dependency.h"
#include "bus/inbound_check.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "pedestrian/presenter.h"
#include "pedestrian/record.h"
#include "pedestrian/scores.h"
#include "pedestrian/view_store.h"

namespace pollbus::pedestrian {

// Saves views. A view is acked once it is on disk; a Timestamp that was saved before changes
// nothing. Borrows all parts. One thread at a time.
class Consumer {
 public:
  struct Parts {
    Outbox& outbox;
    ViewStore& store;
    const Presenter& presenter;
    Dependency& folder;
    Clock& clock;
  };
  // Calls `on_view` with each new view, after it was saved.
  Consumer(Parts parts, std::function<void(const View&)> on_view, prometheus::Registry& metrics);

  std::vector<Verdict> handle(std::span<const ReceivedMessage> batch, std::stop_token stop);

 private:
  absl::StatusOr<Pictures> pictures_of(const Record& record, const ReceivedMessage& message,
                                       View* view) const;
  bool save(const View& view, const Pictures& pictures, std::stop_token stop);

  Parts parts_;
  InboundCheck inbound_;
  std::function<void(const View&)> on_view_;
  prometheus::Counter& saved_;
  prometheus::Counter& repeated_;
  prometheus::Counter& rejected_;
};

}  // namespace pollbus::pedestrian
