#include "faults/programs/faulty_program.h"

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "faults/decorators/failure_plan.h"

namespace pollbus::faults {
namespace {

constexpr char kFailpoints[] = "POLLBUS_FAILPOINTS";
constexpr char kMutant[] = "POLLBUS_MUTANT";
constexpr int kExitWrongVariable = 2;

std::string variable(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? "" : text;
}

// What is wrong with the variables, or nothing.
std::string problem() {
  const auto plan = FailurePlan::parse(variable(kFailpoints), places());
  if (!plan.ok()) return std::string(kFailpoints) + ": " + std::string(plan.status().message());
  const std::string name = variable(kMutant);
  if (name.empty() || mutant_named(name) != nullptr) return "";
  return std::string(kMutant) + ": no mutant is called " + name;
}

FailurePlan& plan() {
  static const std::unique_ptr<FailurePlan> kPlan =
      *FailurePlan::parse(variable(kFailpoints), places());
  return *kPlan;
}

}  // namespace

Failpoints failpoints() { return plan().failpoints(); }

const Mutant& mutant() {
  static const Mutant kNone;
  const Mutant* const named = mutant_named(variable(kMutant));
  return named == nullptr ? kNone : *named;
}

// The service's main() runs only if the variables can be read.
int run(int argc, char** argv, int (*real_main)(int, char**)) {
  const std::string wrong = problem();
  if (wrong.empty()) return real_main(argc, argv);
  std::cerr << wrong << std::endl;
  return kExitWrongVariable;
}

}  // namespace pollbus::faults

int real_main(int argc, char** argv) POLLBUS_REAL("main");
int wrapped_main(int argc, char** argv) POLLBUS_WRAP("main");

int wrapped_main(int argc, char** argv) { return pollbus::faults::run(argc, argv, real_main); }
