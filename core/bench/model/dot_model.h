#pragma once
// The NEON dot kernels on a modelled CPU: this program carries their sources, a compiler that the user has turns them
// into assembly, llvm-mca runs the main loops. Everything that comes out is "modelled", never "measured".

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bench/model/mca.h"

namespace denseshift::bench {

/// A file that the NEON kernels are compiled from.
struct KernelSource {
  std::string_view path;  ///< from the root of the sources, such as core/kernels/dot/dot_neon_i8.cpp
  std::string_view text;
};

/// A translation unit of NEON kernels and the options that the program itself compiles it with.
struct KernelUnit {
  std::string_view path;
  std::string_view options;  ///< separated by spaces
};

/// The NEON kernels of this program's revision with every header of ours that they include.
[[nodiscard]] const std::vector<KernelSource>& kernel_sources();
[[nodiscard]] const std::vector<KernelUnit>& kernel_units();

struct DotModelRequest {
  std::string cpu = "cortex-a57";      ///< name in model_cpus()
  std::vector<std::string> compilers;  ///< paths or names of g++ or clang++; empty: those found, see find_compilers()
  std::string mca;                     ///< path or name; empty: see find_mca()
};

/// One kernel as compiled by one compiler.
struct ModelledKernel {
  std::string_view kernel;    ///< as in dot_kernels.inc
  std::string_view variant;   ///< the rung, see dot_variants()
  std::size_t compiler = 0;   ///< index in DotModel::compilers
  std::int64_t elements = 0;  ///< that one iteration consumes, derived from the loop's addresses
  McaResult loop;             ///< one iteration

  [[nodiscard]] double cycles_per_element() const { return loop.cycles / static_cast<double>(elements); }
  /// Lower bound by the busiest unit or the front end, without dependencies.
  [[nodiscard]] double bound_per_element() const { return loop.throughput / static_cast<double>(elements); }
  /// Modelled time of a dot product of n elements. Start, end and remainder of the loop are left out.
  [[nodiscard]] double microseconds(double n, double gigahertz) const {
    return cycles_per_element() * n / (gigahertz * 1e3);
  }
};

/// What was modelled, with what.
struct DotModel {
  const ModelCpu* cpu = nullptr;
  McaTool mca;
  struct Compiler {
    std::string path;
    std::string version;
    std::vector<std::string> options;  ///< besides those of the units: the target, for a compiler of several
  };
  std::vector<Compiler> compilers;
  std::vector<ModelledKernel> kernels;  ///< in the order of dot_kernels.inc, for each compiler in turn
  std::vector<std::string> left_out;    ///< kernels that could not be modelled, each with the reason
};

/// Clocks, in GHz, at which times are stated unless others are asked for: a Cortex-A57 of 1.43 GHz, and 2.0 GHz.
inline constexpr double kModelClocks[] = {1.43, 2.0};

/// The compilers of `wanted`, or those of the cross g++, clang++ and, on AArch64, g++ that PATH has. Throws an input
/// error with the package to install when there is none, or for one that does not compile for AArch64.
[[nodiscard]] std::vector<DotModel::Compiler> find_compilers(const std::vector<std::string>& wanted);

/// Assembly of all units by one compiler. Throws an input error with the compiler's first message.
[[nodiscard]] std::string compile_kernels(const DotModel::Compiler& compiler);

/// Models every NEON dot kernel that the CPU can run. Throws the errors of the functions above and of run_mca().
[[nodiscard]] DotModel model_dot_kernels(const DotModelRequest& request);

}  // namespace denseshift::bench
