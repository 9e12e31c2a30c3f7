#pragma once
// Address arithmetic of AArch64 instructions, followed symbolically through a basic block.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace denseshift::bench {

/// The text without the spaces and tabs around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// A sum of register values as they were at the start of the block, and a constant. Roots below 32 are registers (31
/// is sp), others are values that nothing is known of. Factors are in units of 1/kUnit, since compilers also take one
/// index apart into that of an array with fewer bits for each element.
struct Affine {
  static constexpr std::int64_t kUnit = 64;
  using Terms = std::map<int, std::int64_t>;
  Terms terms;
  std::int64_t constant = 0;
};

struct MemoryRead {
  Affine address;
  std::int64_t bytes = 0;
};

/// Steps through the instructions of a block in order.
class AddressTracker {
 public:
  AddressTracker();
  void step(std::string_view instruction);
  [[nodiscard]] const std::vector<MemoryRead>& reads() const { return reads_; }
  /// By how much a sum of roots grows from one execution of the block to the next; nothing when that is not constant.
  /// `depth` is how many registers a value may pass through on the way.
  [[nodiscard]] std::optional<std::int64_t> advance(const Affine::Terms& terms, int depth = 4) const;

 private:
  using Operands = std::vector<std::string_view>;
  [[nodiscard]] Affine value(std::string_view operand) const;
  [[nodiscard]] Affine extended(const Operands& operands, std::size_t index) const;
  void assign(std::string_view operand, Affine value);
  void forget(std::string_view operand);
  void access(std::string_view name, const Operands& operands, std::size_t memory);
  void compute(std::string_view name, const Operands& operands);

  std::array<Affine, 32> registers_;
  std::vector<MemoryRead> reads_;
  int next_unknown_ = 32;
};

}  // namespace denseshift::bench
