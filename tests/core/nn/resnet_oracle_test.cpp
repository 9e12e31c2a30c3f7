// The residual networks of the model oracles: weights made by a formula from the names, stages and logits compared, and
// four training steps. The file explains hash, names, values and tolerance under "format".

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "core/io/state_dict.h"
#include "core/nn/model.h"
#include "core/optim/optimizer.h"

namespace denseshift::nn {
namespace {

using nlohmann::json;

std::string oracle_path() {
  std::string path;
  if (const char* named = std::getenv("DENSESHIFT_MODEL_ORACLES")) {
    path = named;
  } else if (const char* folder = std::getenv("DENSESHIFT_TEST_DATA")) {
    path = std::string(folder) + "/model_oracles.json";
  }
  return std::ifstream(path) ? path : std::string();
}

#define DENSESHIFT_SKIP_WITHOUT_ORACLES() \
  if (oracle_path().empty())              \
  GTEST_SKIP() << "no model_oracles.json: set DENSESHIFT_MODEL_ORACLES or DENSESHIFT_TEST_DATA"

json oracles() { return json::parse(std::ifstream(oracle_path())); }

std::uint32_t hash(std::uint32_t i, std::uint32_t k, std::uint32_t seed) {
  std::uint32_t x = i * 0x9E3779B1U + k * 0x85EBCA77U + seed * 0xC2B2AE3DU;
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  return x ^ (x >> 16);
}

double unit(std::int64_t i, std::size_t k, std::uint32_t seed) {
  return (hash(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(k), seed) + 0.5) / 4294967296.0;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Names that the formula fills, in its order.
std::vector<quant::NamedTensor> filled_tensors(Classifier& model) {
  std::vector<quant::NamedTensor> state = io::state_of(model);
  std::erase_if(state, [](const quant::NamedTensor& item) { return ends_with(item.name, "num_batches_tracked"); });
  std::sort(state.begin(), state.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return state;
}

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
    const double u = unit(i, k, seed);
    data[i] = formula.offset + formula.factor * (formula.centred ? 2 * u - 1 : u);
  }
  return result;
}

void fill(Classifier& model, const json& format) {
  const at::NoGradGuard no_grad;
  const auto seed = format.at("seed").get<std::uint32_t>();
  std::size_t k = 0;
  for (const quant::NamedTensor& item : filled_tensors(model)) {
    item.tensor.detach().copy_(
        hashed(item.tensor.sizes().vec(), k++, seed, formula_of(item, format.at("gain").get<double>())));
  }
}

/// Input tensor t, uniform in [-1, 1).
at::Tensor input(const std::vector<std::int64_t>& shape, std::size_t id, const json& format) {
  return hashed(shape, 1000000 + id, format.at("seed").get<std::uint32_t>(), {0, 1, true});
}

std::shared_ptr<Classifier> full_precision(const std::string& arch, std::int64_t classes) {
  quant::LayerPolicy policy({}, "paper", {});
  return make_classifier(arch, classes, policy);
}

std::vector<double> numbers(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

/// The file's rules for single values and for sums.
struct Tolerance {
  bool is_double;
  [[nodiscard]] double value(double expected, double abs_mean) const {
    // Values near zero are cancelled sums: their error belongs to the tensor's size, also in double.
    return is_double ? 1e-6 * std::abs(expected) + 1e-8 * abs_mean : 2e-4 * abs_mean + 1e-5;
  }
  [[nodiscard]] double sum(double count, double abs_mean) const { return (is_double ? 1e-6 : 1e-4) * count * abs_mean; }
};

void expect_first(const json& expected, const at::Tensor& actual, double abs_mean, const Tolerance& tolerance,
                  const std::string& what) {
  const std::vector<double> values = numbers(actual);
  ASSERT_LE(expected.size(), values.size()) << what;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double wanted = expected[i].get<double>();
    EXPECT_NEAR(values[i], wanted, tolerance.value(wanted, abs_mean)) << what << "[" << i << "]";
  }
}

void expect_statistics(const json& expected, const at::Tensor& actual, const Tolerance& tolerance,
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

TEST(ModelOracles, HashMatchesTheFile) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json format = oracles().at("format");
  const auto seed = format.at("seed").get<std::uint32_t>();
  for (const auto& [key, values] : format.items()) {
    static const std::regex check("check_([uv])(?:32)?_k(\\d+)_i0to\\d+");
    std::smatch match;
    if (!std::regex_match(key, match, check)) continue;
    const auto k = static_cast<std::size_t>(std::stoul(match[2]));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (match[1] == "u") {
        EXPECT_EQ(hash(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(k), seed),
                  values[i].get<std::uint32_t>());
      } else {
        EXPECT_NEAR(2 * unit(static_cast<std::int64_t>(i), k, seed) - 1, values[i].get<double>(), 1e-11);
      }
    }
  }
}

void expect_forward(Classifier& model, const json& entry, const at::Tensor& images, bool is_double,
                    const std::string& what) {
  const at::NoGradGuard no_grad;
  const Tolerance tolerance{is_double};
  int stages = 0;
  for (const quant::NamedTensor& stage : model.features(images)) {
    if (!entry.contains(stage.name)) continue;
    expect_statistics(entry.at(stage.name), stage.tensor, tolerance, what + " " + stage.name);
    ++stages;
  }
  EXPECT_GT(stages, 0) << what;
  const at::Tensor logits = model.forward(images);
  expect_statistics(entry.at("logits"), logits, tolerance, what + " logits");
  for (const auto& [key, expected] : entry.items()) {
    if (key.rfind("logits_sample0_first", 0) != 0) continue;
    expect_first(expected, logits[0], entry.at("logits").at("abs_mean").get<double>(), tolerance, what + " " + key);
  }
  const at::Tensor best = logits.argmax(1);
  for (std::size_t n = 0; n < entry.at("argmax").size(); ++n) {
    EXPECT_EQ(best[static_cast<std::int64_t>(n)].item<std::int64_t>(), entry.at("argmax")[n].get<std::int64_t>())
        << what;
  }
}

TEST(ModelOracles, ResNetsInDoubleAndFloat) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json file = oracles();
  if (!file.contains("resnet")) GTEST_SKIP() << "the file has no ResNet";
  for (const auto& [arch, entry] : file.at("resnet").items()) {
    const auto model = full_precision(arch, entry.at("logits").at("shape")[1].get<std::int64_t>());
    std::int64_t parameters = 0;
    for (const at::Tensor& p : model->parameters()) parameters += p.numel();
    EXPECT_EQ(parameters, entry.at("n_params").get<std::int64_t>()) << arch;
    const std::vector<quant::NamedTensor> names = filled_tensors(*model);
    EXPECT_EQ(names.size(), entry.at("n_names").get<std::size_t>()) << arch;
    for (const json& check : entry.at("names_check")) {
      EXPECT_EQ(names.at(check[0].get<std::size_t>()).name, check[1].get<std::string>()) << arch;
    }
    model->eval();
    model->to(at::kDouble);
    fill(*model, file.at("format"));
    const at::Tensor images = input(entry.at("input_shape").get<std::vector<std::int64_t>>(),
                                    entry.value("tensor_id", std::size_t{0}), file.at("format"));
    expect_forward(*model, entry, images, true, arch + " in double");
    model->to(at::kFloat);
    expect_forward(*model, entry, images.to(at::kFloat), false, arch + " in float");
  }
}

