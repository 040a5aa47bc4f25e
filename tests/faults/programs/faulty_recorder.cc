// voting-recorder whose PostgreSQL and bus fail at named steps.
#include <array>

#include "faults/decorators/failing_stores.h"
#include "faults/programs/faulty_program.h"

namespace pollbus {

std::unique_ptr<BallotBox> real_make_ballot_box(PostgresConfig config)
    POLLBUS_REAL(MAKE_BALLOT_BOX);
std::unique_ptr<BallotBox> wrapped_make_ballot_box(PostgresConfig config)
    POLLBUS_WRAP(MAKE_BALLOT_BOX);

std::unique_ptr<BallotBox> wrapped_make_ballot_box(PostgresConfig config) {
  return faults::made_faulty<faults::FailingBallotBox>(real_make_ballot_box(std::move(config)),
                                                       faults::mutant().ballots);
}

namespace faults {

std::span<const std::string_view> places() {
  static constexpr std::array<std::string_view, 4> kPlaces = {
      "recorder.before_commit", "recorder.after_commit", "recorder.before_publish",
      "recorder.after_publish"};
  return kPlaces;
}

}  // namespace faults
}  // namespace pollbus
