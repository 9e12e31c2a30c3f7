#include "core/quant/denseshift_quantizer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <array>
#include <atomic>
#include <cmath>

#include "core/quant/elements.h"
#include "core/quant/fp32.h"

namespace denseshift::quant {
namespace {

constexpr double kLowVarianceStd = 1e-3;
DenseShiftQuantizer::Impl parse_impl(const std::string& text) {
  if (text == "auto" || text == "leaf") return DenseShiftQuantizer::Impl::leaf;
  if (text == "function") return DenseShiftQuantizer::Impl::function;
  if (text == "reference") return DenseShiftQuantizer::Impl::reference;
  throw usage_error("impl: unknown value '" + text + "'", suggestion(text, {"auto", "leaf", "function", "reference"}));
}

kernels::GradientMode parse_gradient(const std::string& text) {
  if (text == "surrogate") return kernels::GradientMode::surrogate;
  if (text == "sign_only") return kernels::GradientMode::sign_only;
  if (text == "none") return kernels::GradientMode::none;
  throw usage_error("gradient: unknown value '" + text + "'", suggestion(text, {"surrogate", "sign_only", "none"}));
}

kernels::ZeroConvention parse_zero(const std::string& text) {
  if (text == "paper") return kernels::ZeroConvention::paper;
  if (text == "code") return kernels::ZeroConvention::code;
  throw usage_error("zero_convention: unknown value '" + text + "'", suggestion(text, {"paper", "code"}));
}

std::vector<const float*> const_pointers(const std::vector<at::Tensor>& tensors) {
  std::vector<const float*> pointers;
  for (const at::Tensor& tensor : tensors) pointers.push_back(tensor.data_ptr<float>());
  return pointers;
}

std::vector<float*> pointers(const std::vector<at::Tensor>& tensors) {
  std::vector<float*> result;
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.data_ptr<float>());
  return result;
}

/// A gradient may come back in another memory format than the weight; raw loops need equal strides.
at::Tensor matched(const at::Tensor& grad, const at::Tensor& weight) {
  if (grad.strides() == weight.strides() && grad.scalar_type() == at::kFloat) return grad;
  return at::empty_like(weight, at::kFloat).copy_(grad);
}

}  // namespace

int gates_of_bits(std::int64_t bits) { return (1 << (bits - 1)) - 1; }

std::int64_t unnormalized_shift_bias(std::int64_t fan_in, std::int64_t bits, double gain, bool sparse) {
  const int gates = gates_of_bits(bits) - (sparse ? 1 : 0);
  const double mean_square = (1.5 * std::ldexp(1.0, gates) - 0.5) * (sparse ? 0.5 : 1);
  return -std::llround(0.5 * std::log2(static_cast<double>(fan_in) * mean_square / gain));
}

DenseShiftQuantizer::DenseShiftQuantizer(const std::vector<std::int64_t>& shape, const MethodOptions& options)
    : bits_(options.wbits), init_(options.init), impl_(parse_impl(options.impl)) {
  spec_.sparse = options.method == "s3";
  spec_.gates = gates_of_bits(bits_) - (spec_.sparse ? 1 : 0);
  spec_.shift_bias = static_cast<int>(options.shift_bias);
  if (spec_.sparse) {
    spec_.gradient = kernels::GradientMode::none;
    spec_.zero = kernels::ZeroConvention::code;
    penalty_ = static_cast<float>(option_number(s3_method(), options, "sparse_penalty", 0, 1));
  } else {
    spec_.gradient = parse_gradient(options.gradient);
    spec_.zero = parse_zero(options.zero_convention);
  }
  const bool on_leaf = impl_ == Impl::leaf;
  for (int r = 0; r < spec_.references(); ++r) references_.push_back(at::zeros(shape).requires_grad_(!on_leaf));
  if (on_leaf) {
    leaf_ = at::empty(shape);
    codes_ = at::empty(shape, at::kByte);
    DenseShiftQuantizer::state_changed();
    leaf_.requires_grad_(true);
  }
}

