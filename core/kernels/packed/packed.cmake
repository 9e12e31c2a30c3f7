# Kernels on packed weights: one unit for each instruction-set level, see kernel_list.inc.
find_package(OpenMP REQUIRED COMPONENTS CXX)
target_link_libraries(denseshift_kernels PRIVATE OpenMP::OpenMP_CXX)
target_sources(denseshift_kernels PRIVATE
  packed/gemm_a8.cpp packed/gemm_f32.cpp packed/gemv.cpp packed/kernels.cpp packed/matrix.cpp packed/quantize.cpp
  packed/scalar.cpp)
set_source_files_properties(packed/gemm_f32.cpp packed/gemv.cpp packed/quantize.cpp packed/scalar.cpp PROPERTIES
  COMPILE_OPTIONS "-O3;-fno-math-errno;-fno-trapping-math;-ffp-contract=off")
denseshift_isa_sources(denseshift_kernels avx2 packed/avx2_a8.cpp packed/avx2_f32.cpp)
denseshift_isa_sources(denseshift_kernels avx512 packed/avx512_a8.cpp packed/avx512_f32.cpp)
denseshift_isa_sources(denseshift_kernels avx512vnni packed/avx512vnni.cpp)
