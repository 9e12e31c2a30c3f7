#pragma once
// Reads the model oracles: networks whose weights follow from their names by a formula, with values of what they
// compute. The file explains hash, names, values and tolerance under "format".

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/quant/quantizer.h"

namespace denseshift::testing {

/// Path of the file, or empty when there is none: the variable names it, else it lies in the folder of test data.
[[nodiscard]] std::string model_oracles_path();

#define DENSESHIFT_SKIP_WITHOUT_ORACLES()                \
  if (denseshift::testing::model_oracles_path().empty()) \
  GTEST_SKIP() << "no model_oracles.json: set DENSESHIFT_MODEL_ORACLES or DENSESHIFT_TEST_DATA"

[[nodiscard]] nlohmann::json model_oracles();

/// The hash of element i of tensor k.
[[nodiscard]] std::uint32_t oracle_hash(std::uint32_t i, std::uint32_t k, std::uint32_t seed);
/// The same in (0, 1).
[[nodiscard]] double oracle_unit(std::int64_t i, std::size_t k, std::uint32_t seed);

/// The tensors that the formula fills, in its order.
[[nodiscard]] std::vector<quant::NamedTensor> filled_tensors(torch::nn::Module& model);
/// Fills them. The model should be in double so that nothing is rounded before it is compared.
void fill(torch::nn::Module& model, const nlohmann::json& format);
/// Checks number and order of the names against an entry's "n_names" and "names_check", as far as it has them.
void expect_names(torch::nn::Module& model, const nlohmann::json& entry, const std::string& what);
[[nodiscard]] std::int64_t parameter_count(const torch::nn::Module& model);

/// Input tensor `id` in double, uniform in [low, high).
[[nodiscard]] at::Tensor oracle_input(const std::vector<std::int64_t>& shape, std::size_t id,
                                      const nlohmann::json& format, double low = -1, double high = 1);

[[nodiscard]] bool ends_with(const std::string& text, const std::string& end);
[[nodiscard]] std::vector<double> numbers(const at::Tensor& tensor);

/// The file's rules for single values and for sums.
struct OracleTolerance {
  bool is_double;
  [[nodiscard]] double value(double expected, double abs_mean) const;
  [[nodiscard]] double sum(double count, double abs_mean) const;
  /// Relative, of losses.
  [[nodiscard]] double loss() const { return is_double ? 1e-6 : 1e-4; }
};

/// The first values in row-major order.
void expect_first(const nlohmann::json& expected, const at::Tensor& actual, double abs_mean,
                  const OracleTolerance& tolerance, const std::string& what);
/// A block of statistics: shape, first values, sum, mean, mean of magnitudes, least and largest value.
void expect_statistics(const nlohmann::json& expected, const at::Tensor& actual, const OracleTolerance& tolerance,
                       const std::string& what);

}  // namespace denseshift::testing
