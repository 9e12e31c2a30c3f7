#include "core/quant/stored_weight.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <atomic>
#include <cmath>
#include <limits>

#include "core/quant/fp32.h"
#include "core/quant/rows.h"

namespace denseshift::quant {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Values by the quantizer's forward pass, gradients by its rule. The layer outlives the graph of its pass.
struct Steps : torch::autograd::Function<Steps> {
  static at::Tensor forward(AutogradContext* context, at::TensorList /*parameters*/, StoredWeight* quantizer) {
    context->saved_data["quantizer"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(quantizer));
    return quantizer->forward_values();
  }
  static variable_list backward(AutogradContext* context, variable_list grad) {
    auto* quantizer =
        reinterpret_cast<StoredWeight*>(static_cast<std::intptr_t>(context->saved_data["quantizer"].toInt()));
    variable_list gradients = quantizer->gradients(grad[0]);
    gradients.emplace_back();  // the quantizer itself
    return gradients;
  }
};

const float* row_values(const std::vector<float>& values, std::int64_t rows, std::int64_t row, std::int64_t per_row) {
  return values.data() + (rows == 1 ? 0 : row * per_row);
}

float of_row(const std::vector<float>& values, std::int64_t row) {
  return values.empty() ? 0.0F : values[values.size() == 1 ? 0 : static_cast<std::size_t>(row)];
}

}  // namespace

void StepTable::set_multiples(std::vector<float> row_scales, std::vector<std::int64_t> multiples) {
  scales = std::move(row_scales);
  integers = std::move(multiples);
  rows = static_cast<std::int64_t>(scales.size());
  levels.clear();
  for (const float scale : scales) {
    for (const std::int64_t integer : integers) levels.push_back(scale * static_cast<float>(integer));
  }
}

float below(float x) { return std::nextafter(x, -std::numeric_limits<float>::infinity()); }

std::vector<float> mirrored(const std::vector<float>& positive) {
  std::vector<float> all;
  // w >= -t keeps the magnitude t on the side of zero, as w > t does on the positive side.
  for (std::size_t i = positive.size(); i-- > 0;) all.push_back(below(-positive[i]));
  all.insert(all.end(), positive.begin(), positive.end());
  return all;
}

StoredWeight::StoredWeight(const std::vector<std::int64_t>& shape, const MethodOptions& options)
    : weight_(at::zeros(shape).requires_grad_(true)), bits_(options.wbits), reference_(options.impl == "reference") {}

std::vector<double> StoredWeight::levels() const {
  const StepTable steps = table();
  std::vector<double> values;
  for (std::size_t c = 0; c <= static_cast<std::size_t>(steps.steps); ++c) {
    if (c > 0 && !steps.level_of_code.empty() && steps.level_of_code[c] == steps.level_of_code[c - 1]) continue;
    values.push_back(steps.integers.empty() ? static_cast<double>(steps.levels[c])
                                            : static_cast<double>(steps.integers[c]));
  }
  return values;
}

void StoredWeight::initialize(at::Generator generator) {
  const at::NoGradGuard no_grad;
  weight_.normal_(0, kaiming_std(weight_.sizes().vec()), generator);
  weight_replaced();
  state_changed();
}

bool StoredWeight::start_from(const at::Tensor& weight) {
  const at::NoGradGuard no_grad;
  weight_.copy_(weight);
  weight_replaced();
  state_changed();
  return true;
}

void StoredWeight::state_changed() {
  const double sum = total(row_statistics(weight_.detach())).sum_abs;
  if (!std::isfinite(sum)) throw work_error(std::isnan(sum) ? "a weight is NaN" : "a weight is infinite");
}

bool StoredWeight::fused() const { return !reference_ && weight_.is_cpu() && weight_.scalar_type() == at::kFloat; }

at::Tensor StoredWeight::quantize() {
  if (training()) {
    const at::NoGradGuard no_grad;
    prepare();
  }
  std::vector<at::Tensor> tensors;
  for (const NamedTensor& p : parameters()) tensors.push_back(p.tensor);
  return Steps::apply(at::TensorList(tensors), this);
}

