# Tests of a cross build run under the emulator of the toolchain file, as more than one CPU.

# Kernels behave differently by CPU: these run on each. All other tests run on the last one.
set(DENSESHIFT_EMULATED_CPUS cortex-a57 max)
set(DENSESHIFT_EVERY_CPU_TESTS dot_kernels_test isa_test kernels_test packed_kernels_test)

if(NOT CMAKE_CROSSCOMPILING_EMULATOR)
  message(FATAL_ERROR "No emulator for the tests of this cross build. Install qemu-user (scripts/setup.sh --with-arm64 "
    "does), or configure with -DDENSESHIFT_BUILD_TESTS=OFF.")
endif()
add_custom_target(every_cpu_tests)

# Tests start the program as a child, and the system cannot run it without the emulator.
set(DENSESHIFT_PROGRAM_TO_RUN ${CMAKE_BINARY_DIR}/emulated/denseshift)
list(JOIN CMAKE_CROSSCOMPILING_EMULATOR "' '" _emulator)
file(WRITE ${CMAKE_BINARY_DIR}/emulated/denseshift.new
  "#!/bin/sh\n# QEMU_CPU is the CPU that is emulated.\nexec '${_emulator}' '${CMAKE_BINARY_DIR}/denseshift' \"$@\"\n")
file(CHMOD ${CMAKE_BINARY_DIR}/emulated/denseshift.new PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
file(RENAME ${CMAKE_BINARY_DIR}/emulated/denseshift.new ${DENSESHIFT_PROGRAM_TO_RUN})

# denseshift_emulated_test(<target> LABELS ... ENVIRONMENT ...): the ctest entries of a test binary.
function(denseshift_emulated_test name)
  cmake_parse_arguments(ARG "" "" "LABELS;ENVIRONMENT" ${ARGN})
  set(_cpus ${DENSESHIFT_EMULATED_CPUS})
  if(name IN_LIST DENSESHIFT_EVERY_CPU_TESTS)
    list(APPEND ARG_LABELS every-cpu)
    add_dependencies(every_cpu_tests ${name})
  else()
    list(POP_BACK _cpus _last)
    set(_cpus ${_last})
  endif()
  foreach(_cpu IN LISTS _cpus)
    add_test(NAME ${name}.${_cpu} COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} -cpu ${_cpu} $<TARGET_FILE:${name}>)
    set_tests_properties(${name}.${_cpu} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 1200
      ENVIRONMENT "${ARG_ENVIRONMENT};QEMU_CPU=${_cpu}")
  endforeach()
endfunction()

# denseshift_emulated_run(<name> EXPECT <regular expression> WORDS <word>...): the program itself on each CPU. It must end
# with status 0 and print what is expected; EXPECT_<cpu> says it for one CPU alone.
function(denseshift_emulated_run name)
  set(_options EXPECT)
  foreach(_cpu IN LISTS DENSESHIFT_EMULATED_CPUS)
    list(APPEND _options EXPECT_${_cpu})
  endforeach()
  cmake_parse_arguments(ARG "" "${_options}" "WORDS" ${ARGN})
  add_dependencies(every_cpu_tests denseshift)
  foreach(_cpu IN LISTS DENSESHIFT_EMULATED_CPUS)
    set(_expect "${ARG_EXPECT}")
    if(ARG_EXPECT_${_cpu})
      set(_expect "${ARG_EXPECT_${_cpu}}")
    endif()
    add_test(NAME program_${name}.${_cpu}
      COMMAND ${CMAKE_COMMAND} "-DEXPECT=${_expect}" -P ${CMAKE_SOURCE_DIR}/scripts/cmake/ExpectOutput.cmake --
        ${DENSESHIFT_PROGRAM_TO_RUN} ${ARG_WORDS})
    set_tests_properties(program_${name}.${_cpu} PROPERTIES LABELS "fast;every-cpu" TIMEOUT 300
      ENVIRONMENT "QEMU_CPU=${_cpu}")
  endforeach()
endfunction()
