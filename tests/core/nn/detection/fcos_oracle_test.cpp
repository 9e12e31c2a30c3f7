// FCOS of the model oracles: input transform, pyramid, head, locations, targets, losses with gradients, detections.

#include "core/nn/detection/fcos.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/io/state_dict.h"
#include "core/nn/detection/fcos_boxes.h"
#include "tests/core/nn/model_oracles.h"

namespace denseshift::nn {
namespace {

using nlohmann::json;
using namespace denseshift::testing;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kMultiple = 32;

std::int64_t rounded_up(std::int64_t size) { return (size + kMultiple - 1) / kMultiple * kMultiple; }

/// torchvision's rule: a float scale, made of the reciprocal of the image's side; sizes are rounded down.
ImageSize resized(const ImageSize& size, float short_side, float long_side) {
  const auto reciprocal = [](std::int64_t side) { return 1 / static_cast<float>(side); };
  const float scale =
      std::min(short_side * reciprocal(std::min(size[0], size[1])), long_side * reciprocal(std::max(size[0], size[1])));
  const auto side = [&](std::int64_t s) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(s) * static_cast<double>(scale)));
  };
  return {side(size[0]), side(size[1])};
}

TEST(ModelOracles, FcosInputSizes) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  int compared = 0;
  const json file = model_oracles();
  for (const auto& [key, entry] : file.items()) {
    float short_side = 0, long_side = 0;
    if (std::sscanf(key.c_str(), "rcnn_transform_sizes_%f_%f", &short_side, &long_side) != 2) continue;
    for (const json& row : entry.at("rows")) {
      const std::vector<std::int64_t> numbers = row.get<std::vector<std::int64_t>>();
      const ImageSize size = resized({numbers.at(0), numbers.at(1)}, short_side, long_side);
      EXPECT_EQ(size, (ImageSize{numbers.at(2), numbers.at(3)}));
      EXPECT_EQ(rounded_up(size[0]), numbers.at(4));
      EXPECT_EQ(rounded_up(size[1]), numbers.at(5));
    }
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "the file has no table of sizes";
}

/// Images of an entry behind the input transform.
struct Batch {
  at::Tensor images;
  std::vector<ImageSize> original, sizes;
};

Batch make_batch(const json& entry, const json& format, std::size_t count) {
  Batch batch;
  std::vector<at::Tensor> images;
  ImageSize largest{0, 0};
  const std::vector<double> mean = {0.485, 0.456, 0.406}, deviation = {0.229, 0.224, 0.225};
  for (std::size_t i = 0; i < count; ++i) {
    const auto shape = entry.at("images")[i].get<std::vector<std::int64_t>>();
    const json& range = entry.at("image_range");
    at::Tensor image = oracle_input(shape, entry.at("image_tensor_ids")[i].get<std::size_t>(), format,
                                    range[0].get<double>(), range[1].get<double>());
    image = (image - at::tensor(mean).view({3, 1, 1})) / at::tensor(deviation).view({3, 1, 1});
    const ImageSize size =
        resized({shape[1], shape[2]}, entry.at("min_size").get<float>(), entry.at("max_size").get<float>());
    images.push_back(at::upsample_bilinear2d(image.unsqueeze(0), {size[0], size[1]}, /*align_corners=*/false));
    batch.original.push_back({shape[1], shape[2]});
    batch.sizes.push_back(size);
    for (std::size_t axis = 0; axis < 2; ++axis) largest[axis] = std::max(largest[axis], rounded_up(size[axis]));
  }
  for (at::Tensor& image : images) {
    image = at::constant_pad_nd(image, {0, largest[1] - image.size(3), 0, largest[0] - image.size(2)});
  }
  batch.images = at::cat(images, 0);
  return batch;
}

/// Ratio of two sides as a float, as the transform of boxes has it.
float ratio(std::int64_t to, std::int64_t from) { return static_cast<float>(to) / static_cast<float>(from); }

