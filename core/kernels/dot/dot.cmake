# Dot products of the paper; one translation unit for each instruction set. Paths are those of core/kernels.
target_sources(denseshift_kernels PRIVATE dot/dot.cpp dot/dot_weights.cpp)
denseshift_isa_sources(denseshift_kernels scalar dot/dot_scalar.cpp)
denseshift_isa_sources(denseshift_kernels avx2 dot/dot_avx2_f16.cpp dot/dot_avx2_i8.cpp)
denseshift_isa_sources(denseshift_kernels avx512 dot/dot_avx512_f16.cpp dot/dot_avx512_i8.cpp)
denseshift_isa_sources(denseshift_kernels avx512vnni dot/dot_avx512vnni.cpp)
denseshift_isa_sources(denseshift_kernels neon dot/dot_neon_f16.cpp dot/dot_neon_i8.cpp)
denseshift_isa_sources(denseshift_kernels neon-fp16 dot/dot_neon_fp16.cpp)
denseshift_isa_sources(denseshift_kernels neon-dotprod dot/dot_neon_dotprod.cpp)
