// The residual networks of the model oracles: weights made by a formula from the names, stages and logits compared, and
// four training steps. The file explains hash, names, values and tolerance under "format".

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "core/io/state_dict.h"
#include "core/nn/model.h"
#include "core/optim/optimizer.h"
#include "tests/core/nn/model_oracles.h"

namespace denseshift::nn {
namespace {

using nlohmann::json;
using namespace denseshift::testing;  // NOLINT(google-build-using-namespace)

std::shared_ptr<Classifier> full_precision(const std::string& arch, std::int64_t classes) {
  quant::LayerPolicy policy({}, "paper", {});
  return make_classifier(arch, classes, policy);
}

TEST(ModelOracles, HashMatchesTheFile) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json format = model_oracles().at("format");
  const auto seed = format.at("seed").get<std::uint32_t>();
  for (const auto& [key, values] : format.items()) {
    static const std::regex check("check_([uv])(?:32)?_k(\\d+)_i0to\\d+");
    std::smatch match;
    if (!std::regex_match(key, match, check)) continue;
    const auto k = static_cast<std::size_t>(std::stoul(match[2]));
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (match[1] == "u") {
        EXPECT_EQ(oracle_hash(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(k), seed),
                  values[i].get<std::uint32_t>());
      } else {
        EXPECT_NEAR(2 * oracle_unit(static_cast<std::int64_t>(i), k, seed) - 1, values[i].get<double>(), 1e-11);
      }
    }
  }
}

void expect_forward(Classifier& model, const json& entry, const at::Tensor& images, bool is_double,
                    const std::string& what) {
  const at::NoGradGuard no_grad;
  const OracleTolerance tolerance{is_double};
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
  const json file = model_oracles();
  if (!file.contains("resnet")) GTEST_SKIP() << "the file has no ResNet";
  for (const auto& [arch, entry] : file.at("resnet").items()) {
    const auto model = full_precision(arch, entry.at("logits").at("shape")[1].get<std::int64_t>());
    EXPECT_EQ(parameter_count(*model), entry.at("n_params").get<std::int64_t>()) << arch;
    expect_names(*model, entry, arch);
    model->eval();
    model->to(at::kDouble);
    fill(*model, file.at("format"));
    const at::Tensor images = oracle_input(entry.at("input_shape").get<std::vector<std::int64_t>>(),
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
  const json file = model_oracles();
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
    const at::Tensor images = oracle_input(shape_in(text), id, file.at("format")).to(GetParam());
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