at::Tensor StoredWeight::forward_values() {
  table_ = table();
  at::Tensor values = apply(table_, codes_);
  if (training()) passed(table_);
  return values;
}

at::Tensor StoredWeight::apply(const StepTable& steps, at::Tensor& codes) const {
  const at::Tensor weight = weight_.detach();
  const std::int64_t per_row = steps.steps + 1;
  if (!fused()) {
    const std::int64_t rows = steps.rows;
    const at::Tensor w = weight.contiguous().reshape({rows, -1});
    const at::Tensor thresholds = at::tensor(steps.thresholds).reshape({rows, steps.steps}).to(w.device());
    at::Tensor index = at::zeros_like(w, at::kLong);
    for (std::int64_t k = 0; k < steps.steps; ++k) index.add_(w.gt(thresholds.slice(1, k, k + 1)));
    const at::Tensor levels = at::tensor(steps.levels).reshape({rows, per_row}).to(w.device());
    at::Tensor values = levels.gather(1, index);
    if (!steps.real.empty()) {
      const std::vector<std::int64_t> real(steps.real.begin(), steps.real.end());
      values = at::where(at::tensor(real).to(w.device()).to(at::kBool).unsqueeze(1), w, values);
    }
    codes = index.to(at::kByte).reshape(weight.sizes());
    return values.reshape(weight.sizes());
  }
  at::Tensor values = at::empty_like(weight);
  if (!codes.defined() || codes.strides() != weight.strides() || !codes.is_cpu()) {
    codes = at::empty_like(weight, at::kByte);
  }
  const float* w = row_data(weight);
  float* q = values.data_ptr<float>();
  std::uint8_t* c = codes.data_ptr<std::uint8_t>();
  const std::int64_t n = row_size();
  std::atomic<bool> valid{true};
  for_rows(row_count(), n, [&](std::int64_t row) {
    if (!kernels::quantize_steps(w + row * n, n, row_values(steps.thresholds, steps.rows, row, steps.steps),
                                 row_values(steps.levels, steps.rows, row, per_row), steps.steps, q + row * n,
                                 c + row * n)) {
      valid = false;
    }
    if (!steps.real.empty() && steps.real[static_cast<std::size_t>(row)]) std::copy_n(w + row * n, n, q + row * n);
  });
  if (!valid) throw work_error("a weight is NaN");
  return values;
}

at::Tensor StoredWeight::code_gradient(const at::Tensor& grad, const std::vector<float>& factors,
                                       const std::vector<float>& offset, const std::vector<float>& slope) const {
  const std::int64_t per_row = table_.steps + 1;
  const std::int64_t factor_rows = static_cast<std::int64_t>(factors.size()) / per_row;
  const at::Tensor weight = weight_.detach();
  if (!fused()) {
    const std::int64_t rows = row_count();
    const auto column = [&](const std::vector<float>& values) {
      return (values.empty() ? at::zeros({1, 1}) : at::tensor(values).reshape({-1, 1})).to(weight.device());
    };
    const at::Tensor table = at::tensor(factors).reshape({factor_rows, per_row}).to(weight.device());
    const at::Tensor factor =
        table.expand({rows, per_row}).gather(1, codes_.contiguous().reshape({rows, -1}).to(at::kLong));
    const at::Tensor w = weight.contiguous().reshape({rows, -1});
    return (grad.contiguous().reshape({rows, -1}) * factor + (column(offset) + column(slope) * w))
        .reshape(weight.sizes());
  }
  const at::Tensor g = with_layout_of(weight, grad);
  at::Tensor out = at::empty_like(weight);
  const float* from = g.data_ptr<float>();
  const float* w = row_data(weight);
  const std::uint8_t* c = codes_.data_ptr<std::uint8_t>();
  float* to = out.data_ptr<float>();
  const std::int64_t n = row_size();
  for_rows(row_count(), n, [&](std::int64_t row) {
    kernels::step_gradient(from + row * n, c + row * n, w + row * n, n, row_values(factors, factor_rows, row, per_row),
                           of_row(offset, row), of_row(slope, row), to + row * n);
  });
  return out;
}

