// The publishers of every faulty service.
#include "bus/publisher.h"
#include "faults/decorators/failing_bus.h"
#include "faults/programs/faulty_program.h"

namespace pollbus {

std::unique_ptr<Publisher> real_make_publisher(std::shared_ptr<Connection> connection,
                                               std::string topic) POLLBUS_REAL(MAKE_PUBLISHER);
std::unique_ptr<Publisher> wrapped_make_publisher(std::shared_ptr<Connection> connection,
                                                  std::string topic) POLLBUS_WRAP(MAKE_PUBLISHER);

namespace {

const faults::Mutant::Around<Publisher>& mistake() {
  const std::string_view part = PART;
  const faults::Mutant& mutant = faults::mutant();
  if (part == "machine") return mutant.machine_publisher;
  return part == "logger" ? mutant.logger_publisher : mutant.recorder_publisher;
}

}  // namespace

// Notices to the quarantine topic do not fail.
std::unique_ptr<Publisher> wrapped_make_publisher(std::shared_ptr<Connection> connection,
                                                  std::string topic) {
  const bool is_quarantine = topic.ends_with("-quarantine");
  auto publisher = real_make_publisher(std::move(connection), std::move(topic));
  if (is_quarantine) return publisher;
  return faults::made_faulty<faults::FailingPublisher>(std::move(publisher), mistake(), PART);
}

}  // namespace pollbus
