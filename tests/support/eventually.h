#pragma once

#include <chrono>
#include <functional>

namespace pollbus::testing {

// Checks every few milliseconds until `holds` returns true or `within` has passed; returns whether
// it did. For conditions that cannot be waited on: `EXPECT_TRUE(eventually(5s, [&] { … }))`.
bool eventually(std::chrono::milliseconds within, const std::function<bool()>& holds);

}  // namespace pollbus::testing
