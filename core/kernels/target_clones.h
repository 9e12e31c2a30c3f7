#pragma once
// One source, several instruction sets: the compiler makes a clone of a marked function per architecture and the loader
// picks one. Sanitizers run before the loader can resolve such functions, so their builds use the baseline alone.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GNUC__) || defined(__clang__) || \
    !defined(__x86_64__) || !defined(__gnu_linux__)
#define DENSESHIFT_CLONES
#else
#define DENSESHIFT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

// Helpers of a cloned function must be inlined into it, otherwise they stay at the baseline.
#if defined(__GNUC__)
#define DENSESHIFT_INLINE inline __attribute__((always_inline))
#else
#define DENSESHIFT_INLINE inline
#endif

// The following loop carries no dependency through memory.
#if defined(__clang__)
#define DENSESHIFT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define DENSESHIFT_INDEPENDENT _Pragma("GCC ivdep")
#else
#define DENSESHIFT_INDEPENDENT
#endif
