#pragma once
// The dot products of core/kernels/dot as candidates.

#include <cstddef>
#include <memory>
#include <vector>

#include "core/bench/harness.h"
#include "core/kernels/dot/dot.h"

namespace denseshift::bench {

/// One rung of the ladder at one length.
struct DotCase {
  const kernels::DotVariant* variant = nullptr;
  const kernels::DotKernel* kernel = nullptr;
  double weight_bytes = 0;  ///< of one element
  Candidate candidate;      ///< named by the variant, grouped by family
};

/// Every variant that has a kernel in an allowed level, in the order of dot_variants(), on `n` random elements.
/// Candidates own their data. `cold`: each call takes the next of copies that exceed twice the last cache. Throws a
/// work error naming the kernel when a result is wrong: nothing wrong is ever timed.
[[nodiscard]] std::vector<DotCase> dot_cases(std::size_t n, kernels::IsaSet allowed, bool cold);

}  // namespace denseshift::bench
