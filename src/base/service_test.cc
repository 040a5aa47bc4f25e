#include "base/service.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace pollbus {
namespace {

TEST(ServiceTest, AProcessThatMayHoldVotesLeavesNoCoreDump) {
  const Service service("some-service", {});
  rlimit limit{.rlim_cur = 1, .rlim_max = 1};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &limit), 0);
  EXPECT_EQ(limit.rlim_cur, 0);
  EXPECT_EQ(limit.rlim_max, 0);
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

}  // namespace
}  // namespace pollbus
