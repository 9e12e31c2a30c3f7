#pragma once
// What each library's source gives to the module.

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "cli/peers/interface.h"

namespace denseshift::peers {

using Problem = denseshift_peer_problem;

/// A prepared case. Errors are exceptions here; the module turns them into status values.
class Case {
 public:
  virtual ~Case() = default;
  virtual void call(std::size_t copy) = 0;
  /// Result of the last call in plain order; returns the unit.
  virtual double output(float* y) = 0;
};

/// A kernel of a library.
struct Kernel {
  const char* name;
  const char* kind;
  const char* label;
  std::unique_ptr<Case> (*prepare)(const Problem& problem);
};

/// A library.
struct Library {
  const char* name;
  std::string version;  ///< empty: not built in
  const char* package;
  const char* level_variable;  ///< environment variable that limits its instruction set; nullptr: none
  std::vector<Kernel> matrix, convolution;
};

[[nodiscard]] Library openblas();
[[nodiscard]] Library onednn();
[[nodiscard]] Library xnnpack();

[[nodiscard]] inline bool is_convolution(const Problem& problem) { return problem.kernel_height > 0; }
[[nodiscard]] inline std::size_t out_height(const Problem& problem) {
  return (problem.height + 2 * problem.padding - problem.kernel_height) / problem.stride + 1;
}
[[nodiscard]] inline std::size_t out_width(const Problem& problem) {
  return (problem.width + 2 * problem.padding - problem.kernel_width) / problem.stride + 1;
}

/// Elements of weights, inputs and results.
[[nodiscard]] inline std::size_t weight_count(const Problem& problem) {
  return is_convolution(problem) ? problem.outputs * problem.kernel_height * problem.kernel_width * problem.channels
                                 : problem.n * problem.k;
}
[[nodiscard]] inline std::size_t input_count(const Problem& problem) {
  return is_convolution(problem) ? problem.batch * problem.height * problem.width * problem.channels
                                 : problem.m * problem.k;
}
[[nodiscard]] inline std::size_t output_count(const Problem& problem) {
  return is_convolution(problem) ? problem.batch * out_height(problem) * out_width(problem) * problem.outputs
                                 : problem.m * problem.n;
}

}  // namespace denseshift::peers