/// The entry's objects of image 0 in the network's pixels; nothing for the others.
std::vector<ImageTargets> make_targets(const json& entry, const Batch& batch) {
  std::vector<float> boxes;
  const float x = ratio(batch.sizes[0][1], batch.original[0][1]), y = ratio(batch.sizes[0][0], batch.original[0][0]);
  for (const json& box : entry.at("gt").at("image0_boxes_xyxy_original_pixels")) {
    for (std::size_t i = 0; i < 4; ++i) boxes.push_back(box[i].get<float>() * (i % 2 == 0 ? x : y));
  }
  const auto labels = entry.at("gt").at("image0_labels").get<std::vector<std::int64_t>>();
  std::vector<ImageTargets> targets{{at::tensor(boxes).view({-1, 4}), at::tensor(labels)}};
  while (targets.size() < batch.sizes.size()) targets.push_back({at::zeros({0, 4}), at::zeros({0}, at::kLong)});
  return targets;
}

/// "after the formula, add 2.5 to every element of NAME".
void apply_override(Detector& model, const json& entry) {
  if (!entry.contains("override")) return;
  double value = 0;
  char name[256] = {};
  const std::string text = entry.at("override").get<std::string>();
  ASSERT_EQ(std::sscanf(text.c_str(), "after the formula, add %lf to every element of %255s", &value, name), 2) << text;
  const at::NoGradGuard no_grad;
  for (const quant::NamedTensor& item : io::state_of(model)) {
    if (item.name == name) item.tensor.detach().add_(value);
  }
}

std::vector<FcosLevel> levels_of(Detector& model, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  std::vector<ImageSize> maps;
  for (const quant::NamedTensor& level : model.features(images)) {
    maps.push_back({level.tensor.size(2), level.tensor.size(3)});
  }
  return fcos_levels(maps, {images.size(2), images.size(3)});
}

void expect_network(Detector& model, const json& entry, const Batch& batch, const OracleTolerance& tolerance) {
  const at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> features;
  for (const quant::NamedTensor& item : model.features(batch.images)) features[item.name] = item.tensor;
  for (const json& level : entry.at("levels")) {
    const std::string name = level.at("level").get<std::string>();
    expect_statistics(level, features.at(name), tolerance, name);
  }
  const std::vector<quant::NamedTensor> outputs = model.outputs(batch.images);
  for (const quant::NamedTensor& item : outputs) {
    expect_statistics(entry.at(item.name), item.tensor, tolerance, item.name);
  }
  const json& expected = entry.at("postprocess");
  const at::Tensor scores = (outputs[0].tensor.sigmoid() * outputs[2].tensor.sigmoid()).sqrt();
  EXPECT_EQ(scores.gt(expected.at("score_thresh").get<double>()).sum().item<std::int64_t>(),
            expected.at("candidates_above_thresh").get<std::int64_t>());
}

void expect_locations(Detector& model, const json& entry, const Batch& batch) {
  const std::vector<FcosLevel> levels = levels_of(model, batch.images);
  std::vector<float> anchors;
  for (const FcosLevel& level : levels) {
    for (std::int64_t cell = 0; cell < level.cells(); ++cell) {
      const auto x = static_cast<float>(cell % level.width * level.stride_x);
      const auto y = static_cast<float>(cell / level.width * level.stride_y);
      const float half = level.size / 2;
      anchors.insert(anchors.end(), {x - half, y - half, x + half, y + half});
    }
  }
  ASSERT_EQ(anchors.size(), 4 * entry.at("n_anchors").get<std::size_t>());
  const auto first = entry.at("anchors_first3").get<std::vector<float>>();
  const auto last = entry.at("anchors_last").get<std::vector<float>>();
  EXPECT_TRUE(std::equal(first.begin(), first.end(), anchors.begin()));
  EXPECT_TRUE(std::equal(last.rbegin(), last.rend(), anchors.rbegin()));
}

