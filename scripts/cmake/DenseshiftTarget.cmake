# How our own targets are built: warnings, sanitizers, ccache, precompiled header.

if(DENSESHIFT_CCACHE)
  find_program(DENSESHIFT_CCACHE_PROGRAM ccache)
  if(DENSESHIFT_CCACHE_PROGRAM)
    # The precompiled header is only cacheable when ccache may ignore its defines and time stamps.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${DENSESHIFT_CCACHE_PROGRAM})
  endif()
endif()

# denseshift_own(<target>): warnings, sanitizers and include root for a target of ours.
function(denseshift_own target)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion)
  if(DENSESHIFT_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # "x" + std::string(...) is reported as overlapping memory by mistake (GCC bug 105651, mended in 13).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  if(DENSESHIFT_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# denseshift_library(<name> SOURCES ... LINK ...): static library denseshift_<name>, alias denseshift::<name>.
function(denseshift_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(denseshift_${name} STATIC ${ARG_SOURCES})
  add_library(denseshift::${name} ALIAS denseshift_${name})
  target_link_libraries(denseshift_${name} PUBLIC ${ARG_LINK})
  denseshift_own(denseshift_${name})
endfunction()
