// The element-wise DenseShift entries of the quantizer vectors: the authors' primitives, the paper's formulas, their
// figure.

#include <gtest/gtest.h>

#include "core/kernels/densequant.h"
#include "tests/support/quantizer_vectors.h"

namespace denseshift::kernels {
namespace {

using denseshift::testing::expect_tensor;
using denseshift::testing::quantizer_vectors;
using denseshift::testing::tensor;
using nlohmann::json;

struct Layer {
  std::vector<std::vector<float>> references;  ///< sign, gate 1 .. T
  std::vector<float> weight, shift;
  std::vector<std::uint8_t> codes;
};

/// Reads the references and quantizes them.
Layer quantized(const json& entry, const DenseShiftSpec& spec) {
  Layer layer;
  layer.references.push_back(tensor(entry.at("inputs").at("w_sign")));
  for (int t = 1; t <= spec.gates; ++t)
    layer.references.push_back(tensor(entry.at("inputs").at("w_" + std::to_string(t))));
  const std::size_t n = layer.references[0].size();
  layer.weight.resize(n);
  layer.codes.resize(n);
  std::vector<const float*> pointers;
  for (const std::vector<float>& reference : layer.references) pointers.push_back(reference.data());
  EXPECT_TRUE(
      quantize(spec, pointers.data(), layer.weight.data(), layer.codes.data(), 0, static_cast<std::int64_t>(n)));
  for (const std::uint8_t code : layer.codes)
    layer.shift.push_back(static_cast<float>(shift_of_code(code, spec.gates)));
  return layer;
}

DenseShiftSpec spec_of(const json& entry) {
  const json& params = entry.at("params");
  DenseShiftSpec spec;
  spec.gates = params.at("T").get<int>();
  spec.shift_bias = params.value("shift_bias", 0);
  spec.zero = params.value("zero_convention", "paper") == "code" ? ZeroConvention::code : ZeroConvention::paper;
  return spec;
}

/// Entries of weights with gates: all that fix q, and of these the ones with element-wise gradients.
std::vector<json> weight_entries() {
  std::vector<json> result;
  for (const json& entry : quantizer_vectors()) {
    if (entry.at("method") == "DenseShift" && entry.at("kind") == "weight" && entry.at("params").contains("T")) {
      result.push_back(entry);
    }
  }
  return result;
}

TEST(DenseShiftVectors, WeightsAndShifts) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  int compared = 0;
  for (const json& entry : weight_entries()) {
    const Layer layer = quantized(entry, spec_of(entry));
    if (entry.at("expected").contains("w_q")) expect_tensor(entry, "w_q", layer.weight), ++compared;
    if (entry.at("expected").contains("shift")) expect_tensor(entry, "shift", layer.shift), ++compared;
  }
  EXPECT_GT(compared, 0) << "the file has no DenseShift weights";
}

TEST(DenseShiftVectors, Gradients) {
  DENSESHIFT_SKIP_WITHOUT_VECTORS();
  const std::pair<const char*, GradientMode> modes[] = {{"surrogate_sqrt", GradientMode::surrogate},
                                                        {"sign_only", GradientMode::sign_only},
                                                        {"none", GradientMode::none}};
  int compared = 0;
  for (const json& entry : weight_entries()) {
    // dL/dq is an input of element-wise entries and an expected value where a convolution produced it.
    const json& holder = entry.at("inputs").contains("grad_w_q") ? entry.at("inputs") : entry.at("expected");
    if (!holder.contains("grad_w_q")) continue;
    const std::vector<float> grad = tensor(holder.at("grad_w_q"));
    for (const auto& [name, mode] : modes) {
      DenseShiftSpec spec = spec_of(entry);
      spec.gradient = mode;
      const std::string suffix = entry.at("params").value("grad_mode", "") == name ? "" : std::string("__") + name;
      if (!entry.at("expected").contains("grad_w_sign" + suffix)) continue;
      const Layer layer = quantized(entry, spec);
      std::vector<std::vector<float>> grads(layer.references.size(), std::vector<float>(grad.size()));
      std::vector<float*> pointers;
      for (std::vector<float>& g : grads) pointers.push_back(g.data());
      expand_gradient(spec, grad.data(), layer.codes.data(), pointers.data(), 0,
                      static_cast<std::int64_t>(grad.size()));
      expect_tensor(entry, "grad_w_sign" + suffix, grads[0]);
      for (int t = 1; t <= spec.gates; ++t) {
        expect_tensor(entry, "grad_w_" + std::to_string(t) + suffix, grads[static_cast<std::size_t>(t)]);
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 0) << "the file has no DenseShift gradients";
}

}  // namespace
}  // namespace denseshift::kernels
