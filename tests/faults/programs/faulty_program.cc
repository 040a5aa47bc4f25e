#include "faults/programs/faulty_program.h"

#include <cstdlib>
#include <iostream>
#include <memory>

#include "base/logging.h"
#include "faults/decorators/failure_plan.h"

namespace pollbus::faults {
namespace {

constexpr char kVariable[] = "POLLBUS_FAILPOINTS";
constexpr int kExitWrongPlan = 2;

std::string text_of_plan() {
  const char* const text = std::getenv(kVariable);
  return text == nullptr ? "" : text;
}

FailurePlan& plan() {
  static const std::unique_ptr<FailurePlan> kPlan = *FailurePlan::parse(text_of_plan(), places());
  return *kPlan;
}

}  // namespace

Failpoints failpoints() { return plan().failpoints(); }

}  // namespace pollbus::faults

int real_main(int argc, char** argv) POLLBUS_REAL("main");
int wrapped_main(int argc, char** argv) POLLBUS_WRAP("main");

// The service's main() runs only if the plan can be read.
int wrapped_main(int argc, char** argv) {
  using namespace pollbus::faults;
  const auto plan = FailurePlan::parse(text_of_plan(), places());
  if (plan.ok()) return real_main(argc, argv);
  std::cerr << kVariable << ": " << plan.status().message() << std::endl;
  return kExitWrongPlan;
}
