#include "core/nn/detection/ssd_boxes.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/util/error.h"

namespace denseshift::nn {
namespace {

constexpr std::int64_t kLeastSize = 64;
constexpr float kPositiveIou = 0.5F;
constexpr std::int64_t kNegativesPerPositive = 3;

/// Sides of the feature maps: the backbone's, behind three blocks of stride 2, behind two 3x3 blocks without padding.
std::vector<std::int64_t> map_sides(std::int64_t image_size) {
  std::vector<std::int64_t> sides{(image_size + 7) / 8};
  for (int block = 0; block < 3; ++block) sides.push_back((sides.back() + 1) / 2);
  while (sides.size() < 6 && sides.back() > 2) sides.push_back(sides.back() - 2);
  return sides;
}

/// What the loss needs of the default boxes that learn an object.
struct Positives {
  std::vector<std::int64_t> rows;     ///< image * boxes + box
  std::vector<std::int64_t> classes;  ///< per (image, box): 0 background
  std::vector<float> offsets;         ///< four per row
  std::vector<double> weights;        ///< per row: 1 / (positives of the image * images)
  std::vector<std::int64_t> counts;   ///< per image
};

Positives positives_of(const DefaultBoxes& defaults, const std::vector<CheckedTargets>& objects) {
  Positives result;
  result.classes.assign(objects.size() * defaults.centred.size(), 0);
  for (std::size_t image = 0; image < objects.size(); ++image) {
    const std::vector<std::int64_t> match = match_default_boxes(defaults, objects[image].boxes);
    std::int64_t count = 0;
    for (std::size_t box = 0; box < match.size(); ++box) {
      if (match[box] < 0) continue;
      const auto object = static_cast<std::size_t>(match[box]);
      const std::size_t row = image * match.size() + box;
      const Box offsets = encode_offsets(objects[image].boxes[object], defaults.centred[box]);
      result.rows.push_back(static_cast<std::int64_t>(row));
      result.classes[row] = objects[image].labels[object] + 1;
      result.offsets.insert(result.offsets.end(), offsets.begin(), offsets.end());
      ++count;
    }
    result.counts.push_back(count);
    const double weight = 1 / (static_cast<double>(count) * static_cast<double>(objects.size()));
    result.weights.insert(result.weights.end(), static_cast<std::size_t>(count), weight);
  }
  return result;
}

/// Sum over the mined negatives of each image, weighted like its positives. `losses`: cross-entropies (N, boxes).
at::Tensor mined_negatives(const at::Tensor& losses, const at::Tensor& positive_rows, const Positives& positives) {
  const std::int64_t images = losses.size(0), boxes = losses.size(1);
  std::int64_t most = 0;
  for (const std::int64_t count : positives.counts) most = std::max(most, kNegativesPerPositive * count);
  most = std::min(most, boxes);
  at::Tensor weights = at::zeros({images, most}, at::kDouble);
  for (std::int64_t image = 0; image < images; ++image) {
    const std::int64_t count = positives.counts[static_cast<std::size_t>(image)];
    if (count == 0) continue;
    weights.select(0, image)
        .slice(0, 0, std::min(kNegativesPerPositive * count, boxes))
        .fill_(1 / (static_cast<double>(count) * static_cast<double>(images)));
  }
  const at::Tensor ranked = losses.detach().clone();
  ranked.view({-1}).index_fill_(0, positive_rows, 0);
  const at::Tensor hardest = std::get<1>(ranked.topk(most, 1));
  return (losses.gather(1, hardest) * weights.to(losses.options())).sum();
}

}  // namespace

std::vector<SsdLevel> ssd_levels(std::int64_t image_size) {
  if (image_size < kLeastSize) {
    throw usage_error(fmt::format("image_size: SSD cannot work on {} pixels", image_size),
                      fmt::format("use at least {}", kLeastSize));
  }
  const std::vector<std::int64_t> sides = map_sides(image_size);
  const std::vector<double> percent = sides.size() == 6 ? std::vector<double>{7, 15, 33, 51, 69, 87, 105}
                                                        : std::vector<double>{10, 22, 40, 60, 80, 100};
  const auto size = static_cast<double>(image_size);
  std::vector<SsdLevel> levels;
  for (std::size_t l = 0; l < sides.size(); ++l) {
    SsdLevel level;
    level.map = sides[l];
    level.step = l < 4 ? std::ldexp(8, static_cast<int>(l)) : size / static_cast<double>(sides[l]);
    level.scale = std::round(size * percent[l] / 100);
    level.next_scale = std::round(size * percent[l + 1] / 100);
    level.ratios = l == 0 || sides[l] < 4 ? std::vector<double>{2} : std::vector<double>{2, 3};
    levels.push_back(std::move(level));
  }
  return levels;
}

DefaultBoxes default_boxes(const std::vector<SsdLevel>& levels, std::int64_t image_size) {
  const auto size = static_cast<double>(image_size);
  DefaultBoxes boxes;
  for (const SsdLevel& level : levels) {
    const double side = level.scale / size;
    const double mean = std::sqrt(side * (level.next_scale / size));
    std::vector<std::pair<double, double>> shapes{{side, side}, {mean, mean}};
    for (const double ratio : level.ratios) {
      const double root = std::sqrt(ratio);
      shapes.emplace_back(side * root, side / root);
      shapes.emplace_back(side / root, side * root);
    }
    const double cells = size / level.step;
    const auto unit = [](double x) { return std::clamp(static_cast<float>(x), 0.0F, 1.0F); };
    for (const auto& [width, height] : shapes) {
      for (std::int64_t y = 0; y < level.map; ++y) {
        for (std::int64_t x = 0; x < level.map; ++x) {
          const Box box{unit((static_cast<double>(x) + 0.5) / cells), unit((static_cast<double>(y) + 0.5) / cells),
                        unit(width), unit(height)};
          boxes.centred.push_back(box);
          boxes.corners.push_back(
              {box[0] - 0.5F * box[2], box[1] - 0.5F * box[3], box[0] + 0.5F * box[2], box[1] + 0.5F * box[3]});
        }
      }
    }
  }
  return boxes;
}

std::vector<std::int64_t> match_default_boxes(const DefaultBoxes& defaults, const std::vector<Box>& objects) {
  const std::size_t count = defaults.corners.size();
  std::vector<std::int64_t> match(count, -1);
  std::vector<float> best(count, -1);
  std::vector<std::size_t> best_default(objects.size(), 0);
  for (std::size_t o = 0; o < objects.size(); ++o) {
    float best_of_object = -1;
    for (std::size_t d = 0; d < count; ++d) {
      const float iou = box_iou(objects[o], defaults.corners[d]);
      if (iou > best_of_object) best_of_object = iou, best_default[o] = d;
      if (iou > best[d]) best[d] = iou, match[d] = static_cast<std::int64_t>(o);
    }
  }
  for (std::size_t d = 0; d < count; ++d) {
    if (!(best[d] > kPositiveIou)) match[d] = -1;
  }
  for (std::size_t o = 0; o < objects.size(); ++o) match[best_default[o]] = static_cast<std::int64_t>(o);
  return match;
}

Box encode_offsets(const Box& object, const Box& d) {
  const float x = 0.5F * (object[0] + object[2]), y = 0.5F * (object[1] + object[3]);
  const float width = object[2] - object[0], height = object[3] - object[1];
  return {10 * (x - d[0]) / d[2], 10 * (y - d[1]) / d[3], 5 * std::log(width / d[2]), 5 * std::log(height / d[3])};
}

Box decode_offsets(const Box& offsets, const Box& d) {
  const float x = 0.1F * offsets[0] * d[2] + d[0], y = 0.1F * offsets[1] * d[3] + d[1];
  const float width = std::exp(0.2F * offsets[2]) * d[2], height = std::exp(0.2F * offsets[3]) * d[3];
  return {x - 0.5F * width, y - 0.5F * height, x + 0.5F * width, y + 0.5F * height};
}

std::vector<quant::NamedTensor> ssd_losses(const at::Tensor& loc, const at::Tensor& conf, const DefaultBoxes& defaults,
                                           const std::vector<CheckedTargets>& objects) {
  const at::Tensor offsets = in_loss_precision(loc), logits = in_loss_precision(conf);
  const std::int64_t images = loc.size(0), boxes = defaults.count();
  const Positives positives = positives_of(defaults, objects);
  const auto count = static_cast<std::int64_t>(positives.rows.size());
  const at::Tensor rows = at::tensor(positives.rows, at::kLong).to(loc.device());
  const at::Tensor classes = at::tensor(positives.classes, at::kLong).view({images, boxes}).to(loc.device());
  const at::Tensor wanted = at::tensor(positives.offsets, at::kFloat).to(offsets.options()).view({count, 4});
  const at::Tensor weights = at::tensor(positives.weights, at::kDouble).to(offsets.options());

  const at::Tensor guessed = offsets.transpose(1, 2).reshape({-1, 4}).index_select(0, rows);
  const at::Tensor regression = at::smooth_l1_loss(guessed, wanted, at::Reduction::None).sum(1);
  const at::Tensor losses = at::cross_entropy_loss(logits, classes, {}, at::Reduction::None);
  const at::Tensor of_positives = (losses.reshape({-1}).index_select(0, rows) * weights).sum();
  return {{"bbox_regression", (regression * weights).sum()},
          {"classification", of_positives + mined_negatives(losses, rows, positives)}};
}

std::vector<std::vector<Candidate>> ssd_proposals(const at::Tensor& loc, const at::Tensor& conf,
                                                  const DefaultBoxes& defaults, const DetectionThresholds& thresholds) {
  const at::NoGradGuard no_grad;
  const std::int64_t boxes = defaults.count(), classes = conf.size(1);
  const at::Tensor probabilities = conf.to(at::kFloat).softmax(1).to(at::kCPU).contiguous();
  const at::Tensor offsets = loc.to(at::kCPU, at::kFloat).contiguous();
  const auto least = static_cast<float>(thresholds.score);
  std::vector<std::vector<Candidate>> proposals(static_cast<std::size_t>(conf.size(0)));
  for (std::size_t image = 0; image < proposals.size(); ++image) {
    const float* scores = probabilities.data_ptr<float>() + static_cast<std::int64_t>(image) * classes * boxes;
    const float* offset = offsets.data_ptr<float>() + static_cast<std::int64_t>(image) * 4 * boxes;
    std::vector<Candidate> of_class;
    for (std::int64_t c = 1; c < classes; ++c) {
      of_class.clear();
      for (std::int64_t box = 0; box < boxes; ++box) {
        if (scores[c * boxes + box] > least) of_class.push_back({{}, scores[c * boxes + box], c - 1, c * boxes + box});
      }
      keep_best(of_class, static_cast<std::size_t>(thresholds.candidates));
      for (Candidate& candidate : of_class) {
        const std::int64_t box = candidate.order % boxes;
        candidate.box =
            decode_offsets({offset[box], offset[boxes + box], offset[2 * boxes + box], offset[3 * boxes + box]},
                           defaults.centred[static_cast<std::size_t>(box)]);
        proposals[image].push_back(candidate);
      }
    }
  }
  return proposals;
}

}  // namespace denseshift::nn
