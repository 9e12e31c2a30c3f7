// DeepLabV3 of the model oracles: stages, branches, both outputs, losses with ignored pixels and the confusion matrix.

#include "core/nn/segmentation/deeplabv3.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "core/metrics/confusion.h"
#include "core/nn/segmentation/loss.h"
#include "tests/core/nn/model_oracles.h"

namespace denseshift::nn {
namespace {

using nlohmann::json;
using namespace denseshift::testing;  // NOLINT(google-build-using-namespace)

std::int64_t number_behind(const std::string& text, const std::string& words) {
  const std::size_t at = text.find(words);
  if (at == std::string::npos) {
    ADD_FAILURE() << "no '" << words << "' in: " << text;
    return 1;
  }
  return std::stoll(text.substr(at + words.size()));
}

/// The entry's target map: "t = u32(i, k=K, seed) mod M ...; value V becomes I".
at::Tensor target_of(const json& entry, const json& format, const std::vector<std::int64_t>& shape) {
  const std::string text = entry.at("target").get<std::string>();
  const auto seed = format.at("seed").get<std::uint32_t>();
  const auto k = static_cast<std::uint32_t>(number_behind(text, "k="));
  const auto modulus = static_cast<std::uint32_t>(number_behind(text, "mod "));
  const std::int64_t replaced = number_behind(text, "value ");
  const std::int64_t by = number_behind(text, "becomes ");
  at::Tensor target = at::empty(shape, at::kLong);
  auto* data = target.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < target.numel(); ++i) {
    const auto value = static_cast<std::int64_t>(oracle_hash(static_cast<std::uint32_t>(i), k, seed) % modulus);
    data[i] = value == replaced ? by : value;
  }
  return target;
}

/// Keys "out_at_yY_xX_allN" and "aux_at_...": the logits of one pixel of the first image.
void expect_pixels(const json& entry, const SegmentationOutput& output, const OracleTolerance& tolerance) {
  int compared = 0;
  for (const auto& [key, expected] : entry.items()) {
    long y = 0, x = 0;
    const bool aux = key.rfind("aux_at_", 0) == 0;
    if (std::sscanf(key.c_str(), aux ? "aux_at_y%ld_x%ld" : "out_at_y%ld_x%ld", &y, &x) != 2) continue;
    const at::Tensor& logits = aux ? output.aux : output.out;
    expect_first(expected, logits[0].select(1, y).select(1, x), logits.abs().mean().item<double>(), tolerance, key);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

void expect_losses(const json& entry, const SegmentationOutput& output, const at::Tensor& target,
                   const OracleTolerance& tolerance) {
  const std::vector<quant::NamedTensor> losses = segmentation_losses(output, target);
  ASSERT_EQ(losses.size(), 2u);
  const double out = losses[0].tensor.item<double>();
  const double aux = losses[1].tensor.item<double>();
  const auto expect = [&](double actual, const char* key) {
    const double wanted = entry.at(key).get<double>();
    EXPECT_NEAR(actual, wanted, tolerance.loss() * wanted) << key;
  };
  expect(out, "ce_out");
  expect(2 * aux, "ce_aux");
  expect(out + aux, "loss_out_plus_half_aux");
  EXPECT_EQ(target.ne(kIgnoredPixel).sum().item<std::int64_t>(), entry.at("target_valid").get<std::int64_t>());
}

void expect_classes(const json& entry, const at::Tensor& out, const at::Tensor& target, bool is_double) {
  const std::int64_t classes = out.size(1);
  const at::Tensor best = out.argmax(1);
  const at::Tensor histogram = at::bincount(best.flatten(), {}, classes);
  const std::int64_t slack = is_double ? 0 : 2;
  for (std::int64_t c = 0; c < classes; ++c) {
    EXPECT_LE(std::abs(histogram[c].item<std::int64_t>() -
                       entry.at("argmax_histogram").at(static_cast<std::size_t>(c)).get<std::int64_t>()),
              slack);
  }
  if (!is_double) return;
  metrics::Confusion confusion(classes, kIgnoredPixel);
  const at::Tensor truth = target.to(at::kByte).contiguous(), found = best.to(at::kByte).contiguous();
  confusion.add(truth.data_ptr<std::uint8_t>(), found.data_ptr<std::uint8_t>(), truth.numel());
  for (std::int64_t c = 0; c < classes; ++c) {
    EXPECT_EQ(confusion.count(c, c), entry.at("confusion_diag").at(static_cast<std::size_t>(c)).get<std::int64_t>());
  }
  EXPECT_NEAR(100 * confusion.numbers().global_correct, entry.at("global_correct_pct").get<double>(), 1e-5);
  EXPECT_NEAR(100 * confusion.numbers().miou, entry.at("mean_iou_pct").get<double>(), 1e-6);
}

void expect_network(Segmenter& model, const json& entry, const json& format, bool is_double) {
  const at::NoGradGuard no_grad;
  const OracleTolerance tolerance{is_double};
  const at::Tensor images = oracle_input(entry.at("input_shape").get<std::vector<std::int64_t>>(),
                                         entry.at("tensor_id").get<std::size_t>(), format)
                                .to(is_double ? at::kDouble : at::kFloat);
  std::map<std::string, at::Tensor> features;
  for (const quant::NamedTensor& item : model.features(images)) features[item.name] = item.tensor;
  expect_statistics(entry.at("layer3_aux_feature"), features.at("layer3"), tolerance, "layer3");
  expect_statistics(entry.at("layer4_out_feature"), features.at("layer4"), tolerance, "layer4");
  const json& branches = entry.at("aspp_branches");
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const std::string name = "aspp" + std::to_string(i);
    expect_statistics(branches[i], features.at(name), tolerance, name);
  }
  expect_statistics(entry.at("aspp"), features.at("aspp"), tolerance, "aspp");

  SegmentationOutput output = model.forward(images);
  EXPECT_FALSE(output.aux.defined());
  output.aux = features.at("aux");
  expect_statistics(entry.at("out"), output.out, tolerance, "out");
  expect_statistics(entry.at("aux_out"), output.aux, tolerance, "aux_out");
  expect_pixels(entry, output, tolerance);
  const at::Tensor target = target_of(entry, format, {images.size(0), images.size(2), images.size(3)});
  expect_losses(entry, output, target, tolerance);
  expect_classes(entry, output.out, target, is_double);
}

TEST(ModelOracles, DeepLabInDoubleAndFloat) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json file = model_oracles();
  const std::string start = "deeplabv3_";
  int compared = 0;
  for (const auto& [key, entry] : file.items()) {
    if (key.rfind(start, 0) != 0) continue;
    quant::LayerPolicy policy({}, "paper", {});
    const auto model =
        make_deeplabv3(key.substr(start.size()),
                       ModelOptions{.policy = policy, .classes = entry.at("num_classes").get<std::int64_t>()});
    EXPECT_EQ(parameter_count(*model), entry.at("n_params_with_aux").get<std::int64_t>());
    expect_names(*model, entry, key);
    model->eval();
    model->to(at::kDouble);
    fill(*model, file.at("format"));
    expect_network(*model, entry, file.at("format"), true);
    model->to(at::kFloat);
    expect_network(*model, entry, file.at("format"), false);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "the file has no DeepLabV3";
}

}  // namespace
}  // namespace denseshift::nn