std::vector<double> DenseShiftQuantizer::levels() const {
  std::vector<double> levels;
  for (int s = spec_.gates; s >= 0; --s) levels.push_back(-std::ldexp(1.0, s + spec_.shift_bias));
  if (spec_.sparse) levels.push_back(0);
  for (int s = 0; s <= spec_.gates; ++s) levels.push_back(std::ldexp(1.0, s + spec_.shift_bias));
  return levels;
}

std::vector<NamedTensor> DenseShiftQuantizer::parameters() const {
  std::vector<NamedTensor> named{{"w_sign", references_[0]}};
  if (spec_.sparse) named.push_back({"w_sparse", references_[1]});
  for (int t = 1; t <= spec_.gates; ++t) {
    named.push_back({"w_" + std::to_string(t), references_[named.size()]});
  }
  return named;
}

void DenseShiftQuantizer::initialize(at::Generator generator) {
  const at::NoGradGuard no_grad;
  const double std = init_ == "lvr" ? kLowVarianceStd : kaiming_std(references_[0].sizes().vec());
  for (at::Tensor& reference : references_) reference.normal_(0, std, generator);
  state_changed();
}

void DenseShiftQuantizer::state_changed() {
  if (impl_ != Impl::leaf) {
    for (const at::Tensor& reference : references_) {
      if (reference.detach().isnan().any().item<bool>()) throw work_error("a reference weight is NaN");
    }
    return;
  }
  // A load may have changed the memory format of the references; leaf and codes follow.
  if (leaf_.strides() != references_[0].strides()) {
    const at::NoGradGuard no_grad;
    leaf_.set_data(at::empty_like(references_[0].detach()));
    codes_ = at::empty_like(references_[0].detach(), at::kByte);
  }
  const std::vector<const float*> references = const_pointers(references_);
  float* weight = leaf_.data_ptr<float>();
  std::uint8_t* codes = codes_.data_ptr<std::uint8_t>();
  std::atomic<bool> valid{true};
  at::parallel_for(0, codes_.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
    if (!kernels::quantize(spec_, references.data(), weight, codes, begin, end)) valid = false;
  });
  if (!valid) throw work_error("a reference weight is NaN");
}

at::Tensor DenseShiftQuantizer::quantize() {
  switch (impl_) {
    case Impl::leaf:
      return leaf_;
    case Impl::function:
      return denseshift_fused(references_, spec_);
    case Impl::reference:
      break;
  }
  return denseshift_composed(references_, spec_);
}

at::Tensor DenseShiftQuantizer::codes() {
  if (impl_ == Impl::leaf) return codes_;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> host;
  for (const at::Tensor& reference : references_) host.push_back(reference.detach().to(at::kCPU).contiguous());
  at::Tensor codes = at::empty(host[0].sizes(), at::kByte);
  const std::vector<const float*> references = const_pointers(host);
  if (!kernels::quantize(spec_, references.data(), nullptr, codes.data_ptr<std::uint8_t>(), 0, codes.numel())) {
    throw work_error("a reference weight is NaN");
  }
  return codes;
}

at::Tensor DenseShiftQuantizer::exponents() {
  const at::Tensor code = codes().contiguous();
  at::Tensor result = at::empty(code.sizes(), at::kChar);
  const std::uint8_t* from = code.data_ptr<std::uint8_t>();
  std::int8_t* to = result.data_ptr<std::int8_t>();
  for (std::int64_t i = 0; i < code.numel(); ++i) {
    to[i] = static_cast<std::int8_t>(kernels::shift_of_code(from[i], spec_.gates) + spec_.shift_bias);
  }
  return result;
}