/// The number behind a word of a text such as "SGD lr 0.02 momentum 0.9".
double number_after(const std::string& text, const std::string& word) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(word + " ([-+0-9.eE]+)"))) {
    ADD_FAILURE() << "no " << word << " in: " << text;
    return 0;
  }
  return std::stod(match[1]);
}

std::vector<std::int64_t> shape_in(const std::string& text) {
  std::smatch match;
  std::vector<std::int64_t> shape;
  if (!std::regex_search(text, match, std::regex("shape ([0-9x]+)"))) return shape;
  std::stringstream stream(match[1]);
  for (std::string part; std::getline(stream, part, 'x');) shape.push_back(std::stoll(part));
  return shape;
}

at::Tensor state_tensor(Classifier& model, const std::string& name) {
  for (const quant::NamedTensor& item : io::state_of(model)) {
    if (item.name == name) return item.tensor;
  }
  ADD_FAILURE() << "no tensor " << name;
  return at::zeros({1});
}

/// Keys "grad_NAME", "grad_NAME_sum", "grad_NAME_abs_sum", "grad_NAME_firstN", where NAME is a layer or "LAYER_bias".
void expect_gradients(Classifier& model, const json& entry, bool is_double) {
  static const std::regex pattern("grad_(.+?)(_bias)?(_sum|_abs_sum|_first\\d+)?");
  const double relative = is_double ? 1e-6 : 1e-3;
  int compared = 0;
  for (const auto& [key, expected] : entry.items()) {
    std::smatch match;
    if (!std::regex_match(key, match, pattern)) continue;
    const std::string name = match[1].str() + (match[2].matched ? ".bias" : ".weight");
    const at::Tensor grad = state_tensor(model, name).grad().to(at::kDouble);
    ++compared;
    if (expected.is_array()) {
      const std::vector<double> values = numbers(grad);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double wanted = expected[i].get<double>();
        EXPECT_NEAR(values.at(i), wanted, relative * std::abs(wanted)) << key << "[" << i << "]";
      }
    } else {
      // A sum's error belongs to the sum of magnitudes: terms cancel.
      const double magnitude = grad.abs().sum().item<double>();
      const double sum = match[3] == "_abs_sum" ? magnitude : grad.sum().item<double>();
      EXPECT_NEAR(sum, expected.get<double>(), relative * magnitude) << key;
    }
  }
  EXPECT_GT(compared, 0);
}

