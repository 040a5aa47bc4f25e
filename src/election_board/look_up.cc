#include "election_board/look_up.h"

#include "base/logging.h"

namespace pollbus::election_board {

absl::StatusOr<std::vector<std::int64_t>> ReceiptLookUp::find(std::string_view prefix) {
  if (clock_.now() < try_again_) return absl::UnavailableError("a look-up failed a moment ago");
  auto elections = reader_->find_receipts(prefix);
  if (!elections.ok()) {
    log_warning("cannot look up a tracking code", {{"error", elections.status()}});
    try_again_ = clock_.now() + kPause;
  }
  return elections;
}

}  // namespace pollbus::election_board