std::vector<kernels::GradientSums> StoredWeight::gradient_sums(const at::Tensor& grad, const std::vector<float>& first,
                                                               const std::vector<float>& second) const {
  const at::Tensor weight = weight_.detach();
  const std::int64_t rows = row_count();
  const std::int64_t n = row_size();
  std::vector<kernels::GradientSums> sums(static_cast<std::size_t>(rows));
  if (!fused()) {
    const at::Tensor index = codes_.contiguous().reshape({rows, -1}).to(at::kLong);
    const at::Tensor g = grad.contiguous().reshape({rows, -1}).to(at::kDouble);
    const at::Tensor w = weight.contiguous().reshape({rows, -1}).to(at::kDouble);
    const auto table = [&](const std::vector<float>& values) {
      return at::tensor(values).to(weight.device()).to(at::kDouble).index({index});
    };
    const at::Tensor a = (g * table(first)).sum(1).cpu();
    const at::Tensor b = second.empty() ? at::zeros_like(a) : (g * table(second) * w).sum(1).cpu();
    for (std::int64_t r = 0; r < rows; ++r) {
      sums[static_cast<std::size_t>(r)] = {a.data_ptr<double>()[r], b.data_ptr<double>()[r]};
    }
    return sums;
  }
  const at::Tensor g = with_layout_of(weight, grad);
  const float* from = g.data_ptr<float>();
  const float* w = row_data(weight);
  const std::uint8_t* c = codes_.data_ptr<std::uint8_t>();
  for_rows(rows, n, [&](std::int64_t row) {
    sums[static_cast<std::size_t>(row)] = kernels::step_gradient_sums(
        from + row * n, c + row * n, w + row * n, n, first.data(), second.empty() ? nullptr : second.data());
  });
  return sums;
}

namespace {

/// Index of the level of each code, and the codes that start a level.
std::vector<std::size_t> first_codes(const StepTable& steps) {
  std::vector<std::size_t> first;
  for (std::size_t c = 0; c <= static_cast<std::size_t>(steps.steps); ++c) {
    if (c == 0 || steps.level_of_code.empty() || steps.level_of_code[c] != steps.level_of_code[c - 1]) {
      first.push_back(c);
    }
  }
  return first;
}

}  // namespace

at::Tensor StoredWeight::codes() {
  const at::NoGradGuard no_grad;
  const bool was_training = training();
  set_training(false);
  const StepTable steps = table();
  set_training(was_training);
  at::Tensor codes;
  (void)apply(steps, codes);
  codes = codes.cpu().contiguous();
  if (!steps.level_of_code.empty()) {
    auto* code = codes.data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < codes.numel(); ++i) code[i] = steps.level_of_code[code[i]];
  }
  return codes;
}

ExportedCodes StoredWeight::export_codes() {
  const bool was_training = training();
  set_training(false);
  const StepTable steps = table();
  ExportedCodes exported;
  exported.bits = bits_;
  exported.codes = codes();
  set_training(was_training);
  const std::vector<std::size_t> first = first_codes(steps);
  std::vector<float> book;
  for (std::int64_t row = 0; row < steps.rows; ++row) {
    for (const std::size_t c : first) {
      book.push_back(steps.levels[static_cast<std::size_t>(row) * static_cast<std::size_t>(steps.steps + 1) + c]);
    }
  }
  exported.codebook = at::tensor(book).reshape({steps.rows, static_cast<std::int64_t>(first.size())});
  if (!steps.integers.empty()) {
    for (const std::size_t c : first) exported.integers.push_back(steps.integers[c]);
    exported.scale = at::tensor(steps.scales);
  }
  return exported;
}

}  // namespace denseshift::quant
