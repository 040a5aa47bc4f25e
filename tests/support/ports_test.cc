#include "support/ports.h"

#include <gtest/gtest.h>

#include <set>

namespace pollbus::testing {
namespace {

TEST(PortsTest, NoPortIsReturnedTwice) {
  constexpr int kPorts = 200;
  std::set<int> ports;
  for (int i = 0; i < kPorts; ++i) ports.insert(free_port());
  EXPECT_EQ(ports.size(), kPorts);
}

}  // namespace
}  // namespace pollbus::testing
