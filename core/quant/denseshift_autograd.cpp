// The two implementations of DenseShift weights that live inside the autograd graph.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <atomic>
#include <cmath>
#include <numbers>

#include "core/quant/denseshift_quantizer.h"
#include "core/quant/elements.h"

namespace denseshift::quant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// H(x) = 1 for x > 0, else 0, with the gradient passed unchanged (no clipping, design/methods 3.3).
struct Gate : torch::autograd::Function<Gate> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x) { return x.gt(0).to(x.scalar_type()); }
  static variable_list backward(AutogradContext*, variable_list grad) { return {grad[0]}; }
};

/// Sign with the gradient passed unchanged.
struct Sign : torch::autograd::Function<Sign> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x, bool zero_is_positive) {
    const at::Tensor positive = zero_is_positive ? x.ge(0) : x.gt(0);
    return positive.to(x.scalar_type()).mul_(2).sub_(1);
  }
  static variable_list backward(AutogradContext*, variable_list grad) { return {grad[0], at::Tensor()}; }
};

/// 2^S for whole S >= 0, exact, with the ordinary derivative ln2 2^S.
struct PowerOfTwo : torch::autograd::Function<PowerOfTwo> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& s) {
    const at::Tensor table =
        at::pow(2, at::arange(kernels::kMaxGates + 1, s.options().dtype(at::kDouble))).to(s.scalar_type());
    at::Tensor power = table.index({s.to(at::kLong)});
    context->save_for_backward({power});
    return power;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    return {grad[0].mul(context->get_saved_variables()[0]).mul(std::numbers::ln2)};
  }
};

/// Value of the first argument, gradient to the second: the "overwrite the value" step of the authors' code.
struct Replace : torch::autograd::Function<Replace> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& value, const at::Tensor&) { return value.clone(); }
  static variable_list backward(AutogradContext*, variable_list grad) { return {at::Tensor(), grad[0]}; }
};

struct FusedGates : torch::autograd::Function<FusedGates> {
  static at::Tensor forward(AutogradContext* context, at::TensorList references, const kernels::DenseShiftSpec& spec) {
    at::Tensor weight = at::empty_like(references[0]);
    at::Tensor codes = at::empty_like(references[0], at::kByte);
    std::vector<const float*> inputs;
    for (const at::Tensor& reference : references) {
      TORCH_CHECK(reference.strides() == weight.strides(), "references of one layer must have equal strides");
      inputs.push_back(reference.data_ptr<float>());
    }
    float* w = weight.data_ptr<float>();
    std::uint8_t* c = codes.data_ptr<std::uint8_t>();
    std::atomic<bool> valid{true};
    at::parallel_for(0, weight.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
      if (!kernels::quantize(spec, inputs.data(), w, c, begin, end)) valid = false;
    });
    if (!valid) throw work_error("a reference weight is NaN");
    context->save_for_backward({codes});
    context->saved_data["gates"] = static_cast<std::int64_t>(spec.gates);
    context->saved_data["gradient"] = static_cast<std::int64_t>(spec.gradient);
    context->saved_data["bias"] = static_cast<std::int64_t>(spec.shift_bias);
    context->saved_data["sparse"] = spec.sparse;
    return weight;
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    const at::Tensor codes = context->get_saved_variables()[0];
    kernels::DenseShiftSpec spec;
    spec.gates = static_cast<int>(context->saved_data["gates"].toInt());
    spec.gradient = static_cast<kernels::GradientMode>(context->saved_data["gradient"].toInt());
    spec.shift_bias = static_cast<int>(context->saved_data["bias"].toInt());
    spec.sparse = context->saved_data["sparse"].toBool();
    const at::Tensor g =
        grad[0].strides() == codes.strides() ? grad[0] : at::empty_like(codes, at::kFloat).copy_(grad[0]);
    variable_list grads;
    std::vector<float*> outputs;
    for (int r = 0; r < spec.references(); ++r) {
      grads.push_back(at::empty_like(g));
      outputs.push_back(grads.back().data_ptr<float>());
    }
    const float* upstream = g.data_ptr<float>();
    const std::uint8_t* c = codes.data_ptr<std::uint8_t>();
    at::parallel_for(0, g.numel(), kPiece, [&](std::int64_t begin, std::int64_t end) {
      kernels::expand_gradient(spec, upstream, c, outputs.data(), begin, end);
    });
    grads.emplace_back();  // the specification has no gradient
    return grads;
  }
};

}  // namespace

at::Tensor denseshift_composed(const std::vector<at::Tensor>& references, const kernels::DenseShiftSpec& spec) {
  at::Tensor shift = at::zeros_like(references[0], at::MemoryFormat::Preserve).detach();
  for (std::size_t t = spec.sparse ? 2 : 1; t < references.size(); ++t) {
    shift = Gate::apply(references[t]).mul(shift.add(1));
  }
  const at::Tensor sign = Sign::apply(references[0], spec.zero == kernels::ZeroConvention::code);
  if (spec.sparse) {
    const at::Tensor nonzero = Gate::apply(references[1]);
    const at::Tensor product = sign.mul(nonzero).mul(PowerOfTwo::apply(shift));
    const at::NoGradGuard no_grad;
    // A zero weight is +0 whatever its sign reference.
    const at::Tensor weight = product.detach().mul(std::ldexp(1.0, spec.shift_bias)).masked_fill(nonzero.eq(0), 0);
    const at::AutoGradMode with_grad(product.requires_grad());
    return Replace::apply(weight, product);
  }

  at::Tensor differentiable;
  switch (spec.gradient) {
    case kernels::GradientMode::surrogate:
      differentiable = sign.mul(shift.add(1).sqrt());
      break;
    case kernels::GradientMode::sign_only:
      // d_sign = g sqrt(S+1) and d_S = g s ln2 2^S come from two terms, each with the other factor held constant.
      differentiable = sign.mul(shift.detach().add(1).sqrt()).add(sign.detach().mul(PowerOfTwo::apply(shift)));
      break;
    case kernels::GradientMode::none:
      differentiable = sign.mul(PowerOfTwo::apply(shift));
      break;
  }
  const at::NoGradGuard no_grad;
  const at::Tensor value = sign.detach().mul(PowerOfTwo::apply(shift.detach())).mul_(std::ldexp(1.0, spec.shift_bias));
  const at::AutoGradMode with_grad(differentiable.requires_grad());
  return Replace::apply(value, differentiable);
}

at::Tensor denseshift_fused(const std::vector<at::Tensor>& references, const kernels::DenseShiftSpec& spec) {
  return FusedGates::apply(at::TensorList(references), spec);
}

}  // namespace denseshift::quant
