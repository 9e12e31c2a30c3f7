// SQ-TWN (Dong et al. 2017, stochastic quantization of ternary weights): in each pass a share of the filters is
// quantized, chosen with probability by their error; the share grows from stage to stage until it is all of them.

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "core/quant/methods/baselines.h"
#include "core/quant/rows.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

/// Ternary with D = 0.7 mean|w - mean(w)| over the layer and a = mean |w| over the kept elements of each filter.
class SqTwn final : public StoredWeight {
 public:
  SqTwn(const std::vector<std::int64_t>& shape, const MethodOptions& options)
      : StoredWeight(shape, options),
        ratios_(parse_portions("ratios", option_value(sq_twn_method(), options, "ratios"))),
        stage_(at::zeros({}, at::kLong)) {}

  [[nodiscard]] std::vector<NamedTensor> buffers() const override { return {{"stage", stage_}}; }
  [[nodiscard]] std::int64_t stages() const override { return std::ssize(ratios_); }
  void on_stage(std::int64_t stage) override { stage_.fill_(std::min(stage, stages() - 1)); }

 protected:
  void prepare() override {
    const auto stage = static_cast<std::size_t>(std::clamp<std::int64_t>(stage_.item<std::int64_t>(), 0, stages() - 1));
    const auto real = static_cast<std::int64_t>((1 - ratios_[stage]) * static_cast<double>(row_count()));
    pass_ = ternary();
    if (real == 0) return;
    const at::Tensor draws = at::rand({real}, at::kDouble);
    const double* draw = draws.data_ptr<double>();
    pass_.real = choose_by_error(errors(pass_), real, [&] { return *draw++; });
  }
  /// In training the steps that prepare() found, with its choice of filters.
  [[nodiscard]] StepTable table() const override { return training() && pass_.steps > 0 ? pass_ : ternary(); }

 private:
  [[nodiscard]] StepTable ternary() const {
    const at::Tensor weight = weight_.detach();
    const auto count = static_cast<double>(weight.numel());
    const std::vector<kernels::RowStatistics> rows = row_statistics(weight);
    magnitudes_.clear();
    for (const kernels::RowStatistics& row : rows) magnitudes_.push_back(row.sum_abs);
    const auto mean = static_cast<float>(total(rows).sum / count);
    const auto threshold = static_cast<float>(0.7 * total(centred_statistics(weight, {mean})).sum_abs / count);
    std::vector<float> scales;
    for (const kernels::KeptStatistics& row : kept_statistics(weight, threshold)) {
      scales.push_back(row.count == 0 ? 0.0F : static_cast<float>(row.sum_abs / static_cast<double>(row.count)));
    }
    StepTable steps;
    steps.steps = 2;
    steps.set_multiples(std::move(scales), {-1, 0, 1});
    const std::vector<float> thresholds = mirrored({threshold});
    for (std::int64_t row = 0; row < steps.rows; ++row) {
      steps.thresholds.insert(steps.thresholds.end(), thresholds.begin(), thresholds.end());
    }
    return steps;
  }

  /// Relative error of each filter, |w - q|_1 / |w|_1.
  [[nodiscard]] std::vector<double> errors(const StepTable& steps) const {
    const at::Tensor weight = weight_.detach().cpu();
    std::vector<double> result(static_cast<std::size_t>(row_count()));
    const float* w = row_data(weight);
    const std::int64_t n = row_size();
    for_rows(row_count(), n, [&](std::int64_t row) {
      const auto r = static_cast<std::size_t>(row);
      const float scale = steps.scales[r];
      const float threshold = steps.thresholds[1];
      const double all = magnitudes_[r];
      result[r] = all > 0 ? kernels::ternary_error(w + row * n, n, threshold, scale) / all : 0;
    });
    return result;
  }

  std::vector<double> ratios_;
  mutable std::vector<double> magnitudes_;  ///< |w|_1 of each filter, of the last table
  at::Tensor stage_;
  StepTable pass_;  ///< of the present pass in training
};

}  // namespace

std::vector<bool> choose_by_error(const std::vector<double>& errors, std::int64_t count,
                                  const std::function<double()>& uniform) {
  std::vector<bool> chosen(errors.size(), false);
  for (std::int64_t pick = 0; pick < count; ++pick) {
    double left = 0;
    for (std::size_t i = 0; i < errors.size(); ++i) left += chosen[i] ? 0 : errors[i];
    const double target = uniform() * left;
    double passed = 0;
    std::size_t last = errors.size();
    for (std::size_t i = 0; i < errors.size(); ++i) {
      if (chosen[i]) continue;
      last = i;
      passed += errors[i];
      if (passed > target) break;
    }
    if (last < errors.size()) chosen[last] = true;
  }
  return chosen;
}

std::vector<double> parse_portions(const std::string& key, const std::string& text) {
  std::vector<double> values;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    double value = 0;
    const auto [end, code] = std::from_chars(text.data() + from, text.data() + comma, value);
    const bool ascends = values.empty() || value > values.back();
    if (code != std::errc() || end != text.data() + comma || !(value > 0 && value <= 1) || !ascends) {
      throw usage_error(fmt::format("method_option: {}={} is no ascending list of numbers above 0 up to 1", key, text),
                        fmt::format("for example {}=0.5,0.75,1", key));
    }
    values.push_back(value);
    from = comma + 1;
  }
  if (values.back() != 1) throw usage_error(fmt::format("method_option: {}={} does not end with 1", key, text));
  return values;
}

Method sq_twn_method() {
  Method method;
  method.bits = {2};
  method.default_bits = 2;
  method.levels = "-a, 0, +a (3 levels counted as 2 bits); threshold per layer, a per filter";
  method.trained = "weight";
  method.start = "random (kaiming)";
  method.notes = "epochs are shared out evenly among the stages; the authors train each stage in full";
  method.own_placement = {true, true, true, ""};
  method.options = {{"ratios", "0.5,0.75,0.875,1", {}, "share of filters quantized in each stage"}};
  method.make = [](const std::vector<std::int64_t>& shape, const MethodOptions& options) {
    return std::make_unique<SqTwn>(shape, options);
  };
  return method;
}

}  // namespace denseshift::quant
