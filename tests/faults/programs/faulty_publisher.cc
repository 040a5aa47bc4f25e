// The publishers of every faulty service.
#include "bus/publisher.h"
#include "faults/decorators/failing_bus.h"
#include "faults/programs/faulty_program.h"

namespace pollbus {

std::unique_ptr<Publisher> real_make_publisher(std::shared_ptr<Connection> connection,
                                               std::string topic) POLLBUS_REAL(MAKE_PUBLISHER);
std::unique_ptr<Publisher> wrapped_make_publisher(std::shared_ptr<Connection> connection,
                                                  std::string topic) POLLBUS_WRAP(MAKE_PUBLISHER);

// Notices to the quarantine topic do not fail.
std::unique_ptr<Publisher> wrapped_make_publisher(std::shared_ptr<Connection> connection,
                                                  std::string topic) {
  const bool is_quarantine = topic.ends_with("-quarantine");
  auto publisher = real_make_publisher(std::move(connection), std::move(topic));
  if (is_quarantine) return publisher;
  return std::make_unique<faults::FailingPublisher>(std::move(publisher), PART,
                                                    faults::failpoints());
}

}  // namespace pollbus
