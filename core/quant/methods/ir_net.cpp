// IR-Net (Qin et al. 2020): standardised weights, binarised to +-2^s per filter (Libra-PB), with the gradient of a
// tanh that sharpens over the epochs (error decay estimator, EDE).

#include <ATen/ATen.h>

#include <cmath>

#include "core/quant/methods/baselines.h"
#include "core/quant/rows.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

/// h = (w - mean) / std per filter (std with n-1), s = round(log2 mean|h|), q = sign(h) 2^s with sign(0) = +1.
class IrNet final : public StoredWeight {
 public:
  using StoredWeight::StoredWeight;

  void on_epoch(std::int64_t epoch, std::int64_t epochs) override { ede_ = ede_parameters(epoch, epochs); }

  /// dL/dh = g 2^s k t (1 - tanh^2(t h)), then through mean and std to w; 2^s is a constant.
  [[nodiscard]] std::vector<at::Tensor> gradients(const at::Tensor& grad) override {
    return {fused() ? fused_gradient(grad) : composed_gradient(grad)};
  }

 protected:
  [[nodiscard]] StepTable table() const override {
    const at::Tensor weight = weight_.detach();
    const auto n = static_cast<double>(row_size());
    means_.clear();
    for (const kernels::RowStatistics& row : row_statistics(weight)) means_.push_back(static_cast<float>(row.sum / n));
    deviations_.clear();
    std::vector<float> scales;
    for (const kernels::CentredStatistics& row : centred_statistics(weight, means_)) {
      const double deviation = std::sqrt(row.sum_square / std::max(1.0, n - 1));
      // A filter without spread has no standardised form; it stays at +-1.
      deviations_.push_back(deviation > 0 ? static_cast<float>(deviation) : 1.0F);
      const double mean_magnitude = deviation > 0 ? row.sum_abs / n / deviation : 1;
      scales.push_back(static_cast<float>(std::exp2(std::nearbyint(std::log2(mean_magnitude)))));
    }
    StepTable steps;
    steps.steps = 1;
    steps.set_multiples(std::move(scales), {-1, 1});
    for (const float mean : means_) steps.thresholds.push_back(below(mean));
    return steps;
  }

 private:
  [[nodiscard]] at::Tensor fused_gradient(const at::Tensor& grad) const {
    const at::Tensor weight = weight_.detach();
    const at::Tensor g = with_layout_of(weight, grad);
    at::Tensor out = at::empty_like(weight);
    const float* w = row_data(weight);
    float* o = out.data_ptr<float>();
    const float* from = g.data_ptr<float>();
    const std::int64_t n = row_size();
    const auto t = static_cast<float>(ede_.t);
    for_rows(row_count(), n, [&](std::int64_t row) {
      const auto r = static_cast<std::size_t>(row);
      const float factor = t / deviations_[r];
      kernels::affine(w + row * n, n, factor, -means_[r] * factor, o + row * n);
    });
    out.tanh_();
    for_rows(row_count(), n, [&](std::int64_t row) {
      const auto r = static_cast<std::size_t>(row);
      kernels::ede_gradient(from + row * n, w + row * n, n, means_[r], deviations_[r],
                            last_table().scales[r] * static_cast<float>(ede_.k * ede_.t), o + row * n);
    });
    return out;
  }

  [[nodiscard]] at::Tensor composed_gradient(const at::Tensor& grad) const {
    const at::Tensor weight = weight_.detach().contiguous().reshape({row_count(), -1});
    const auto n = static_cast<double>(row_size());
    const auto column = [&](const std::vector<float>& values) {
      return at::tensor(values).to(weight.device()).reshape({-1, 1});
    };
    const at::Tensor deviation = column(deviations_);
    const at::Tensor h = (weight - column(means_)) / deviation;
    const at::Tensor slope = 1 - (h * ede_.t).tanh().square();
    const at::Tensor dh =
        grad.contiguous().reshape(weight.sizes()) * slope * column(last_table().scales) * (ede_.k * ede_.t);
    const at::Tensor along = (dh * h).sum(1, true) / (n - 1);
    return ((dh - dh.mean(1, true) - h * along) / deviation).reshape(weight_.sizes());
  }

  EdeParameters ede_;
  mutable std::vector<float> means_, deviations_;  ///< of the last table
};

}  // namespace

EdeParameters ede_parameters(std::int64_t epoch, std::int64_t epochs) {
  EdeParameters ede;
  ede.t = std::pow(10.0, -1.0 + 2.0 * static_cast<double>(epoch) / static_cast<double>(epochs));
  ede.k = std::max(1 / ede.t, 1.0);
  return ede;
}

Method ir_net_method() {
  Method method;
  method.bits = {1};
  method.default_bits = 1;
  method.levels = "-2^s, +2^s; s per filter, from the weights";
  method.trained = "weight";
  method.start = "random (kaiming)";
  method.notes = "sign(0) = +1; the authors' extra batch norm before the classifier is left out";
  method.own_placement = {false, false, false, ""};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<IrNet>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
