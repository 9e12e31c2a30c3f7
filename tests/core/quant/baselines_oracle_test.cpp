// The entries of the quantizer vectors for the methods that DenseShift is compared with, computed by the fused path and
// by the composition of tensor operations. Entries are chosen by method, kind and the tensors they hold, so that
// another file of the format serves as well.

#include <gtest/gtest.h>

#include "core/quant/methods/baselines.h"
#include "core/util/error.h"
#include "tests/core/quant/baselines_support.h"
#include "tests/core/quant/denseshift_support.h"
#include "tests/support/quantizer_vectors.h"

namespace denseshift {
namespace {

using nlohmann::json;
using testing::expect_tensor;
using testing::make;
using testing::named;
using testing::values_of;

at::Tensor baseline_tensor(const json& value) {
  return at::tensor(testing::tensor(value)).reshape(value.at("shape").get<std::vector<std::int64_t>>());
}

std::vector<json> entries_of(const std::string& method, const std::string& kind) {
  std::vector<json> result;
  for (const json& entry : testing::quantizer_vectors()) {
    if (entry.at("method") == method && entry.at("kind") == kind) result.push_back(entry);
  }
  return result;
}

std::int64_t bits_of(const json& entry) { return entry.at("bits").get<std::int64_t>(); }

/// A quantizer of the entry's bits that starts from its weight.
std::unique_ptr<quant::WeightQuantizer> started(const json& entry, const std::string& method, const std::string& impl,
                                                std::map<std::string, std::string> extra = {}) {
  const at::Tensor weight = baseline_tensor(entry.at("inputs").at("w"));
  auto quantizer = make(method, bits_of(entry), weight.sizes().vec(), impl, std::move(extra));
  EXPECT_TRUE(quantizer->start_from(weight));
  return quantizer;
}

bool has(const json& entry, const char* part, const std::string& name) { return entry.at(part).contains(name); }

/// w_q, and grad_w under the entry's upstream gradient.
void expect_weight_and_gradient(const json& entry, quant::WeightQuantizer& quantizer,
                                const std::string& gradient = "grad_w") {
  const at::Tensor q = quantizer.quantize();
  if (has(entry, "expected", "w_q")) expect_tensor(entry, "w_q", values_of(q));
  if (!has(entry, "inputs", "grad_w_q")) return;
  q.backward(baseline_tensor(entry.at("inputs").at("grad_w_q")));
  expect_tensor(entry, gradient, values_of(named(quantizer, "weight").grad()));
}

/// y, grad_x, and the gradients of the trained tensors through a convolution; `names` maps the file's to ours.
void expect_convolution(const json& entry, quant::WeightQuantizer& quantizer,
                        const std::vector<std::pair<std::string, std::string>>& names) {
  const at::Tensor x = baseline_tensor(entry.at("inputs").at("x")).requires_grad_(true);
  const at::Tensor y = quantizer.convolve(x, {1, entry.at("params").value("padding", 0), 1, 1});
  expect_tensor(entry, "y", values_of(y));
  y.backward(baseline_tensor(entry.at("inputs").at("grad_y")));
  expect_tensor(entry, "grad_x", values_of(x.grad()));
  for (const auto& [theirs, ours] : names) expect_tensor(entry, theirs, values_of(named(quantizer, ours).grad()));
}

class BaselinesOracle : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { DENSESHIFT_SKIP_WITHOUT_VECTORS(); }
  void TearDown() override {
    if (compared_ == 0 && !IsSkipped()) GTEST_SKIP() << "the file has no such entry";
  }
  int compared_ = 0;
};

TEST_P(BaselinesOracle, Twn) {
  for (const json& entry : entries_of("TWN", "weight")) {
    const auto quantizer = started(entry, "twn", GetParam());
    expect_weight_and_gradient(entry, *quantizer);
    if (has(entry, "expected", "alpha")) expect_tensor(entry, "alpha", values_of(quantizer->export_codes().scale));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, Ttq) {
  for (const json& entry : entries_of("TTQ", "weight")) {
    const json& params = entry.at("params");
    const auto quantizer = started(entry, "ttq", GetParam(), {{"t", params.at("t").dump()}});
    testing::set(*quantizer, "w_p", at::full({1}, params.at("Wp").get<double>()));
    testing::set(*quantizer, "w_n", at::full({1}, params.at("Wn").get<double>()));
    expect_weight_and_gradient(entry, *quantizer);
    expect_tensor(entry, "grad_Wp", values_of(named(*quantizer, "w_p").grad()));
    expect_tensor(entry, "grad_Wn_correct", values_of(named(*quantizer, "w_n").grad()));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, Bwn) {
  for (const json& entry : entries_of("BWN", "weight")) {
    for (const char* gradient : {"paper", "torch7"}) {
      const auto quantizer = started(entry, "bwn", GetParam(), {{"centre", "off"}, {"bwn_grad", gradient}});
      expect_weight_and_gradient(entry, *quantizer, std::string("grad_w_") + gradient);
      expect_tensor(entry, "alpha", values_of(quantizer->export_codes().scale));
    }
    const auto centred = started(entry, "bwn", GetParam());
    (void)centred->quantize();
    expect_tensor(entry, "w_centered_clamped", values_of(named(*centred, "weight")));
    expect_tensor(entry, "alpha_after_centering", values_of(centred->export_codes().scale));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, HwgqWeights) {
  for (const json& entry : entries_of("HWGQ", "weight")) {
    const auto quantizer = started(entry, "hwgq", GetParam());
    expect_weight_and_gradient(entry, *quantizer);
    expect_tensor(entry, "alpha", values_of(quantizer->export_codes().scale));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, IrNet) {
  for (const json& entry : entries_of("IR-Net", "weight")) {
    const auto quantizer = started(entry, "ir-net", GetParam());
    // The epoch at which t has the entry's value: t = 10^(-1 + 2 e/E), in thousandths of a training.
    const double t = entry.at("params").at("t").get<double>();
    const double position = (std::log10(t) + 1) / 2;
    quantizer->on_epoch(static_cast<std::int64_t>(std::llround(position * 1e9)), 1'000'000'000);
    expect_tensor(entry, "w_q", values_of(quantizer->quantize()));
    expect_tensor(entry, "scale", values_of(quantizer->export_codes().scale));
    expect_convolution(entry, *quantizer, {{"grad_w", "weight"}});
    ++compared_;
  }
}

TEST_P(BaselinesOracle, IrNetSchedule) {
  for (const json& entry : entries_of("IR-Net", "schedule")) {
    std::vector<double> t, k;
    for (const double epoch : testing::tensor<double>(entry.at("inputs").at("epoch"))) {
      const auto ede =
          quant::ede_parameters(static_cast<std::int64_t>(epoch), entry.at("params").at("epochs").get<std::int64_t>());
      t.push_back(ede.t);
      k.push_back(ede.k);
    }
    expect_tensor(entry, "t", t);
    expect_tensor(entry, "k", k);
    ++compared_;
  }
}

TEST_P(BaselinesOracle, LqNets) {
  for (const json& entry : entries_of("LQ-Nets", "weight")) {
    for (const auto& [theirs, ours] :
         std::vector<std::pair<std::string, std::string>>{{"plain", "plain"}, {"debias", "debiased"}}) {
      const auto quantizer = started(entry, "lq-nets", GetParam(), {{"ema", ours}});
      expect_tensor(entry, "basis_init", values_of(named(*quantizer, "basis")));
      for (int pass = 1; has(entry, "expected", "w_q_" + theirs + "_" + std::to_string(pass)); ++pass) {
        const std::string suffix = theirs + "_" + std::to_string(pass);
        expect_tensor(entry, "w_q_" + suffix, values_of(quantizer->quantize()));
        expect_tensor(entry, "basis_ema_" + suffix, values_of(named(*quantizer, "basis")));
      }
    }
    ++compared_;
  }
}

TEST_P(BaselinesOracle, Inq) {
  for (const json& entry : entries_of("INQ", "weight")) {
    const bool authors = entry.at("params").value("tie_rule", "") == "smaller magnitude";
    const auto quantizer = started(entry, "inq", GetParam(), {{"tie", authors ? "down" : "up"}});
    quantizer->set_training(false);
    const at::Tensor all = quantizer->quantize().detach();
    expect_tensor(entry, has(entry, "expected", "w_q") ? "w_q" : "w_q_all", values_of(all));
    if (has(entry, "expected", "n1")) {
      expect_tensor(entry, "n1", std::vector<double>{named(*quantizer, "top").item<double>()});
    }
    for (const auto& [name, value] : entry.at("expected").items()) {
      const std::string prefix = "frozen_mask_";
      if (name.compare(0, prefix.size(), prefix) != 0) continue;
      const at::Tensor weight = named(*quantizer, "weight").detach();
      const at::Tensor mask = baseline_tensor(value);
      at::Tensor ours = at::zeros(mask.numel());
      for (const std::int64_t i :
           quant::inq_select(weight, at::zeros(weight.sizes(), at::kByte), mask.sum().item<std::int64_t>())) {
        ours[i] = 1;
      }
      expect_tensor(entry, name, values_of(ours));
      const at::Tensor mixed = at::where(ours.reshape(mask.sizes()).ne(0), all, weight);
      // The file's tolerance of zero is meant for its decimals as single-precision numbers.
      const at::Tensor expected = baseline_tensor(entry.at("expected").at("w_after_" + name.substr(prefix.size())));
      EXPECT_TRUE(at::equal(mixed, expected)) << name;
    }
    ++compared_;
  }
}

TEST_P(BaselinesOracle, SqTwn) {
  for (const json& entry : entries_of("SQ-TWN", "weight")) {
    const std::vector<double> draws = testing::tensor<double>(entry.at("inputs").at("uniform_draws"));
    std::size_t next = 0;
    const std::vector<double> errors = testing::tensor<double>(entry.at("expected").at("error"));
    const std::vector<bool> real = quant::choose_by_error(errors, std::ssize(draws), [&] { return draws.at(next++); });
    std::vector<double> mask;
    for (const bool stays : real) mask.push_back(stays ? 0 : 1);
    expect_tensor(entry, "quantized_mask", mask);

    const auto quantizer = started(entry, "sq-twn", GetParam());
    quantizer->set_training(false);
    expect_tensor(entry, "alpha", values_of(quantizer->export_codes().scale));
    const at::Tensor weight = baseline_tensor(entry.at("inputs").at("w"));
    const at::Tensor chosen = at::tensor(mask).reshape({-1, 1, 1, 1}).ne(0);
    expect_tensor(entry, "w_hybrid", values_of(at::where(chosen, quantizer->quantize().detach(), weight)));
    // With half the filters real, one pass in training mixes rows that are all real or all quantized.
    quantizer->set_training(true);
    const at::Tensor mixed = quantizer->quantize().detach();
    std::int64_t stayed = 0;
    for (std::int64_t row = 0; row < weight.size(0); ++row) stayed += at::equal(mixed[row], weight[row]) ? 1 : 0;
    EXPECT_EQ(stayed, weight.size(0) / 2);
    ++compared_;
  }
}

TEST_P(BaselinesOracle, DeepShiftQ) {
  for (const json& entry : entries_of("DeepShift-Q", "weight")) {
    const auto quantizer = started(entry, "deepshift-q", GetParam());
    expect_tensor(entry, "w_q", values_of(quantizer->quantize()));
    expect_tensor(entry, "w_stored_after_forward", values_of(named(*quantizer, "weight")));
    expect_convolution(entry, *quantizer, {{"grad_w", "weight"}});
    ++compared_;
  }
}

TEST_P(BaselinesOracle, DeepShiftPs) {
  for (const json& entry : entries_of("DeepShift-PS", "weight")) {
    const at::Tensor shift = baseline_tensor(entry.at("inputs").at("shift"));
    // The authors' class computes on floating-point inputs here unless the entry says otherwise.
    const auto quantizer = make("deepshift-ps", bits_of(entry), shift.sizes().vec(), GetParam());
    testing::set(*quantizer, "shift", shift);
    testing::set(*quantizer, "sign", baseline_tensor(entry.at("inputs").at("sign")));
    expect_tensor(entry, "w_q", values_of(quantizer->quantize()));
    expect_tensor(entry, "shift_stored_after_forward", values_of(named(*quantizer, "shift")));
    expect_convolution(entry, *quantizer, {{"grad_shift", "shift"}, {"grad_sign", "sign"}});
    ++compared_;
  }
}

TEST_P(BaselinesOracle, StePot) {
  for (const json& entry : entries_of("STE-PoT", "weight")) {
    const auto quantizer = started(entry, "ste-pot", GetParam());
    expect_weight_and_gradient(entry, *quantizer);
    ++compared_;
  }
}

TEST_P(BaselinesOracle, Lsq) {
  for (const json& entry : entries_of("LSQ", "weight")) {
    const auto quantizer = started(entry, "lsq", GetParam());
    const double start = entry.at("params").at("step_init").get<double>();
    EXPECT_NEAR(named(*quantizer, "step").item<double>(), start, 1e-6);
    expect_weight_and_gradient(entry, *quantizer);
    expect_tensor(entry, "grad_step", values_of(named(*quantizer, "step").grad()));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, Apot) {
  for (const json& entry : entries_of("APoT", "weight")) {
    const auto quantizer = started(entry, "apot", GetParam());
    testing::set(*quantizer, "alpha", at::full({1}, entry.at("params").at("alpha").get<double>()));
    expect_weight_and_gradient(entry, *quantizer);
    expect_tensor(entry, "grad_alpha", values_of(named(*quantizer, "alpha").grad()));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, LrNet) {
  for (const json& entry : entries_of("LR-net", "weight")) {
    const json& inputs = entry.at("inputs");
    const at::Tensor zero = baseline_tensor(inputs.at("theta_zero")).requires_grad_(true);
    const at::Tensor sign = baseline_tensor(inputs.at("theta_sign")).requires_grad_(true);
    const at::Tensor y =
        quant::lr_net_convolve(baseline_tensor(inputs.at("x")), zero, sign, baseline_tensor(inputs.at("noise")),
                               {1, entry.at("params").value("padding", 0), 1, 1});
    expect_tensor(entry, "y", values_of(y));
    y.backward(baseline_tensor(inputs.at("grad_y")));
    expect_tensor(entry, "grad_theta_zero", values_of(zero.grad()));
    expect_tensor(entry, "grad_theta_sign", values_of(sign.grad()));
    const auto quantizer = make("lr-net", 2, zero.sizes().vec(), GetParam());
    testing::set(*quantizer, "theta_zero", zero);
    testing::set(*quantizer, "theta_sign", sign);
    expect_tensor(entry, "mean_w", values_of(quantizer->quantize()));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, LrNetHotStart) {
  for (const json& entry : entries_of("LR-net", "init")) {
    const auto [zero, sign] = quant::lr_net_hot_start(baseline_tensor(entry.at("inputs").at("w")));
    expect_tensor(entry, "theta_zero", values_of(zero));
    expect_tensor(entry, "theta_sign", values_of(sign));
    ++compared_;
  }
}

TEST_P(BaselinesOracle, BwhnSolver) {
  for (const json& entry : entries_of("BWHN", "solver")) {
    const at::Tensor x = at::tensor(testing::tensor<double>(entry.at("inputs").at("X")))
                             .reshape(entry.at("inputs").at("X").at("shape").get<std::vector<std::int64_t>>());
    const at::Tensor gram = at::matmul(x, x.t()).contiguous();
    const std::vector<double> weight = testing::tensor<double>(entry.at("inputs").at("w"));
    const quant::BinaryFit fit = quant::bwhn_solve(
        std::vector<double>(gram.data_ptr<double>(), gram.data_ptr<double>() + gram.numel()), weight, 20, true);
    expect_tensor(entry, "b", fit.b);
    expect_tensor(entry, "alpha", std::vector<double>{fit.alpha});
    expect_tensor(entry, "objective_history", fit.history);
    for (std::size_t i = 1; i < fit.history.size(); ++i) EXPECT_LE(fit.history[i], fit.history[i - 1] + 1e-12);
    ++compared_;
  }
}

/// S3's entries; the conv entry names its two gates by their place, "outer" being the last of the recursion.
TEST_P(BaselinesOracle, S3) {
  for (const json& entry : entries_of("S3-Shift", "weight")) {
    const at::Tensor sign = baseline_tensor(entry.at("inputs").at("w_sign"));
    const auto quantizer = make("s3", bits_of(entry), sign.sizes().vec(), GetParam());
    std::vector<std::pair<std::string, std::string>> names;  // theirs, ours
    for (const quant::NamedTensor& p : quantizer->parameters()) {
      std::string theirs = p.name;
      if (has(entry, "inputs", "w_shift_outer")) {
        if (p.name == "w_1") theirs = "w_shift_inner";
        if (p.name == "w_2") theirs = "w_shift_outer";
      }
      testing::set(*quantizer, p.name, baseline_tensor(entry.at("inputs").at(theirs)));
      names.emplace_back("grad_" + theirs, p.name);
    }
    quantizer->state_changed();
    expect_tensor(entry, "w_q", values_of(quantizer->quantize()));
    if (has(entry, "inputs", "x")) {
      expect_convolution(entry, *quantizer, names);
      const double penalty = entry.at("params").value("reg_alpha", 1e-5);
      EXPECT_EQ(penalty, 1e-5) << "the method's standard";
      for (const quant::NamedTensor& p : quantizer->parameters()) p.tensor.mutable_grad() = at::Tensor();
      const at::Tensor value = quantizer->regularizer();
      expect_tensor(entry, "reg_value", values_of(value));
      value.backward();
      expect_tensor(entry, "reg_grad_w_sparse", values_of(named(*quantizer, "w_sparse").grad()));
    } else {
      quantizer->quantize().backward(baseline_tensor(entry.at("inputs").at("grad_w_q")));
      for (const auto& [theirs, ours] : names) expect_tensor(entry, theirs, values_of(named(*quantizer, ours).grad()));
    }
    ++compared_;
  }
}

INSTANTIATE_TEST_SUITE_P(Implementations, BaselinesOracle, ::testing::Values("function", "reference"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace denseshift
