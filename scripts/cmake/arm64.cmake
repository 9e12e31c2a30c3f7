# Toolchain of the preset arm64: Debian's cross compiler, our dependencies from a folder that scripts/arm64_sysroot.sh fills
# (by default inside the build folder), and qemu-user to run what comes out.
#
# There is no --sysroot: libc, libstdc++ and libgomp are those of the compiler's own packages, the folder only adds to them.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CXX_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# Small trial projects of CMake read this file as well, in folders of their own.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES DENSESHIFT_ARM64_SYSROOT)
if(NOT DENSESHIFT_ARM64_SYSROOT)
  set(DENSESHIFT_ARM64_SYSROOT ${CMAKE_BINARY_DIR}/sysroot)
endif()
set(DENSESHIFT_ARM64_SYSROOT ${DENSESHIFT_ARM64_SYSROOT} CACHE PATH "Folder made by scripts/arm64_sysroot.sh")
set(_root ${DENSESHIFT_ARM64_SYSROOT}/root)
if(NOT EXISTS ${DENSESHIFT_ARM64_SYSROOT}/complete)
  message(FATAL_ERROR "No arm64 libraries in ${DENSESHIFT_ARM64_SYSROOT}: run scripts/arm64_sysroot.sh "
    "${DENSESHIFT_ARM64_SYSROOT}, or scripts/build.sh --preset arm64, which does.")
endif()

set(CMAKE_FIND_ROOT_PATH ${_root})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${_root}/usr/include ${_root}/usr/include/aarch64-linux-gnu)
# Libraries that our libraries need are looked for here when linking and, by the emulator, when running.
string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT
  " -Wl,-rpath-link,${_root}/usr/lib/aarch64-linux-gnu -Wl,-rpath-link,${_root}/lib/aarch64-linux-gnu")
set(CMAKE_SHARED_LINKER_FLAGS_INIT ${CMAKE_EXE_LINKER_FLAGS_INIT})
set(CMAKE_BUILD_RPATH ${_root}/usr/lib/aarch64-linux-gnu ${_root}/lib/aarch64-linux-gnu)

# The compiler knows where its libc is; the emulator finds the loader from there.
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libc.so.6
  OUTPUT_VARIABLE _libc OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
get_filename_component(_libc "${_libc}" REALPATH)
get_filename_component(_libc "${_libc}" DIRECTORY)
get_filename_component(_libc "${_libc}" DIRECTORY)
find_program(DENSESHIFT_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(DENSESHIFT_QEMU)
  # What our libraries need themselves is not found through the run path of the program.
  set(CMAKE_CROSSCOMPILING_EMULATOR ${DENSESHIFT_QEMU} -L ${_libc}
    -E LD_LIBRARY_PATH=${_root}/usr/lib/aarch64-linux-gnu:${_root}/lib/aarch64-linux-gnu)
endif()
