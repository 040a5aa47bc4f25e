#pragma once

#include <chrono>
#include <functional>

namespace pollbus::testing {

// Looks again and again, every few milliseconds, until `holds` does or `within` has passed; returns
// whether it held. For what offers nothing to wait on: `EXPECT_TRUE(eventually(5s, [&] { … }))`.
bool eventually(std::chrono::milliseconds within, const std::function<bool()>& holds);

}  // namespace pollbus::testing
