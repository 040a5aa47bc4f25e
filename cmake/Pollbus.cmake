# The three kinds of target in this tree. One folder of src/ is one library, `pollbus::<folder>`;
# a unit test stands beside what it tests and is linked into one test executable a folder.

set(POLLBUS_WARNINGS -Wall -Wextra -Wpedantic -Werror -Wnon-virtual-dtor -Woverloaded-virtual
    -Wimplicit-fallthrough -Wshadow -Wconversion
    # A designated initialiser that leaves members to their defaults means to.
    -Wno-missing-field-initializers
    # GCC 12 is wrong about these where it inlines std::string from a precompiled header
    # (https://gcc.gnu.org/PR105329, https://gcc.gnu.org/PR105651).
    -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)

# What compilers and linkers check at run time for little: for the programs that run an election
# (https://wiki.debian.org/Hardening). tests/build/hardening.test.mjs looks for it in the programs.
set(POLLBUS_HARDENING -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
    -fstack-clash-protection)

# Headers that most files include, parsed once for each target, because parsing them takes longer than
# compiling the rest of a typical file.
set(POLLBUS_PRECOMPILED <algorithm> <chrono> <filesystem> <functional> <map> <memory> <optional>
    <string> <string_view> <thread> <vector> <absl/status/statusor.h> <fmt/format.h>)
# Fewer files than this do not make up for the time that precompiling takes.
set(POLLBUS_PRECOMPILED_MIN_SOURCES 4)

# _pollbus_precompile(<target> [<header> …]): also these headers.
function(_pollbus_precompile target)
  get_target_property(sources ${target} SOURCES)
  list(LENGTH sources count)
  if(count GREATER_EQUAL POLLBUS_PRECOMPILED_MIN_SOURCES)
    target_precompile_headers(${target} PRIVATE ${POLLBUS_PRECOMPILED} ${ARGN})
  endif()
endfunction()

function(_pollbus_compile target)
  target_compile_options(${target} PRIVATE ${POLLBUS_WARNINGS}
                                           "$<$<CONFIG:Release>:${POLLBUS_HARDENING}>")
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  if(POLLBUS_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${POLLBUS_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${POLLBUS_SANITIZE})
    # GCC cannot see through sanitized code well enough for these two to be right.
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-tsan)
    # Protobuf's and Abseil's headers lay their classes out differently under ThreadSanitizer, but
    # their libraries come from Debian, built without it.
    if(POLLBUS_SANITIZE MATCHES thread)
      target_compile_options(${target} PRIVATE -U__SANITIZE_THREAD__)
    endif()
  endif()
endfunction()

# A program carries the sanitizers' options itself: scripts start it with an environment of its own.
function(_pollbus_program target)
  add_executable(${target} ${ARGN})
  _pollbus_compile(${target})
  # Full RELRO: all symbols are bound at the start, and their table is read-only from then on.
  target_link_options(${target} PRIVATE "$<$<CONFIG:Release>:-pie;-Wl,-z,relro,-z,now>")
  if(POLLBUS_SANITIZE)
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/sanitizer_options.cc)
  endif()
endfunction()

# pollbus_library(<name> SOURCES a.cc … [DEPENDS target …] [PRIVATE_DEPENDS target …]
#                 [TESTS a_test.cc …] [TEST_DEPENDS target …] [PRECOMPILED <header> …])
function(pollbus_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS;TESTS;TEST_DEPENDS;PRECOMPILED" ${ARGN})
  add_library(pollbus_${name} STATIC ${arg_SOURCES})
  add_library(pollbus::${name} ALIAS pollbus_${name})
  _pollbus_compile(pollbus_${name})
  target_link_libraries(pollbus_${name} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
  _pollbus_precompile(pollbus_${name} ${arg_PRECOMPILED})
  if(arg_TESTS AND POLLBUS_TESTS)
    pollbus_test(${name}_test SOURCES ${arg_TESTS} DEPENDS pollbus::${name} ${arg_TEST_DEPENDS}
                 PRECOMPILED ${arg_PRECOMPILED})
  endif()
endfunction()

# pollbus_executable(<name> SOURCES main.cc DEPENDS target …)
function(pollbus_executable name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  _pollbus_program(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS})
endfunction()

# pollbus_test(<name> SOURCES a_test.cc … DEPENDS target … [LABEL unit|integration] [TIMEOUT seconds])
# Each test case becomes one CTest test, so that a failure names the sentence that does not hold.
function(pollbus_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "SOURCES;DEPENDS;PRECOMPILED" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  _pollbus_program(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} GTest::gmock GTest::gtest_main)
  _pollbus_precompile(${name} <gmock/gmock.h> <gtest/gtest.h> ${arg_PRECOMPILED})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