ExportedCodes DenseShiftQuantizer::export_codes() {
  const at::Tensor code = codes().contiguous();
  ExportedCodes exported;
  exported.bits = bits_;
  exported.codes = at::empty(code.sizes(), at::kByte);
  const float scale = std::ldexp(1.0F, spec_.shift_bias);
  exported.scale = at::full({1}, scale);
  for (int s = spec_.gates; s >= 0; --s) exported.integers.push_back(-(std::int64_t{1} << s));
  if (spec_.sparse) exported.integers.push_back(0);
  for (int s = 0; s <= spec_.gates; ++s) exported.integers.push_back(std::int64_t{1} << s);
  std::vector<float> book;
  for (const std::int64_t integer : exported.integers) book.push_back(scale * static_cast<float>(integer));
  exported.codebook = at::tensor(book).reshape({1, -1});
  // Levels ascend: the negative ones from the largest shift down, zero, the positive ones.
  const int first_positive = spec_.gates + (spec_.sparse ? 2 : 1);
  std::array<std::uint8_t, 256> level{};
  for (int c = 0; c < 256; ++c) {
    const int shift = kernels::shift_of_code(static_cast<std::uint8_t>(c), spec_.gates);
    const bool zero = spec_.sparse && ((c >> (spec_.gates + 1)) & 1) == 0;
    const bool negative = (c & 1) != 0;
    level[static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(zero       ? spec_.gates + 1
                                                                   : negative ? spec_.gates - shift
                                                                              : first_positive + shift);
  }
  const std::uint8_t* from = code.data_ptr<std::uint8_t>();
  auto* to = exported.codes.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < code.numel(); ++i) to[i] = level[from[i]];
  return exported;
}

at::Tensor DenseShiftQuantizer::regularizer() {
  if (penalty_ == 0) return {};
  if (impl_ == Impl::leaf) {
    ++pending_penalties_;
    return {};
  }
  return references_[1].neg().relu().sum().mul(penalty_);
}

double DenseShiftQuantizer::gradient_square_sum() {
  const at::Tensor grad = matched(leaf_.grad(), leaf_);
  const float* g = grad.data_ptr<float>();
  const std::uint8_t* codes = codes_.data_ptr<std::uint8_t>();
  kernels::DenseShiftSpec spec = spec_;
  spec.sparse_penalty = penalty_ * static_cast<float>(pending_penalties_);
  const float* sparse = spec.sparse ? references_[1].data_ptr<float>() : nullptr;
  return kernels::gradient_square_sum(spec, g, codes, sparse, 0, codes_.numel());
}

void DenseShiftQuantizer::sgd_step(const SgdOptions& options, const std::vector<at::Tensor>& momenta) {
  const at::Tensor grad = matched(leaf_.grad(), leaf_);
  const kernels::SgdStep step{static_cast<float>(options.lr), static_cast<float>(options.momentum),
                              static_cast<float>(options.weight_decay), static_cast<float>(options.grad_scale),
                              options.nesterov};
  const std::vector<float*> references = pointers(references_);
  const std::vector<float*> momentum = pointers(momenta);
  const float* g = grad.data_ptr<float>();
  float* weight = leaf_.data_ptr<float>();
  std::uint8_t* codes = codes_.data_ptr<std::uint8_t>();
  kernels::DenseShiftSpec spec = spec_;
  spec.sparse_penalty = penalty_ * static_cast<float>(pending_penalties_);
  pending_penalties_ = 0;
  std::atomic<bool> valid{true};
  at::parallel_for(0, codes_.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
    if (!kernels::sgd_step(spec, step, g, references.data(), momentum.empty() ? nullptr : momentum.data(), weight,
                           codes, begin, end)) {
      valid = false;
    }
  });
  if (!valid) throw work_error("a reference weight became NaN");
}

Method denseshift_method() {
  Method method;
  method.bits = {2, 3, 4};
  method.default_bits = 3;
  method.levels = "+-1 .. +-2^T, T = 2^(bits-1) - 1; no zero";
  method.trained = "w_sign, w_1 .. w_T";
  method.start = "random: lvr (paper) or kaiming";
  method.notes = "T at 4 bits is deduced from 2^bits levels; shift_bias and the freezing metric are ours";
  method.default_init = "lvr";
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<DenseShiftQuantizer>(shape, options);
  };
  return method;
}

Method s3_method() {
  Method method;
  method.bits = {2, 3, 4};
  method.default_bits = 3;
  method.levels = "0, +-1 .. +-2^T, T = 2^(bits-1) - 2";
  method.trained = "w_sign, w_sparse, w_1 .. w_T";
  method.start = "random (kaiming)";
  method.notes = "T at 4 bits is deduced from 2^bits - 1 levels; gates are numbered from the inside";
  method.options = {{"sparse_penalty", "1e-5", {}, "factor of the penalty sum(max(-w_sparse, 0)) on zero weights"}};
  method.make = denseshift_method().make;
  return method;
}

}  // namespace denseshift::quant