void expect_targets(Detector& model, const json& entry, const Batch& one_image) {
  const json& expected = entry.at("targets_one_image");
  const std::vector<Box> boxes = checked_boxes(make_targets(entry, one_image)[0].boxes, "oracle");
  const std::vector<std::int64_t> match = match_locations(levels_of(model, one_image.images), boxes);
  json positives = json::array();
  std::vector<std::int64_t> per_object(boxes.size(), 0);
  for (std::size_t i = 0; i < match.size(); ++i) {
    if (match[i] < 0) continue;
    positives.push_back({i, match[i]});
    ++per_object[static_cast<std::size_t>(match[i])];
  }
  EXPECT_EQ(positives, expected.at("positive_anchor_index_and_gt"));
  EXPECT_EQ(positives.size(), expected.at("n_positive").get<std::size_t>());
  EXPECT_EQ(json(per_object), expected.at("per_gt"));
}

/// The tensor with the shortest name that ends so.
at::Tensor tensor_ending(Detector& model, const std::string& end) {
  quant::NamedTensor best;
  for (const quant::NamedTensor& item : io::state_of(model)) {
    if (ends_with(item.name, "." + end) && (best.name.empty() || item.name.size() < best.name.size())) best = item;
  }
  if (best.name.empty()) ADD_FAILURE() << "no tensor " << end;
  return best.tensor;
}

/// Keys "grad_LAYER_bias", "grad_LAYER_bias_firstN" and "grad_LAYER_abs_sum" (of the weight).
void expect_gradients(Detector& model, const json& entry, double relative) {
  int compared = 0;
  for (const auto& [key, expected] : entry.items()) {
    if (key.rfind("grad_", 0) != 0) continue;
    ++compared;
    if (ends_with(key, "_abs_sum")) {
      const double wanted = expected.get<double>();
      const at::Tensor grad = tensor_ending(model, key.substr(5, key.size() - 13) + ".weight").grad();
      EXPECT_NEAR(grad.abs().sum().item<double>(), wanted, relative * wanted) << key;
      continue;
    }
    const std::vector<double> values =
        numbers(tensor_ending(model, key.substr(5, key.find("_bias") - 5) + ".bias").grad());
    double largest = 0;
    for (const json& number : expected) largest = std::max(largest, std::abs(number.get<double>()));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(values.at(i), expected[i].get<double>(), relative * largest) << key << "[" << i << "]";
    }
  }
  EXPECT_GT(compared, 0);
}

void expect_losses(Detector& model, const json& expected, const json& entry, const Batch& batch, bool is_double) {
  for (at::Tensor& parameter : model.parameters()) parameter.mutable_grad() = at::Tensor();
  const OracleTolerance tolerance{is_double};
  at::Tensor total;
  for (const quant::NamedTensor& loss : model.losses(batch.images, make_targets(entry, batch), batch.sizes)) {
    const double wanted = expected.at(loss.name).get<double>();
    EXPECT_NEAR(loss.tensor.item<double>(), wanted, tolerance.loss() * wanted) << loss.name;
    total = total.defined() ? total + loss.tensor : loss.tensor;
  }
  const double wanted = expected.at("total").get<double>();
  EXPECT_NEAR(total.item<double>(), wanted, tolerance.loss() * wanted);
  total.backward();
  expect_gradients(model, expected, is_double ? 1e-5 : 1e-3);
}

