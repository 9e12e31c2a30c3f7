#include <ATen/ATen.h>

#include "core/quant/rows.h"
#include "core/quant/stored_weight.h"

namespace denseshift::quant {
namespace {

bool on_cpu(const at::Tensor& weight) { return weight.is_cpu() && weight.scalar_type() == at::kFloat; }

at::Tensor as_rows(const at::Tensor& weight) {
  return weight.detach().contiguous().reshape({weight.size(0), -1}).to(at::kDouble);
}

double at_row(const at::Tensor& values, std::size_t row) { return values.data_ptr<double>()[row]; }

}  // namespace

std::vector<kernels::RowStatistics> row_statistics(const at::Tensor& weight) {
  std::vector<kernels::RowStatistics> rows(static_cast<std::size_t>(weight.size(0)));
  const std::int64_t n = weight.numel() / weight.size(0);
  if (on_cpu(weight)) {
    const float* w = row_data(weight);
    for_rows(weight.size(0), n,
             [&](std::int64_t row) { rows[static_cast<std::size_t>(row)] = kernels::row_statistics(w + row * n, n); });
    return rows;
  }
  const at::Tensor w = as_rows(weight);
  const at::Tensor sum = w.sum(1).cpu();
  const at::Tensor sum_abs = w.abs().sum(1).cpu();
  const at::Tensor largest = w.abs().amax(1).cpu();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    rows[r] = {at_row(sum, r), at_row(sum_abs, r), static_cast<float>(at_row(largest, r))};
  }
  return rows;
}

std::vector<kernels::KeptStatistics> kept_statistics(const at::Tensor& weight, float threshold) {
  std::vector<kernels::KeptStatistics> rows(static_cast<std::size_t>(weight.size(0)));
  const std::int64_t n = weight.numel() / weight.size(0);
  if (on_cpu(weight)) {
    const float* w = row_data(weight);
    for_rows(weight.size(0), n, [&](std::int64_t row) {
      rows[static_cast<std::size_t>(row)] = kernels::kept_statistics(w + row * n, n, threshold);
    });
    return rows;
  }
  const at::Tensor magnitude = as_rows(weight).abs();
  const at::Tensor kept = magnitude.gt(static_cast<double>(threshold)).to(at::kDouble);
  const at::Tensor sum = (magnitude * kept).sum(1).cpu();
  const at::Tensor count = kept.sum(1).cpu();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    rows[r] = {at_row(sum, r), static_cast<std::int64_t>(at_row(count, r))};
  }
  return rows;
}

std::vector<kernels::CentredStatistics> centred_statistics(const at::Tensor& weight,
                                                           const std::vector<float>& centres) {
  std::vector<kernels::CentredStatistics> rows(static_cast<std::size_t>(weight.size(0)));
  const std::int64_t n = weight.numel() / weight.size(0);
  if (on_cpu(weight)) {
    const float* w = row_data(weight);
    for_rows(weight.size(0), n, [&](std::int64_t row) {
      const float centre = centres[centres.size() == 1 ? 0 : static_cast<std::size_t>(row)];
      rows[static_cast<std::size_t>(row)] = kernels::centred_statistics(w + row * n, n, centre);
    });
    return rows;
  }
  const at::Tensor centred = as_rows(weight) - at::tensor(centres).to(weight.device()).to(at::kDouble).reshape({-1, 1});
  const at::Tensor sum_abs = centred.abs().sum(1).cpu();
  const at::Tensor sum_square = centred.square().sum(1).cpu();
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = {at_row(sum_abs, r), at_row(sum_square, r)};
  return rows;
}

kernels::RowStatistics total(const std::vector<kernels::RowStatistics>& rows) {
  kernels::RowStatistics all;
  for (const kernels::RowStatistics& row : rows) {
    all.sum += row.sum;
    all.sum_abs += row.sum_abs;
    // Written so that a NaN, once met, stays.
    if (!(row.max_abs <= all.max_abs) && all.max_abs == all.max_abs) all.max_abs = row.max_abs;
  }
  return all;
}

kernels::KeptStatistics total(const std::vector<kernels::KeptStatistics>& rows) {
  kernels::KeptStatistics all;
  for (const kernels::KeptStatistics& row : rows) {
    all.sum_abs += row.sum_abs;
    all.count += row.count;
  }
  return all;
}

kernels::CentredStatistics total(const std::vector<kernels::CentredStatistics>& rows) {
  kernels::CentredStatistics all;
  for (const kernels::CentredStatistics& row : rows) {
    all.sum_abs += row.sum_abs;
    all.sum_square += row.sum_square;
  }
  return all;
}

}  // namespace denseshift::quant
