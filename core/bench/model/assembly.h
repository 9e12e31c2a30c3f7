#pragma once
// Inner loops in the AArch64 assembly that gcc and clang write, and how many elements one iteration of them consumes.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace denseshift::bench {

/// A basic block that branches back to its own start.
struct AssemblyLoop {
  std::string label;
  std::vector<std::string> instructions;  ///< as written, the closing branch included, without comments
};

/// The loops of one block in the function whose symbol is `function`, or the C++ function of that name in any
/// namespace, in the order of the text. Empty when there is no such function.
[[nodiscard]] std::vector<AssemblyLoop> find_loops(std::string_view assembly, std::string_view function);

/// What one iteration reads from memory that it walks through: bytes by the distance by which their address moves.
/// Memory at a fixed address (constants, spilled registers) is left out.
struct LoopReads {
  std::map<std::int64_t, std::int64_t> bytes_by_advance;
};

/// Follows the address registers through one iteration. `reason` (when given) says why there is no result: an address
/// that does not move by a constant.
[[nodiscard]] std::optional<LoopReads> loop_reads(const AssemblyLoop& loop, std::string* reason = nullptr);

/// Elements that one iteration consumes, when each takes x_bits from one array and weight_bits from another: the number
/// that explains both the bytes read and every distance by which an address moves. Nothing when no number does.
[[nodiscard]] std::optional<std::int64_t> elements_per_iteration(const LoopReads& reads, int x_bits, int weight_bits);

/// The loop of a kernel that most elements pass through: the one with the fewest instructions for an element, since
/// those of remainders take elements singly or, unrolled by the compiler, with more work for each.
struct MainLoop {
  AssemblyLoop loop;
  std::int64_t elements = 0;
};

/// Throws a work error that names the kernel when no loop's elements can be told, or when those of a vector loop
/// cannot, which may be the main loop.
[[nodiscard]] MainLoop find_main_loop(std::string_view assembly, std::string_view kernel, int x_bits, int weight_bits);

}  // namespace denseshift::bench