void expect_detections(Detector& model, const json& entry, const Batch& batch) {
  const json& post = entry.at("postprocess");
  model.set_thresholds({post.at("score_thresh").get<double>(), post.at("nms_thresh").get<double>(),
                        post.at("topk").get<std::int64_t>(), post.at("detections_per_img").get<std::int64_t>()});
  const std::vector<FoundBoxes> found = model.detect(batch.images, batch.sizes);
  for (std::size_t image = 0; image < found.size(); ++image) {
    const json& expected = post.at("detections")[image];
    const std::vector<double> labels = numbers(found[image].labels), scores = numbers(found[image].scores);
    ASSERT_EQ(labels, expected.at("labels").get<std::vector<double>>());
    EXPECT_EQ(labels.size(), expected.at("n").get<std::size_t>());
    for (std::size_t i = 0; i < expected.at("scores_first10").size(); ++i) {
      EXPECT_NEAR(scores.at(i), expected.at("scores_first10")[i].get<double>(), 2e-5);
    }
    const double x = ratio(batch.original[image][1], batch.sizes[image][1]);
    const double y = ratio(batch.original[image][0], batch.sizes[image][0]);
    const std::vector<double> boxes = numbers(found[image].boxes);
    const auto pixel = [&](std::size_t i) { return boxes.at(i) * (i % 2 == 0 ? x : y); };
    const json& first = expected.at("boxes_first5");
    for (std::size_t i = 0; i < 4 * first.size(); ++i) {
      EXPECT_NEAR(pixel(i), first[i / 4][i % 4].get<double>(), 2e-2) << image << " " << i;
    }
    double sum = 0;
    for (std::size_t i = 0; i < boxes.size(); ++i) sum += pixel(i);
    EXPECT_NEAR(sum, expected.at("boxes_sum").get<double>(), 2e-2 * static_cast<double>(boxes.size()) / 4);
  }
}

void expect_entry(Detector& model, const json& entry, const json& format, bool is_double) {
  const auto type = is_double ? at::kDouble : at::kFloat;
  const OracleTolerance tolerance{is_double};
  Batch both = make_batch(entry, format, entry.at("images").size());
  Batch one = make_batch(entry, format, 1);
  both.images = both.images.to(type);
  one.images = one.images.to(type);
  for (std::size_t i = 0; i < both.sizes.size(); ++i) {
    EXPECT_EQ(json(both.sizes[i]), entry.at("resized_sizes_hw")[i]);
  }
  EXPECT_EQ(json(both.images.sizes().vec()), entry.at("batched_shape"));
  expect_statistics(entry.at("batched"), both.images, tolerance, "batched");
  expect_network(model, entry, both, tolerance);
  expect_locations(model, entry, both);
  expect_targets(model, entry, one);
  expect_losses(model, entry.at("loss_two_images_second_empty"), entry, both, is_double);
  expect_losses(model, entry.at("loss_one_image"), entry, one, is_double);
  expect_detections(model, entry, both);
}

TEST(ModelOracles, FcosInDoubleAndFloat) {
  DENSESHIFT_SKIP_WITHOUT_ORACLES();
  const json file = model_oracles();
  int compared = 0;
  for (const auto& [key, entry] : file.items()) {
    char backbone[64] = {};
    if (std::sscanf(key.c_str(), "fcos_%63[a-z0-9]_fpn", backbone) != 1) continue;
    quant::LayerPolicy policy({}, "paper", {});
    ModelOptions options{.policy = policy};
    options.category_ids.resize(entry.at("num_classes").get<std::size_t>());
    std::iota(options.category_ids.begin(), options.category_ids.end(), 0);
    const auto model = make_fcos(backbone, options);
    EXPECT_EQ(parameter_count(*model), entry.at("n_params").get<std::int64_t>());
    expect_names(*model, entry, key);
    model->eval();
    model->to(at::kDouble);
    fill(*model, file.at("format"));
    apply_override(*model, entry);
    {
      SCOPED_TRACE(key + " in double");
      expect_entry(*model, entry, file.at("format"), true);
    }
    model->to(at::kFloat);
    SCOPED_TRACE(key + " in float");
    expect_entry(*model, entry, file.at("format"), false);
    ++compared;
  }
  if (compared == 0) GTEST_SKIP() << "the file has no FCOS";
}

}  // namespace
}  // namespace denseshift::nn
