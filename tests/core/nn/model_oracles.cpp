#include "tests/core/nn/model_oracles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/io/state_dict.h"

namespace denseshift::testing {

using nlohmann::json;

std::string model_oracles_path() {
  std::string path;
  if (const char* named = std::getenv("DENSESHIFT_MODEL_ORACLES")) {
    path = named;
  } else if (const char* folder = std::getenv("DENSESHIFT_TEST_DATA")) {
    path = std::string(folder) + "/model_oracles.json";
  }
  return std::ifstream(path) ? path : std::string();
}

json model_oracles() { return json::parse(std::ifstream(model_oracles_path())); }

std::uint32_t oracle_hash(std::uint32_t i, std::uint32_t k, std::uint32_t seed) {
  std::uint32_t x = i * 0x9E3779B1U + k * 0x85EBCA77U + seed * 0xC2B2AE3DU;
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  return x ^ (x >> 16);
}

double oracle_unit(std::int64_t i, std::size_t k, std::uint32_t seed) {
  return (oracle_hash(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(k), seed) + 0.5) / 4294967296.0;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::vector<quant::NamedTensor> filled_tensors(torch::nn::Module& model) {
  std::vector<quant::NamedTensor> state = io::state_of(model);
  std::erase_if(state, [](const quant::NamedTensor& item) { return ends_with(item.name, "num_batches_tracked"); });
  std::sort(state.begin(), state.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return state;
}

namespace {

/// offset + factor * (u or v) of one tensor.
struct Formula {
  double offset, factor;
  bool centred;
};

Formula formula_of(const quant::NamedTensor& item, double gain) {
  if (ends_with(item.name, "running_var")) return {0.75, 0.5, false};
  if (ends_with(item.name, "running_mean")) return {0, 0.1, true};
  if (item.tensor.dim() >= 2) {
    const auto fan_in = static_cast<double>(item.tensor.numel() / item.tensor.size(0));
    return {0, std::sqrt(3 * gain / fan_in), true};
  }
  if (ends_with(item.name, ".bias")) return {0, 0.1, true};
  return {1, 0.2, true};
}

at::Tensor hashed(const std::vector<std::int64_t>& shape, std::size_t k, std::uint32_t seed, const Formula& formula) {
  at::Tensor result = at::empty(shape, at::kDouble);
  double* data = result.data_ptr<double>();
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    const double u = oracle_unit(i, k, seed);
    data[i] = formula.offset + formula.factor * (formula.centred ? 2 * u - 1 : u);
  }
  return result;
}

}  // namespace

void fill(torch::nn::Module& model, const json& format) {
  const at::NoGradGuard no_grad;
  const auto seed = format.at("seed").get<std::uint32_t>();
  std::size_t k = 0;
  for (const quant::NamedTensor& item : filled_tensors(model)) {
    item.tensor.detach().copy_(
        hashed(item.tensor.sizes().vec(), k++, seed, formula_of(item, format.at("gain").get<double>())));
  }
}

void expect_names(torch::nn::Module& model, const json& entry, const std::string& what) {
  const std::vector<quant::NamedTensor> names = filled_tensors(model);
  if (entry.contains("n_names")) {
    EXPECT_EQ(names.size(), entry.at("n_names").get<std::size_t>()) << what;
  }
  if (!entry.contains("names_check")) return;
  for (const json& check : entry.at("names_check")) {
    EXPECT_EQ(names.at(check[0].get<std::size_t>()).name, check[1].get<std::string>()) << what;
  }
}

std::int64_t parameter_count(const torch::nn::Module& model) {
  std::int64_t count = 0;
  for (const at::Tensor& p : model.parameters()) count += p.numel();
  return count;
}

at::Tensor oracle_input(const std::vector<std::int64_t>& shape, std::size_t id, const json& format, double low,
                        double high) {
  return hashed(shape, 1000000 + id, format.at("seed").get<std::uint32_t>(), {low, high - low, false});
}

std::vector<double> numbers(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

double OracleTolerance::value(double expected, double abs_mean) const {
  // Values near zero are cancelled sums: their error belongs to the tensor's size, also in double.
  return is_double ? 1e-6 * std::abs(expected) + 1e-8 * abs_mean : 2e-4 * abs_mean + 1e-5;
}

double OracleTolerance::sum(double count, double abs_mean) const {
  return (is_double ? 1e-6 : 1e-4) * count * abs_mean;
}

void expect_first(const json& expected, const at::Tensor& actual, double abs_mean, const OracleTolerance& tolerance,
                  const std::string& what) {
  const std::vector<double> values = numbers(actual);
  ASSERT_LE(expected.size(), values.size()) << what;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double wanted = expected[i].get<double>();
    EXPECT_NEAR(values[i], wanted, tolerance.value(wanted, abs_mean)) << what << "[" << i << "]";
  }
}

void expect_statistics(const json& expected, const at::Tensor& actual, const OracleTolerance& tolerance,
                       const std::string& what) {
  ASSERT_EQ(actual.sizes().vec(), expected.at("shape").get<std::vector<std::int64_t>>()) << what;
  const at::Tensor x = actual.detach().to(at::kDouble);
  const auto count = static_cast<double>(x.numel());
  const double abs_mean = expected.at("abs_mean").get<double>();
  expect_first(expected.at("first"), x, abs_mean, tolerance, what);
  EXPECT_NEAR(x.sum().item<double>(), expected.at("sum").get<double>(), tolerance.sum(count, abs_mean)) << what;
  EXPECT_NEAR(x.mean().item<double>(), expected.at("mean").get<double>(), tolerance.sum(1, abs_mean)) << what;
  EXPECT_NEAR(x.abs().mean().item<double>(), abs_mean, tolerance.sum(1, abs_mean)) << what;
  const double least = expected.at("min").get<double>();
  const double most = expected.at("max").get<double>();
  EXPECT_NEAR(x.min().item<double>(), least, tolerance.value(least, abs_mean)) << what;
  EXPECT_NEAR(x.max().item<double>(), most, tolerance.value(most, abs_mean)) << what;
}

}  // namespace denseshift::testing
