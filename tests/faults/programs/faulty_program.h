#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "faults/decorators/failpoints.h"
#include "faults/mutants/mutants.h"

// A faulty program is a service linked with decorators around the parts it works with. It has the
// service's own main(). The linker (ld --wrap) turns calls of a factory, such as make_publisher(),
// into calls of the __wrap_ function in faulty_<service>.cc, which calls the factory as the __real_
// function. CMakeLists.txt lists the factories.
namespace pollbus::faults {

// The places at which this program can fail. Defined in faulty_<service>.cc.
std::span<const std::string_view> places();

// The failpoints of this process, from the variable POLLBUS_FAILPOINTS.
Failpoints failpoints();

// The mistake that the variable POLLBUS_MUTANT names, or one that changes nothing.
const Mutant& mutant();

// Puts the mistake, if there is one for this part, and the failpoints' decorator around a real
// part.
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
