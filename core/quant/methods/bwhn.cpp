// BWHN (Hu et al. 2018, binary weight networks via hashing), in our reading (design/methods 8: no code exists and the
// text could not be obtained beyond its introduction): each filter's binary code is solved for on samples of the
// layer's input so that inner products with the trained weight are kept; afterwards the network is fine-tuned with
// q = alpha sgn(w), alpha = mean|w|, and the gradient passed unchanged.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "core/quant/methods/baselines.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

class Bwhn final : public StoredWeight {
 public:
  Bwhn(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        patches_(static_cast<std::int64_t>(option_number(bwhn_method(), options, "patches", 0, 1e9))),
        sweeps_(static_cast<int>(option_number(bwhn_method(), options, "sweeps", 1, 10000))) {}

  [[nodiscard]] bool calibrates() const override { return patches_ > 0; }
  [[nodiscard]] bool wants_samples() const override { return gram_.defined() && seen_ < patches_; }

  void begin_calibration() override {
    const at::NoGradGuard no_grad;
    gram_ = at::zeros({row_size(), row_size()}, weight_.options().requires_grad(false));
    seen_ = 0;
  }

  at::Tensor convolve(const at::Tensor& input, const ConvGeometry& g) override {
    if (wants_samples() && g.groups == 1) {
      collect(at::im2col(input.detach().to(at::kFloat), {weight_.size(2), weight_.size(3)}, {g.dilation, g.dilation},
                         {g.padding, g.padding}, {g.stride, g.stride}));
    }
    return StoredWeight::convolve(input, g);
  }

  at::Tensor apply_linear(const at::Tensor& input, const at::Tensor& bias) override {
    if (wants_samples()) collect(input.detach().to(at::kFloat).unsqueeze(2));
    return StoredWeight::apply_linear(input, bias);
  }

  void end_calibration() override {
    const at::NoGradGuard no_grad;
    if (seen_ > 0) solve();
    gram_ = at::Tensor();
  }

 protected:
  [[nodiscard]] StepTable table() const override {
    StepTable steps;
    std::vector<float> scales;
    for (const kernels::RowStatistics& row : row_statistics(weight_.detach())) {
      scales.push_back(static_cast<float>(row.sum_abs / static_cast<double>(row_size())));
    }
    steps.set_multiples(std::move(scales), {-1, 1});
    steps.steps = 1;
    steps.thresholds.assign(static_cast<std::size_t>(steps.rows), below(0));
    return steps;
  }

 private:
  /// `columns` (N, row_size, positions): every patch, until there are enough.
  void collect(const at::Tensor& columns) {
    const at::NoGradGuard no_grad;
    at::Tensor patches = columns.transpose(1, 2).reshape({-1, row_size()});
    patches = patches.slice(0, 0, std::min(patches.size(0), patches_ - seen_));
    gram_.addmm_(patches.t(), patches);
    seen_ += patches.size(0);
  }

  void solve() {
    const at::Tensor gram64 = gram_.to(at::kDouble).cpu().contiguous();
    const double* g = gram64.data_ptr<double>();
    const std::vector<double> gram(g, g + gram64.numel());
    const at::Tensor weight64 = weight_.detach().cpu().contiguous().to(at::kDouble);
    at::Tensor solved = at::empty(weight_.sizes());
    const std::int64_t n = row_size();
    at::parallel_for(0, row_count(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const double* w = weight64.data_ptr<double>() + row * n;
        const BinaryFit fit = bwhn_solve(gram, std::vector<double>(w, w + n), sweeps_, false);
        float* out = solved.data_ptr<float>() + row * n;
        for (std::int64_t i = 0; i < n; ++i) {
          out[i] = static_cast<float>(fit.alpha * fit.b[static_cast<std::size_t>(i)]);
        }
      }
    });
    weight_.copy_(solved);
  }

  std::int64_t patches_;
  int sweeps_;
  at::Tensor gram_;  ///< sum of patch patch^T; defined while collecting
  std::int64_t seen_ = 0;
};

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<double> times(const std::vector<double>& matrix, const std::vector<double>& vector) {
  const std::size_t n = vector.size();
  std::vector<double> result(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) result[i] += matrix[i * n + j] * vector[j];
  }
  return result;
}

}  // namespace

BinaryFit bwhn_solve(const std::vector<double>& gram, const std::vector<double>& weight, int sweeps,
                     bool keep_history) {
  const std::size_t n = weight.size();
  const std::vector<double> target = times(gram, weight);  // r
  const double target_norm = dot(weight, target);          // |X^T w|^2
  BinaryFit fit;
  fit.b.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    fit.b[i] = weight[i] >= 0 ? 1 : -1;
    fit.alpha += std::fabs(weight[i]) / static_cast<double>(n);
  }
  std::vector<double> product = times(gram, fit.b);  // G b, kept up to date
  const auto objective = [&] {
    return target_norm - 2 * fit.alpha * dot(fit.b, target) + fit.alpha * fit.alpha * dot(fit.b, product);
  };
  if (keep_history) fit.history.push_back(objective());
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    const double norm = dot(fit.b, product);
    if (norm > 0) fit.alpha = std::max(0.0, dot(fit.b, target) / norm);
    if (keep_history) fit.history.push_back(objective());
    bool flipped = false;
    for (std::size_t j = 0; j < n; ++j) {
      const double others = product[j] - gram[j * n + j] * fit.b[j];
      const double pull = fit.alpha * (target[j] - fit.alpha * others);
      if (pull == 0 || (pull > 0) == (fit.b[j] > 0)) continue;
      fit.b[j] = -fit.b[j];
      flipped = true;
      for (std::size_t i = 0; i < n; ++i) product[i] += 2 * fit.b[j] * gram[j * n + i];
    }
    if (!flipped) break;
  }
  const double norm = dot(fit.b, product);
  if (norm > 0) fit.alpha = std::max(0.0, dot(fit.b, target) / norm);
  if (keep_history) fit.history.push_back(objective());
  return fit;
}

Method bwhn_method() {
  Method method;
  method.bits = {1};
  method.default_bits = 1;
  method.levels = "-alpha, +alpha; alpha per filter";
  method.trained = "weight";
  method.start = "a trained network, then codes solved on samples of the layers' inputs (the table says random)";
  method.notes =
      "our reading throughout: solver order, samples (training images, inputs behind the layers already solved), "
      "fine-tuning with the gradient passed unchanged";
  method.needs_pretrained = true;
  method.own_placement = {false, true, false, "unknown, taken as the paper's"};
  method.options = {{"patches", "200000", {}, "input patches per layer that the codes are solved on; 0: no solver"},
                    {"sweeps", "20", {}, "most passes over a filter's code"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<Bwhn>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
