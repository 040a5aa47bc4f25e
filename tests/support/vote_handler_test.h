#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <stop_token>
#include <string>
#include <utility>

#include "base/dependency.h"
#include "bus/outbox.h"
#include "bus/subscriber.h"
#include "election/keyed_hash.h"
#include "election/message_keys.h"
#include "support/fake_publisher.h"
#include "support/manual_clock.h"
#include "support/received_message.h"

namespace pollbus::testing {

inline std::string uuid(int number) {
  const std::string digits = std::to_string(number);
  return "6ba7b810-9dad-41d1-80b4-" + std::string(12 - digits.size(), '0') + digits;
}

// The keys of loggers and recorders, and of a machine that belongs to them.
inline ServiceKeys service_keys() {
  const auto key = [](char digit) {
    return RotatingKey{.current = HashKey::parse(std::string(64, digit)).value(), .previous = {}};
  };
  return {.submit = key('a'), .record = key('b'), .result = key('c')};
}
inline MachineKeys machine_keys(std::int64_t machine) {
  return {.submit = derive_key(*service_keys().submit, KeyUse::kSubmit, machine),
          .result = derive_key(*service_keys().result, KeyUse::kResult, machine)};
}

// The surroundings of the handler of a logger or recorder.
class VoteHandlerTest : public ::testing::Test {
 protected:
  explicit VoteHandlerTest(const char* store_name)
      : store(store_name, "there", clock, readiness, registry) {}

  std::string metrics() const { return prometheus::TextSerializer().Serialize(registry.Collect()); }
  void expect_votes(const std::string& outcome, int count) const {
    EXPECT_THAT(metrics(), ::testing::HasSubstr("pollbus_votes_total{outcome=\"" + outcome +
                                                "\"} " + std::to_string(count) + "\n"));
  }

  ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  Dependency bus{"bus", "here", clock, readiness, registry};
  Dependency store;
  FakePublisher topic;
  FakePublisher quarantine;
  Outbox outbox{{topic, quarantine, bus}, registry};
  HashKey key = *HashKey::parse(std::string(64, '7'));
  std::stop_source stop;
};

}  // namespace pollbus::testing
