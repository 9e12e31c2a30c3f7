// Gradients of the methods against automatic differentiation of their surrogates in double precision, written down here
// from the formulas and not from the code under test.

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <map>

#include "core/quant/methods/baselines.h"
#include "tests/core/quant/baselines_support.h"

namespace denseshift {
namespace {

using testing::make;
using testing::named;

const std::vector<std::int64_t> kShape = {5, 4, 3, 3};

/// Double-precision copies of the trained tensors, by name.
using Tensors = std::map<std::string, at::Tensor>;

/// Value of the first argument, gradient of the second.
at::Tensor straight_through(const at::Tensor& value, const at::Tensor& differentiable) {
  return differentiable + (value - differentiable).detach();
}

struct Example {
  std::string method;
  std::int64_t bits;
  std::map<std::string, std::string> options;
  /// Something to differentiate whose gradient is the method's.
  std::function<at::Tensor(const Tensors&)> surrogate;
};

at::Tensor identity(const Tensors& p) { return p.at("weight") * 1; }

at::Tensor ttq(const Tensors& p) {
  const at::Tensor& w = p.at("weight");
  const at::Tensor limit = 0.05 * w.abs().max().detach();
  const at::Tensor up = w.gt(limit).to(at::kDouble);
  const at::Tensor down = w.lt(-limit).to(at::kDouble);
  // The scales' gradient through the levels, the weight's scaled by the level it falls on.
  const at::Tensor levels = up * p.at("w_p") - down * p.at("w_n");
  const at::Tensor slope = (up * p.at("w_p") + down * p.at("w_n") + (1 - up - down)).detach();
  return levels + slope * w - (slope * w).detach();
}

at::Tensor bwn(const Tensors& p) {
  const at::Tensor& w = p.at("weight");
  const auto n = static_cast<double>(w.numel() / w.size(0));
  const at::Tensor alpha = w.abs().mean({1, 2, 3}, true).detach();
  return w * (1 / n + alpha * w.abs().lt(1).to(at::kDouble)).detach();
}

at::Tensor ir_net(const Tensors& p) {
  const at::Tensor& w = p.at("weight");
  const at::Tensor h = (w - w.mean({1, 2, 3}, true)) / w.flatten(1).std(1, true, false).reshape({-1, 1, 1, 1});
  const at::Tensor scale = h.abs().mean({1, 2, 3}, true).log2().round().exp2().detach();
  const quant::EdeParameters ede = quant::ede_parameters(4, 10);
  return scale * ede.k * (ede.t * h).tanh();
}

at::Tensor lsq(const Tensors& p) {
  const double low = -4, high = 3;
  const at::Tensor& w = p.at("weight");
  const double scale = 1 / std::sqrt(static_cast<double>(w.numel()) * high);
  // The step with its gradient scaled.
  const at::Tensor s = p.at("step") * scale + (p.at("step") * (1 - scale)).detach();
  const at::Tensor clipped = (w / s).clamp(low, high);
  return straight_through(clipped.round(), clipped) * s;
}

at::Tensor apot(const Tensors& p) {
  const at::Tensor& w = p.at("weight");
  const at::Tensor h = (w - w.mean()) / w.std();
  const at::Tensor u = (h / p.at("alpha")).clamp(-1, 1);
  const at::Tensor positive = at::tensor({0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0}, at::kDouble);
  const at::Tensor nearest = positive.index({(u.abs().unsqueeze(-1) - positive).abs().argmin(-1)}) * u.sign();
  // dh passes inside the range without the factor alpha * 1/alpha: u has 1/alpha, the product gives it back.
  return straight_through(nearest, u) * p.at("alpha");
}

at::Tensor deepshift_ps(const Tensors& p) {
  const at::Tensor shift = p.at("shift");
  const at::Tensor power = straight_through(shift.round(), shift).exp2();
  const at::Tensor sign = p.at("sign").round().sign().detach();
  // d_sign is g itself, without the factor 2^shift.
  return sign * power + p.at("sign") - p.at("sign").detach();
}

std::vector<Example> examples() {
  return {
      {"twn", 2, {}, identity},
      {"hwgq", 1, {}, identity},
      {"lq-nets", 3, {}, identity},
      {"ste-pot", 4, {}, identity},
      {"deepshift-q", 4, {}, identity},
      {"inq", 4, {}, identity},
      {"sq-twn", 2, {}, identity},
      {"bwhn", 1, {}, identity},
      {"ttq", 2, {}, ttq},
      {"bwn", 1, {{"centre", "off"}}, bwn},
      {"ir-net", 1, {}, ir_net},
      {"lsq", 3, {}, lsq},
      {"apot", 4, {}, apot},
      {"deepshift-ps", 3, {}, deepshift_ps},
  };
}

class Gradient : public ::testing::TestWithParam<std::string> {};

TEST_P(Gradient, IsThatOfTheSurrogate) {
  for (const Example& example : examples()) {
    const auto quantizer = make(example.method, example.bits, kShape, GetParam(), example.options);
    // Wide enough that every method has elements beyond its range.
    ASSERT_TRUE(quantizer->start_from(testing::normal_weight(kShape, 0.6, 21))) << example.method;
    quantizer->on_epoch(4, 10);
    if (example.method == "apot") testing::set(*quantizer, "alpha", at::full({1}, 1.4));
    if (example.method == "deepshift-ps") {
      testing::set(*quantizer, "shift", testing::normal_weight(kShape, 1.0, 3).sub(1).clamp(-2, 0));
      testing::set(*quantizer, "sign", testing::normal_weight(kShape, 1.0, 4));
    }
    const at::Tensor q = quantizer->quantize();
    at::manual_seed(9);
    const at::Tensor grad = at::randn(q.sizes());
    Tensors doubles;
    for (const quant::NamedTensor& p : quantizer->parameters()) {
      doubles[p.name] = p.tensor.detach().to(at::kDouble).requires_grad_(true);
    }
    q.backward(grad);
    example.surrogate(doubles).backward(grad.to(at::kDouble));
    for (const quant::NamedTensor& p : quantizer->parameters()) {
      const at::Tensor expected = doubles.at(p.name).grad();
      const double size = expected.abs().max().item<double>();
      EXPECT_LE((p.tensor.grad().to(at::kDouble) - expected).abs().max().item<double>(), 2e-5 * std::max(size, 1.0))
          << example.method << " " << p.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Implementations, Gradient, ::testing::Values("function", "reference"),
                         [](const auto& info) { return info.param; });

TEST(LrNetGradient, AgreesWithFiniteDifferences) {
  at::manual_seed(4);
  const at::Tensor x = at::randn({2, 4, 5, 5}, at::kDouble);
  const at::Tensor noise = at::randn({2, 3, 5, 5}, at::kDouble);
  const at::Tensor grad = at::randn({2, 3, 5, 5}, at::kDouble);
  const at::Tensor zero = at::randn({3, 4, 3, 3}, at::kDouble).requires_grad_(true);
  const at::Tensor sign = at::randn({3, 4, 3, 3}, at::kDouble).requires_grad_(true);
  const auto loss = [&](const at::Tensor& a, const at::Tensor& b) {
    return (quant::lr_net_convolve(x, a, b, noise, {1, 1, 1, 1}) * grad).sum();
  };
  loss(zero, sign).backward();
  for (const bool which : {false, true}) {
    const at::Tensor& parameter = which ? sign : zero;
    for (const std::int64_t i : {0, 17, 53, 107}) {
      const auto shifted = [&](double by) {
        const at::Tensor moved = parameter.detach().clone();
        moved.view(-1)[i] += by;
        return which ? loss(zero.detach(), moved).item<double>() : loss(moved, sign.detach()).item<double>();
      };
      EXPECT_NEAR(parameter.grad().reshape(-1)[i].item<double>(), (shifted(1e-6) - shifted(-1e-6)) / 2e-6, 1e-6);
    }
  }
}

TEST(LrNet, MeanAndDeviationAreThoseOfSampledWeights) {
  at::manual_seed(8);
  const at::Tensor x = at::randn({1, 6});
  const at::Tensor zero = at::randn({2, 6});
  const at::Tensor sign = at::randn({2, 6});
  const std::int64_t draws = 100'000;
  const at::Tensor nonzero = at::rand({draws, 2, 6}).ge(zero.sigmoid()).to(at::kFloat);
  const at::Tensor side = at::rand({draws, 2, 6}).lt(sign.sigmoid()).to(at::kFloat) * 2 - 1;
  const at::Tensor outputs = (nonzero * side * x).sum(2);
  const auto reshape = [](const at::Tensor& t) { return t.reshape({2, 6, 1, 1}); };
  const auto at_noise = [&](double value) {
    return quant::lr_net_convolve(x.reshape({1, 6, 1, 1}), reshape(zero), reshape(sign), at::full({1, 2, 1, 1}, value),
                                  {1, 0, 1, 1})
        .reshape({2});
  };
  const at::Tensor mean = at_noise(0);
  const at::Tensor deviation = at_noise(1) - mean;  // its variance has 0.001 added
  EXPECT_LE((outputs.mean(0) - mean).abs().max().item<double>(), 0.01);
  EXPECT_LE((outputs.std(0) / deviation - 1).abs().max().item<double>(), 0.01);
}

}  // namespace
}  // namespace denseshift
