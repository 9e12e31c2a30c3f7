#pragma once
// One source, several instruction sets: the compiler makes a clone of a marked function per level and the loader picks
// one by the CPU's features (naming a processor instead would miss its successors). Sanitizers start after the loader
// has resolved such functions, which they do not survive, so their builds use the baseline alone.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GNUC__) || __GNUC__ < 12 || \
    defined(__clang__) || !defined(__x86_64__) || !defined(__gnu_linux__)
#define DENSESHIFT_CLONES
#define DENSESHIFT_CLONES_256
#else
#define DENSESHIFT_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
// Without 512-bit registers, which slow the clock down for what comes next: for short work beside code of any level.
#define DENSESHIFT_CLONES_256 __attribute__((target_clones("arch=x86-64-v3", "default")))
#endif

// Helpers of a cloned function must be inlined into it, otherwise they stay at the baseline.
#if defined(__GNUC__)
#define DENSESHIFT_INLINE inline __attribute__((always_inline))
#else
#define DENSESHIFT_INLINE inline
#endif

// The following loop carries no dependency through memory. (Other compilers find out at run time.)
#if defined(__GNUC__) && !defined(__clang__)
#define DENSESHIFT_INDEPENDENT _Pragma("GCC ivdep")
#else
#define DENSESHIFT_INDEPENDENT
#endif
