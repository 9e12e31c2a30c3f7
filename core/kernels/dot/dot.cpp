#include "core/kernels/dot/dot.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/kernels/dot/dot_functions.h"

namespace denseshift::kernels {
namespace {

DotVariant f16_variant(std::string_view name, std::string_view description, bool zero_safe, bool robust,
                       bool zero_weights = false) {
  DotVariant variant;
  variant.variant = name;
  variant.description = description;
  variant.zero_safe = zero_safe;
  variant.robust = robust;
  variant.zero_weights = zero_weights;
  return variant;
}

DotVariant i8_variant(std::string_view name, std::string_view description, bool zero_weights, int max_bits = 4) {
  DotVariant variant = f16_variant(name, description, true, false, zero_weights);
  variant.family = DotFamily::i8;
  variant.max_bits = max_bits;
  return variant;
}

std::vector<DotVariant> make_variants() {
  std::vector<DotVariant> variants = {
      f16_variant("fma", "convert x and w, fused multiply-add, 4 sums (NCNN-style)", true, true, true),
      f16_variant("fma_split", "convert x and w, multiply, add, 1 sum", true, true, true),
      f16_variant("add16_1acc", "integer add on the bits of x, convert, add, 1 sum (the paper's DenseShift)", false,
                  false),
      f16_variant("add16", "integer add, convert, add, 4 sums", false, false),
      f16_variant("add16_safe", "add16 with zero and subnormal x masked", true, false),
      f16_variant("add8", "add16 with 8-bit weight codes", false, false),
      f16_variant("add8_safe", "add8 with zero and subnormal x masked", true, false),
      f16_variant("shift_convert", "integer add, convert by shift and mask", false, false),
      f16_variant("shift_convert_safe", "shift_convert with zero and subnormal x masked", true, false),
      f16_variant("packed2", "packed 2-bit weights by table, convert x, fused multiply-add", true, true),
      f16_variant("robust", "codes of add16 decoded to float, convert x, fused multiply-add", true, true),
      f16_variant("bf16", "weights as upper half of a float, convert x, fused multiply-add", true, true, true),
      f16_variant("fp16_fma", "fused multiply-add in FP16, sums in FP16 (ARMv8.2)", true, true, true),
      f16_variant("fp16_add", "integer add, add in FP16, sums in FP16 (ARMv8.2)", false, false),
      i8_variant("shift_zero_after", "shift, result cleared where the weight is zero (Shift)", true),
      i8_variant("shift_zero_x", "x cleared in 8 bits where the weight is zero, shift (Shift)", true),
      i8_variant("denseshift", "shift without zero (DenseShift)", false),
      i8_variant("denseshift_sign8", "sign applied in 8 bits, cheapest exact shift (DenseShift)", false),
      i8_variant("multiply", "plain int8 multiplication", true, 3),
      i8_variant("packed2_i8", "packed 2-bit weights by table, 16-bit sums", false, 2)};
  for (DotVariant& variant : variants) {
    if (variant.variant == "packed2") variant.max_bits = 2;
  }
  return variants;
}

std::vector<DotKernel> make_kernels() {
  std::vector<DotKernel> kernels;
#define DENSESHIFT_DOT(family_, variant_, isa_, weights_, order_, unit_, name_) \
  {                                                                             \
    DotKernel kernel;                                                           \
    kernel.name = #name_;                                                       \
    kernel.family = DotFamily::family_;                                         \
    kernel.variant = #variant_;                                                 \
    kernel.isa = Isa::isa_;                                                     \
    kernel.weights = DotWeights::weights_;                                      \
    kernel.family_ = name_;                                                     \
    kernel.order = order_;                                                      \
    kernel.unit = unit_;                                                        \
    kernels.push_back(kernel);                                                  \
  }
#include "core/kernels/dot/dot_kernels.inc"
#undef DENSESHIFT_DOT
  return kernels;
}

}  // namespace

const std::vector<DotVariant>& dot_variants() {
  static const std::vector<DotVariant> variants = make_variants();
  return variants;
}

const DotVariant& dot_variant(std::string_view variant) {
  const auto& all = dot_variants();
  const auto found = std::find_if(all.begin(), all.end(), [&](const DotVariant& v) { return v.variant == variant; });
  if (found == all.end()) throw std::invalid_argument("no dot product is called '" + std::string(variant) + "'");
  return *found;
}

PaperPair paper_pair(DotFamily family) {
  if (family == DotFamily::f16) return {"fma", "add16"};
  return {"shift_zero_after", "denseshift"};
}

const std::vector<DotKernel>& dot_kernels() {
  static const std::vector<DotKernel> kernels = make_kernels();
  return kernels;
}

const DotKernel* find_dot_kernel(std::string_view variant, IsaSet allowed) {
  for (const DotKernel& kernel : dot_kernels()) {
    if (kernel.variant == variant && allowed.has(kernel.isa)) return &kernel;
  }
  return nullptr;
}

}  // namespace denseshift::kernels
