# Libraries of the speech task, as targets denseshift_sndfile, denseshift_samplerate and denseshift_kissfft. Their own CMake
# packages differ between distributions, and Debian's of libsndfile and libsamplerate have none.
function(denseshift_audio_library target package header library)
  string(TOUPPER ${target} _name)
  find_path(${_name}_INCLUDE ${header} PATH_SUFFIXES kissfft)
  find_library(${_name}_LIBRARY ${library})
  mark_as_advanced(${_name}_INCLUDE ${_name}_LIBRARY)
  if(NOT ${_name}_INCLUDE OR NOT ${_name}_LIBRARY)
    message(FATAL_ERROR "${header} or lib${library} was not found. Install ${package} (scripts/setup.sh does).")
  endif()
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${${_name}_INCLUDE})
  target_link_libraries(${target} INTERFACE ${${_name}_LIBRARY})
endfunction()

denseshift_audio_library(denseshift_sndfile libsndfile1-dev sndfile.h sndfile)
denseshift_audio_library(denseshift_samplerate libsamplerate0-dev samplerate.h samplerate)
denseshift_audio_library(denseshift_kissfft libkissfft-dev kiss_fftr.h kissfft-float)
