# Sources of one instruction-set level. A level of another architecture adds nothing; its entries in the kernel lists are
# left out by the same condition on the compiler's target macros.
set(DENSESHIFT_ISA_X86 OFF)
set(DENSESHIFT_ISA_ARM OFF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(DENSESHIFT_ISA_X86 ON)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(DENSESHIFT_ISA_ARM ON)
endif()
set(_denseshift_isa_options -O3 -fno-math-errno -ffp-contract=off)
set(_denseshift_flags_avx2 -mavx2 -mfma -mf16c -mtune=haswell)
set(_denseshift_flags_avx512 -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512 -mtune=skylake-avx512)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # The compiler's own header is reported for a register it leaves undefined on purpose (GCC bug 105593).
  list(APPEND _denseshift_flags_avx512 -Wno-maybe-uninitialized -Wno-uninitialized)
endif()
set(_denseshift_flags_avx512vnni ${_denseshift_flags_avx512} -mavx512vnni)
set(_denseshift_flags_neon -march=armv8-a -mtune=cortex-a57)
set(_denseshift_flags_neon-fp16 -march=armv8.2-a+fp16)
set(_denseshift_flags_neon-dotprod -march=armv8.2-a+dotprod)

# denseshift_isa_sources(<target> <level> <source>...): compiles the sources with the level's flags. Such a source includes
# no header with inline functions that others may use as well (the linker keeps one copy, perhaps this one).
function(denseshift_isa_sources target level)
  if(level MATCHES "^neon")
    # The pipeline model of these kernels (core/bench/model) needs their sources on every architecture.
    foreach(_source IN LISTS ARGN)
      set_property(GLOBAL APPEND PROPERTY DENSESHIFT_NEON_UNITS ${level}|${CMAKE_CURRENT_SOURCE_DIR}/${_source})
    endforeach()
  endif()
  if(level MATCHES "^avx" AND NOT DENSESHIFT_ISA_X86 OR level MATCHES "^neon" AND NOT DENSESHIFT_ISA_ARM)
    return()
  endif()
  target_sources(${target} PRIVATE ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${_denseshift_isa_options};${_denseshift_flags_${level}}")
endfunction()

# denseshift_isa_options(<variable> <level>): the options of a level, separated by spaces.
function(denseshift_isa_options variable level)
  list(JOIN _denseshift_isa_options " " _common)
  list(JOIN _denseshift_flags_${level} " " _own)
  set(${variable} "${_common} ${_own}" PARENT_SCOPE)
endfunction()
