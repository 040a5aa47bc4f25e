# The three kinds of target in this tree. One folder of src/ is one library, `pollbus::<folder>`;
# a unit test stands beside what it tests and is linked into one test executable a folder.

set(POLLBUS_WARNINGS -Wall -Wextra -Wpedantic -Werror -Wnon-virtual-dtor -Woverloaded-virtual
    -Wimplicit-fallthrough -Wshadow -Wconversion
    # A designated initialiser that leaves members to their defaults means to.
    -Wno-missing-field-initializers
    # GCC 12 is wrong about these where it inlines std::string from a precompiled header
    # (https://gcc.gnu.org/PR105329, https://gcc.gnu.org/PR105651).
    -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
# Without full optimisation, GCC 12 does not see that an optional was checked.
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  list(APPEND POLLBUS_WARNINGS -Wno-maybe-uninitialized)
endif()

# What compilers and linkers check at run time for little: for the programs that run an election
# (https://wiki.debian.org/Hardening). tests/scripts/hardening.test.mjs looks for it in them.
set(POLLBUS_HARDENING -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
    -fstack-clash-protection)

# Tests are compiled without optimisation, because that halves the time it takes: what they test is in
# the libraries and programs, which are built as they ship.
set(POLLBUS_TEST_OPTIONS -O0 -g0)

# pollbus_precompiled(<kind> DEPENDS target … HEADERS <header> …): headers that many files include,
# parsed once for all libraries and programs, and once for all tests, because parsing them takes longer
# than compiling the rest of a typical file. A target names its kind with PRECOMPILED; without it, it
# gets the kind "common". What includes a precompiled header must have the compile definitions that
# the header was parsed with, so DEPENDS is linked to each such target.
function(pollbus_precompiled kind)
  cmake_parse_arguments(arg "" "" "DEPENDS;HEADERS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/precompiled.cc)
  file(TOUCH_NOCREATE ${source})
  if(NOT EXISTS ${source})
    file(WRITE ${source} "")
  endif()
  foreach(user programs tests)
    set(target pollbus_precompiled_${kind}_${user})
    add_library(${target} OBJECT ${source})
    _pollbus_compile(${target} ${user})
    target_link_libraries(${target} PUBLIC ${arg_DEPENDS})
    target_precompile_headers(${target} PRIVATE ${arg_HEADERS})
  endforeach()
  target_link_libraries(pollbus_precompiled_${kind}_tests PUBLIC GTest::gmock)
  target_precompile_headers(pollbus_precompiled_${kind}_tests PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
  set_property(GLOBAL PROPERTY pollbus_precompiled_${kind}_depends ${arg_DEPENDS})
endfunction()

# _pollbus_precompile(<target> programs|tests [<kind>])
function(_pollbus_precompile target user)
  set(kind common)
  if(ARGN)
    set(kind ${ARGN})
  endif()
  get_property(depends GLOBAL PROPERTY pollbus_precompiled_${kind}_depends)
  target_link_libraries(${target} PRIVATE ${depends})
  target_precompile_headers(${target} REUSE_FROM pollbus_precompiled_${kind}_${user})
endfunction()

# _pollbus_compile(<target> programs|tests)
function(_pollbus_compile target user)
  set(release ${POLLBUS_HARDENING})
  if(user STREQUAL tests)
    set(release ${POLLBUS_TEST_OPTIONS})
  endif()
  # Some libraries bring -pthread or _FILE_OFFSET_BITS along. Every target has both, because they are
  # part of what a precompiled header depends on.
  target_compile_definitions(${target} PRIVATE _FILE_OFFSET_BITS=64)
  target_compile_options(${target} PRIVATE -pthread ${POLLBUS_WARNINGS}
                                           "$<$<CONFIG:Release>:${release}>")
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  if(POLLBUS_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${POLLBUS_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${POLLBUS_SANITIZE})
    # Abseil's headers have fences, which ThreadSanitizer does not follow.
    target_compile_options(${target} PRIVATE -Wno-tsan)
    # Protobuf's and Abseil's headers lay their classes out differently under ThreadSanitizer, but
    # their libraries come from Debian, built without it.
    if(POLLBUS_SANITIZE MATCHES thread)
      target_compile_options(${target} PRIVATE -U__SANITIZE_THREAD__)
    endif()
  endif()
endfunction()

# A program carries the sanitizers' options itself: scripts start it with an environment of its own.
function(_pollbus_program target user)
  add_executable(${target} ${ARGN})
  _pollbus_compile(${target} ${user})
  # Full RELRO: all symbols are bound at the start, and their table is read-only from then on.
  target_link_options(${target} PRIVATE "$<$<CONFIG:Release>:-pie;-Wl,-z,relro,-z,now>")
  if(user STREQUAL tests)
    # gold, which binutils brings along, links in a third of the time.
    target_link_options(${target} PRIVATE -fuse-ld=gold)
  endif()
  if(POLLBUS_SANITIZE)
    target_sources(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/sanitizer_options.cc)
  endif()
endfunction()

# pollbus_library(<name> SOURCES a.cc … [DEPENDS target …] [PRIVATE_DEPENDS target …]
#                 [TESTS a_test.cc …] [SEPARATE_TESTS b_test.cc …] [TEST_DEPENDS target …]
#                 [PRECOMPILED <kind>])
function(pollbus_library name)
  cmake_parse_arguments(arg "" "PRECOMPILED"
                        "SOURCES;DEPENDS;PRIVATE_DEPENDS;TESTS;SEPARATE_TESTS;TEST_DEPENDS" ${ARGN})
  add_library(pollbus_${name} STATIC ${arg_SOURCES})
  add_library(pollbus::${name} ALIAS pollbus_${name})
  _pollbus_compile(pollbus_${name} programs)
  target_link_libraries(pollbus_${name} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
  _pollbus_precompile(pollbus_${name} programs ${arg_PRECOMPILED})
  if(arg_TESTS AND POLLBUS_TESTS)
    pollbus_test(${name}_test SOURCES ${arg_TESTS} SEPARATE ${arg_SEPARATE_TESTS} DEPENDS pollbus::${name} ${arg_TEST_DEPENDS}
                 PRECOMPILED ${arg_PRECOMPILED})
  endif()
endfunction()

# pollbus_executable(<name> SOURCES main.cc DEPENDS target … [PRECOMPILED <kind>])
function(pollbus_executable name)
  cmake_parse_arguments(arg "" "PRECOMPILED" "SOURCES;DEPENDS" ${ARGN})
  _pollbus_program(${name} programs ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS})
  _pollbus_precompile(${name} programs ${arg_PRECOMPILED})
endfunction()

# pollbus_test(<name> SOURCES a_test.cc … [SEPARATE b_test.cc …] DEPENDS target …
#              [LABEL unit|integration] [TIMEOUT seconds] [PRECOMPILED <kind>])
# Each test case becomes one CTest test, so that a failure names the sentence that does not hold.
# The SOURCES are compiled eight at a time, which takes half as long. So names in their anonymous
# namespaces must differ; a file that shares one with another is SEPARATE.
function(pollbus_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT;PRECOMPILED" "SOURCES;SEPARATE;DEPENDS" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  _pollbus_program(${name} tests ${arg_SOURCES} ${arg_SEPARATE})
  set_source_files_properties(${arg_SEPARATE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_DEPENDS} GTest::gmock GTest::gtest_main)
  _pollbus_precompile(${name} tests ${arg_PRECOMPILED})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()