void expect_running_statistics(Classifier& model, const json& entry, bool is_double) {
  static const std::regex pattern("(.+)_(running_mean|running_var)_after_1_step_first\\d+");
  int compared = 0;
  for (const auto& [key, expected] : entry.items()) {
    std::smatch match;
    if (!std::regex_match(key, match, pattern)) continue;
    const at::Tensor statistics = state_tensor(model, match[1].str() + "." + match[2].str());
    expect_first(expected, statistics, statistics.abs().mean().item<double>(), {is_double}, key);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

class ModelOraclesTraining : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(ModelOraclesTraining, FourStepsWithSgd) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const bool is_double = GetParam() == at::kDouble;
  const json file = oracles();
  int trained = 0;
  for (const auto& [key, entry] : file.items()) {
    if (!ends_with(key, "_train")) continue;
    const auto model = full_precision(key.substr(0, key.size() - 6), entry.at("num_classes").get<std::int64_t>());
    model->to(at::kDouble);
    fill(*model, file.at("format"));
    model->to(GetParam());
    model->train();
    const std::string text = entry.at("input").get<std::string>();
    const auto id = static_cast<std::size_t>(number_after(text, "tensor id"));
    const at::Tensor images = input(shape_in(text), id, file.at("format")).to(GetParam());
    const at::Tensor labels = at::tensor(entry.at("labels").get<std::vector<std::int64_t>>());

    const std::string recipe = entry.at("optimizer").get<std::string>();
    optim::OptimizerOptions options;
    options.momentum = number_after(recipe, "momentum");
    options.nesterov = recipe.find("nesterov") != std::string::npos;
    const auto optimizer =
        optim::make_optimizer(options, optim::collect_parameters(*model, number_after(recipe, "weight_decay"), true));
    const json& losses = entry.at("losses_before_steps_1_to_4");
    for (std::size_t step = 0; step < losses.size(); ++step) {
      optimizer->zero_grad();
      const at::Tensor loss = at::cross_entropy_loss(model->forward(images), labels);
      loss.backward();
      const double wanted = losses[step].get<double>();
      const double relative = is_double ? 1e-6 : step == 0 ? 1e-4 : step < 2 ? 1e-2 : 5e-2;
      EXPECT_NEAR(loss.item<double>(), wanted, relative * wanted) << key << " loss before step " << step + 1;
      if (step == 0) expect_gradients(*model, entry, is_double);
      optimizer->step(number_after(recipe, "lr"), 1);
      if (step == 0) expect_running_statistics(*model, entry, is_double);
    }
    ++trained;
  }
  if (trained == 0) GTEST_SKIP() << "the file has no training";
}

INSTANTIATE_TEST_SUITE_P(Types, ModelOraclesTraining, ::testing::Values(at::kDouble, at::kFloat),
                         [](const auto& info) { return info.param == at::kDouble ? "Double" : "Float"; });

}  // namespace
}  // namespace denseshift::nn
