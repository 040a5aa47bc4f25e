// voting-logger whose Redis and bus fail at named steps.
#include <array>

#include "faults/decorators/failing_stores.h"
#include "faults/programs/faulty_program.h"

namespace pollbus {

std::unique_ptr<VoterRegister> real_make_register(const RedisConfig& config,
                                                  const KeyedHash& key_check)
    POLLBUS_REAL(MAKE_REGISTER);
std::unique_ptr<VoterRegister> wrapped_make_register(const RedisConfig& config,
                                                     const KeyedHash& key_check)
    POLLBUS_WRAP(MAKE_REGISTER);

std::unique_ptr<VoterRegister> wrapped_make_register(const RedisConfig& config,
                                                     const KeyedHash& key_check) {
  return faults::made_faulty<faults::FailingRegister>(real_make_register(config, key_check),
                                                      faults::mutant().voters);
}

namespace faults {

std::span<const std::string_view> places() {
  static constexpr std::array<std::string_view, 4> kPlaces = {
      "logger.before_mark", "logger.after_mark", "logger.before_publish", "logger.after_publish"};
  return kPlaces;
}

}  // namespace faults
}  // namespace pollbus
