#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "faults/decorators/failpoints.h"
#include "faults/mutants/mutants.h"

// A faulty program is a service linked with decorators around the parts it works with: it has the
// service's own main(), and `ld --wrap` gives calls of a factory, say make_publisher(), to the
// __wrap_ function in faulty_<service>.cc, which calls the factory as the __real_ function.
// CMakeLists.txt names the factories.
namespace pollbus::faults {

// The places at which this program can fail. Defined in faulty_<service>.cc.
std::span<const std::string_view> places();

// What the variable POLLBUS_FAILPOINTS plans for this process.
Failpoints failpoints();

// The mistake that the variable POLLBUS_MUTANT names.
const Mutant& mutant();

// Puts the mistake, if it concerns this part, and the failpoints' decorator around a real part.
template <typename Failing, typename Part, typename... More>
std::unique_ptr<Part> made_faulty(std::unique_ptr<Part> part, const Mutant::Around<Part>& mistake,
                                  More... more) {
  if (mistake) part = mistake(std::move(part));
  return std::make_unique<Failing>(std::move(part), more..., failpoints());
}

}  // namespace pollbus::faults

// The linker's names for the two sides of a wrapped function.
#define POLLBUS_REAL(symbol) asm("__real_" symbol)
#define POLLBUS_WRAP(symbol) asm("__wrap_" symbol)
