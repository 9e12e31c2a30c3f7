# Target denseshift_torch: headers and libraries of LibTorch.
#
# find_package(Torch) of a CUDA build insists on a complete CUDA toolkit at configure time although we compile no
# .cu file, and it defines macros for parts we do not use. The libraries themselves are all we need, so the target is
# made by hand from a prefix: Debian's packages, an unpacked libtorch archive, or a Python wheel.

set(_roots)
if(DENSESHIFT_TORCH)
  file(GLOB _wheel ${DENSESHIFT_TORCH}/lib/python3*/site-packages/torch)
  list(APPEND _roots ${DENSESHIFT_TORCH} ${_wheel} ${DENSESHIFT_TORCH}/torch)
  set(_search NO_DEFAULT_PATH)
endif()
find_path(DENSESHIFT_TORCH_INCLUDE torch/version.h PATHS ${_roots} PATH_SUFFIXES include/torch/csrc/api/include ${_search})
find_library(DENSESHIFT_TORCH_CPU torch_cpu PATHS ${_roots} PATH_SUFFIXES lib ${_search})
find_library(DENSESHIFT_TORCH_C10 c10 PATHS ${_roots} PATH_SUFFIXES lib ${_search})
find_library(DENSESHIFT_TORCH_MAIN torch PATHS ${_roots} PATH_SUFFIXES lib ${_search})
find_library(DENSESHIFT_TORCH_CUDA torch_cuda PATHS ${_roots} PATH_SUFFIXES lib ${_search})
find_library(DENSESHIFT_TORCH_C10_CUDA c10_cuda PATHS ${_roots} PATH_SUFFIXES lib ${_search})
if(NOT DENSESHIFT_TORCH_INCLUDE OR NOT DENSESHIFT_TORCH_CPU OR NOT DENSESHIFT_TORCH_C10)
  message(FATAL_ERROR
    "LibTorch was not found. Install Debian's libtorch-dev (scripts/setup.sh does), give "
    "-DDENSESHIFT_TORCH=<prefix of libtorch or of a virtual environment with PyTorch>, or configure with "
    "-DDENSESHIFT_WITH_TORCH=OFF.")
endif()

# Recent versions keep the numbers in a header that torch/version.h includes.
set(_version_header ${DENSESHIFT_TORCH_INCLUDE}/torch/version.h)
get_filename_component(_headeronly ${DENSESHIFT_TORCH_INCLUDE}/../../../headeronly/version.h ABSOLUTE)
if(EXISTS ${_headeronly})
  set(_version_header ${_headeronly})
endif()
file(STRINGS ${_version_header} _major REGEX "define TORCH_VERSION_MAJOR ")
file(STRINGS ${_version_header} _minor REGEX "define TORCH_VERSION_MINOR ")
string(REGEX REPLACE ".* ([0-9]+).*" "\\1" _major "${_major}")
string(REGEX REPLACE ".* ([0-9]+).*" "\\1" _minor "${_minor}")
set(DENSESHIFT_TORCH_VERSION ${_major}.${_minor})

add_library(denseshift_torch INTERFACE IMPORTED GLOBAL) # imported, so that configure checks can link it
get_filename_component(_base ${DENSESHIFT_TORCH_INCLUDE} DIRECTORY) # .../torch/csrc/api
get_filename_component(_base ${_base} DIRECTORY)
get_filename_component(_base ${_base} DIRECTORY)
get_filename_component(_base ${_base} DIRECTORY)
if(NOT _base STREQUAL "/usr/include" AND EXISTS ${_base}/fmt/format-inl.h)
  # Wheels carry headers of their own fmt, which hide the system's and whose functions are in no library we link.
  target_compile_definitions(denseshift_torch INTERFACE FMT_HEADER_ONLY=1)
endif()
target_include_directories(denseshift_torch SYSTEM INTERFACE ${_base} ${DENSESHIFT_TORCH_INCLUDE})
# The C++ library comes first: wheels export their own copy of std::filesystem, whose remove_all crashes when a program
# that is linked to them finds it before the system's.
target_link_libraries(denseshift_torch INTERFACE -Wl,--no-as-needed,-lstdc++
  $<$<BOOL:${DENSESHIFT_TORCH_MAIN}>:-Wl,--no-as-needed,${DENSESHIFT_TORCH_MAIN}>
  -Wl,--no-as-needed,${DENSESHIFT_TORCH_CPU} ${DENSESHIFT_TORCH_C10})
get_filename_component(_lib ${DENSESHIFT_TORCH_CPU} DIRECTORY)
if(DENSESHIFT_TORCH_CUDA)
  target_link_libraries(denseshift_torch INTERFACE -Wl,--no-as-needed,${DENSESHIFT_TORCH_CUDA} ${DENSESHIFT_TORCH_C10_CUDA})
endif()
target_link_libraries(denseshift_torch INTERFACE -Wl,--as-needed)
if(DENSESHIFT_TORCH)
  set(DENSESHIFT_TORCH_RPATH ${_lib})
  list(APPEND CMAKE_BUILD_RPATH ${_lib})
  list(APPEND CMAKE_INSTALL_RPATH ${_lib})
endif()
message(STATUS "LibTorch ${DENSESHIFT_TORCH_VERSION}: ${DENSESHIFT_TORCH_CPU}")

# Wheels older than 2.7 may use the old std::string ABI; linking them fails obscurely, so ask the library itself.
include(CheckCXXSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES denseshift_torch)
set(CMAKE_REQUIRED_FLAGS "-std=c++20")
check_cxx_source_compiles("#include <c10/util/Exception.h>
int main() { throw c10::Error({__func__, __FILE__, 1u}, std::string(\"x\")); }" DENSESHIFT_TORCH_ABI_OK)
unset(CMAKE_REQUIRED_LIBRARIES)
unset(CMAKE_REQUIRED_FLAGS)
if(NOT DENSESHIFT_TORCH_ABI_OK)
  unset(DENSESHIFT_TORCH_ABI_OK CACHE) # ask again next time
  message(FATAL_ERROR "This LibTorch does not link with the compiler's C++11 std::string ABI. Use Debian's package, a wheel of "
    "PyTorch 2.7 or later, or the 'cxx11-abi' archive of LibTorch.")
endif()
