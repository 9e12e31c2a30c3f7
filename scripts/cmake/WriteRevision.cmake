cmake_minimum_required(VERSION 3.22)
# Run at build time: cmake -DSOURCE=<checkout> -DOUTPUT=<header> -P WriteRevision.cmake
# The header changes, and what includes it is compiled again, only when the revision does.
find_package(Git QUIET)
set(revision unknown)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE} describe --always --dirty --exclude=* --abbrev=12
    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(revision ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define DENSESHIFT_REVISION \"@revision@\"\n" @ONLY)
