#pragma once
// Methods that keep one real tensor per weight ("weight") and quantize it by a step function of each element, with
// thresholds and levels per output filter or per layer: all but the sign-scale methods, DeepShift-PS and LR-net.
//
// A method says what the steps are (table()) and what the gradient is; this class applies them: fused kernels on the
// CPU, the composition of tensor operations elsewhere and with impl=reference.

#include <vector>

#include "core/kernels/step_weights.h"
#include "core/quant/methods.h"

namespace denseshift::quant {

/// The step function of one layer. Row r is output filter r, or the whole layer when there is one row.
struct StepTable {
  std::int64_t rows = 1;
  int steps = 0;                              ///< thresholds per row
  std::vector<float> thresholds;              ///< rows x steps, ascending
  std::vector<float> levels;                  ///< rows x (steps + 1)
  std::vector<std::int64_t> integers{};       ///< per code: level = scale of the row * integer; empty: no such form
  std::vector<float> scales{};                ///< rows; with integers only
  std::vector<std::uint8_t> level_of_code{};  ///< codes that share a level; empty: each code is a level
  std::vector<bool> real{};                   ///< rows that stay in full precision in this pass; empty: none

  /// Sets levels from scales and integers.
  void set_multiples(std::vector<float> row_scales, std::vector<std::int64_t> multiples);
};

/// The float below x: `w > below(x)` is `w >= x`.
[[nodiscard]] float below(float x);

/// Thresholds that mirror `positive` (ascending, for w > t) on the negative side, so that levels are symmetric and a
/// magnitude equal to a threshold stays on the side of zero.
[[nodiscard]] std::vector<float> mirrored(const std::vector<float>& positive);

/// Statistics of the rows of a weight, on any device.
[[nodiscard]] std::vector<kernels::RowStatistics> row_statistics(const at::Tensor& weight);
[[nodiscard]] std::vector<kernels::KeptStatistics> kept_statistics(const at::Tensor& weight, float threshold);
/// `centres` holds one value, or one per row.
[[nodiscard]] std::vector<kernels::CentredStatistics> centred_statistics(const at::Tensor& weight,
                                                                         const std::vector<float>& centres);
/// The same over the whole layer.
[[nodiscard]] kernels::RowStatistics total(const std::vector<kernels::RowStatistics>& rows);
[[nodiscard]] kernels::KeptStatistics total(const std::vector<kernels::KeptStatistics>& rows);
[[nodiscard]] kernels::CentredStatistics total(const std::vector<kernels::CentredStatistics>& rows);

class StoredWeight : public WeightQuantizer {
 public:
  StoredWeight(const std::vector<std::int64_t>& shape, const MethodOptions& options);

  [[nodiscard]] std::int64_t bits() const override { return bits_; }
  [[nodiscard]] std::vector<double> levels() const override;
  [[nodiscard]] std::vector<NamedTensor> parameters() const override { return {{"weight", weight_}}; }
  /// Kaiming normal, fan out.
  void initialize(at::Generator generator) override;
  [[nodiscard]] bool start_from(const at::Tensor& weight) override;
  /// Throws a work error when a weight is NaN or infinite.
  void state_changed() override;
  [[nodiscard]] at::Tensor quantize() override;
  [[nodiscard]] at::Tensor codes() override;
  [[nodiscard]] ExportedCodes export_codes() override;

  [[nodiscard]] at::Tensor weight() const { return weight_; }

  /// For the autograd function: values and codes now, and the gradients of parameters() in their order.
  [[nodiscard]] at::Tensor forward_values();
  [[nodiscard]] virtual std::vector<at::Tensor> gradients(const at::Tensor& grad) { return {grad}; }

 protected:
  /// The steps of the present state.
  [[nodiscard]] virtual StepTable table() const = 0;
  /// Changes that the method makes to what it stores before each pass in training.
  virtual void prepare() {}
  /// After the values of a pass in training were computed; last_codes() are theirs.
  virtual void passed(const StepTable& /*table*/) {}
  /// Called when the stored weight was replaced (random start, start_from): the method sets its other state.
  virtual void weight_replaced() {}

  /// grad * factors[code of the element] + offset[row] + slope[row] * w, with the codes of the last pass. `factors`
  /// holds one value per code, the same for all rows or rows x codes; offset and slope are empty, one value, or one per
  /// row.
  [[nodiscard]] at::Tensor code_gradient(const at::Tensor& grad, const std::vector<float>& factors,
                                         const std::vector<float>& offset = {},
                                         const std::vector<float>& slope = {}) const;
  /// Sums of grad * first[code] and grad * second[code] * w per row of the weight; without `second` only the former.
  [[nodiscard]] std::vector<kernels::GradientSums> gradient_sums(const at::Tensor& grad,
                                                                 const std::vector<float>& first,
                                                                 const std::vector<float>& second) const;

  [[nodiscard]] bool fused() const;
  [[nodiscard]] const at::Tensor& last_codes() const { return codes_; }
  [[nodiscard]] const StepTable& last_table() const { return table_; }
  [[nodiscard]] std::int64_t row_count() const { return weight_.size(0); }
  [[nodiscard]] std::int64_t row_size() const { return weight_.numel() / weight_.size(0); }

  at::Tensor weight_;

 private:
  [[nodiscard]] at::Tensor apply(const StepTable& table, at::Tensor& codes) const;

  std::int64_t bits_;
  bool reference_;
  StepTable table_;   ///< of the last pass
  at::Tensor codes_;  ///< of the last pass: uint8, number of thresholds below the weight
};

}  // namespace denseshift::quant
