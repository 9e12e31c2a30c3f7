#include "core/nn/detection/fcos_boxes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace denseshift::nn {
namespace {

constexpr float kCentreRadius = 1.5F;  ///< of the sampled middle of a box, in sizes of the level
constexpr float kAreaBase = 1e8F;
constexpr double kAlpha = 0.25;  ///< of the focal loss; gamma is 2

/// First and last cell that can be nearer than `radius` to `centre`, within [0, cells).
std::pair<std::int64_t, std::int64_t> cells_near(float centre, float radius, std::int64_t stride, std::int64_t cells) {
  const auto cell = [&](double pixel) {
    return static_cast<std::int64_t>(std::clamp(pixel / static_cast<double>(stride), -1.0, static_cast<double>(cells)));
  };
  const std::int64_t first = cell(static_cast<double>(centre) - static_cast<double>(radius)) - 1;
  const std::int64_t last = cell(static_cast<double>(centre) + static_cast<double>(radius)) + 1;
  return {std::max<std::int64_t>(first, 0), std::min(last, cells - 1)};
}

/// A location that learns an object.
struct Positive {
  std::int64_t image = 0, cell = 0, channel = 0;
  std::array<float, 2> point{};
  Box box{};

  [[nodiscard]] float centreness() const {
    const float left = point[0] - box[0], top = point[1] - box[1];
    const float right = box[2] - point[0], bottom = box[3] - point[1];
    return std::sqrt(std::min(left, right) / std::max(left, right) * (std::min(top, bottom) / std::max(top, bottom)));
  }
};

/// By level.
std::vector<std::vector<Positive>> positives_of(const std::vector<FcosLevel>& levels,
                                                const std::vector<CheckedTargets>& objects) {
  std::vector<std::vector<Positive>> positives(levels.size());
  for (std::size_t image = 0; image < objects.size(); ++image) {
    const std::vector<std::int64_t> match = match_locations(levels, objects[image].boxes);
    std::size_t location = 0;
    for (std::size_t l = 0; l < levels.size(); ++l) {
      const FcosLevel& level = levels[l];
      for (std::int64_t cell = 0; cell < level.cells(); ++cell, ++location) {
        if (match[location] < 0) continue;
        const auto object = static_cast<std::size_t>(match[location]);
        positives[l].push_back({static_cast<std::int64_t>(image),
                                cell,
                                objects[image].labels[object],
                                {static_cast<float>(cell % level.width * level.stride_x),
                                 static_cast<float>(cell / level.width * level.stride_y)},
                                objects[image].boxes[object]});
      }
    }
  }
  return positives;
}

/// p^2 softplus(x) (1 - alpha): the focal loss of entries whose class is absent.
at::Tensor absent_loss(const at::Tensor& x) { return x.sigmoid().square() * at::softplus(x) * (1 - kAlpha); }

/// (1 - p)^2 softplus(-x) alpha: of entries whose class is present.
at::Tensor present_loss(const at::Tensor& x) {
  const at::Tensor negative = x.neg();
  return negative.sigmoid().square() * at::softplus(negative) * kAlpha;
}

/// The three sums of one level.
struct LevelSums {
  at::Tensor classification, regression, centreness;
};

LevelSums level_sums(const FcosMaps& maps, const FcosLevel& level, const std::vector<Positive>& positives) {
  const std::int64_t channels = maps.logits.size(1), cells = level.cells();
  const auto count = static_cast<std::int64_t>(positives.size());
  std::vector<std::int64_t> entries, locations;
  std::vector<float> points, boxes, centreness;
  for (const Positive& p : positives) {
    entries.push_back((p.image * channels + p.channel) * cells + p.cell);
    locations.push_back(p.image * cells + p.cell);
    points.insert(points.end(), p.point.begin(), p.point.end());
    boxes.insert(boxes.end(), p.box.begin(), p.box.end());
    centreness.push_back(p.centreness());
  }
  const at::Tensor logits = in_loss_precision(maps.logits);
  const at::TensorOptions real = logits.options();
  const auto index = [&](const std::vector<std::int64_t>& v) { return at::tensor(v, at::kLong).to(logits.device()); };
  const auto numbers = [&](const std::vector<float>& v) { return at::tensor(v, at::kFloat).to(real); };

  LevelSums sums;
  // Every entry as an absent class, then the few present ones put right: no one-hot target of that size is needed.
  const at::Tensor present = logits.reshape({-1}).index_select(0, index(entries));
  sums.classification = absent_loss(logits).sum() + (present_loss(present) - absent_loss(present)).sum();
  const at::Tensor at_positives = index(locations);
  const at::Tensor distances =
      in_loss_precision(maps.distances).permute({0, 2, 3, 1}).reshape({-1, 4}).index_select(0, at_positives);
  const at::Tensor decoded =
      decode_distances(numbers(points).view({count, 2}), at::full({count}, level.size, real), distances);
  sums.regression = giou_loss(decoded, numbers(boxes).view({count, 4})).sum();
  const at::Tensor guess = in_loss_precision(maps.centreness).reshape({-1}).index_select(0, at_positives);
  // Cross-entropy on logits: softplus(x) - x t.
  sums.centreness = (at::softplus(guess) - guess * numbers(centreness)).sum();
  return sums;
}

float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

/// A little below the logit from which the score is above the threshold, for each centre-ness.
at::Tensor logit_bound(const at::Tensor& centreness, double threshold) {
  const double square = threshold > 0 ? threshold * threshold : 0;
  const at::Tensor least = at::clamp_max(square / centreness.sigmoid(), 1) * (1 - 1e-5);
  return (at::logit(least) - 1e-5).contiguous();
}

/// Collects the proposals of one image on one level, without their boxes; `order` is cell * channels + channel.
class Collector {
 public:
  /// `centreness`: of the image's cells, a float map on the CPU.
  Collector(const at::Tensor& centreness, const std::vector<std::int64_t>& label_of_channel,
            const DetectionThresholds& thresholds)
      : centreness_(centreness.contiguous()),
        label_of_channel_(label_of_channel),
        least_(static_cast<float>(thresholds.score)),
        most_(static_cast<std::size_t>(thresholds.candidates)),
        bound_(logit_bound(centreness_, thresholds.score)) {}

  /// Looks at all logits (channels, cells).
  void scan(const float* logits, std::int64_t cells) {
    constexpr std::int64_t kBlock = 64;
    for (std::size_t channel = 0; channel < label_of_channel_.size(); ++channel, logits += cells) {
      if (label_of_channel_[channel] < 0) continue;
      for (std::int64_t begin = 0; begin < cells; begin += kBlock) {
        const std::int64_t end = std::min(begin + kBlock, cells);
        const float* bound = bound_.data_ptr<float>();
        int any = 0;  // without a branch, so that the compiler uses vector instructions
        for (std::int64_t cell = begin; cell < end; ++cell) any |= logits[cell] > bound[cell] ? 1 : 0;
        if (any == 0) continue;
        for (std::int64_t cell = begin; cell < end; ++cell) {
          if (logits[cell] > bound[cell]) add(static_cast<std::int64_t>(channel), cell, logits[cell]);
        }
        if (found_.size() > kSlack * most_) prune();
      }
    }
  }

  void add(std::int64_t channel, std::int64_t cell, float logit) {
    const float score = std::sqrt(sigmoid(logit) * sigmoid(centreness_.data_ptr<float>()[cell]));
    if (!(score > least_)) return;
    const auto channels = static_cast<std::int64_t>(label_of_channel_.size());
    found_.push_back({{}, score, label_of_channel_[static_cast<std::size_t>(channel)], cell * channels + channel});
  }

  /// The best ones, best first.
  std::vector<Candidate> best() {
    keep_best(found_, most_);
    return std::move(found_);
  }

 private:
  static constexpr std::size_t kSlack = 8;

  /// More were found than can stay. The worst that stays is the new bound, so that a network that is sure of everything
  /// costs little more than one that is not.
  void prune() {
    keep_best(found_, most_);
    bound_ = logit_bound(centreness_, found_.empty() ? 1 : static_cast<double>(found_.back().score));
  }

  at::Tensor centreness_;
  const std::vector<std::int64_t>& label_of_channel_;
  float least_;
  std::size_t most_;
  at::Tensor bound_;
  std::vector<Candidate> found_;
};

/// Indices (in images x channels x cells) of the logits that may be proposals, found on the tensors' device.
at::Tensor likely_entries(const at::Tensor& logits, const at::Tensor& centreness,
                          const std::vector<std::int64_t>& label_of_channel, const DetectionThresholds& thresholds) {
  const std::int64_t images = logits.size(0), channels = logits.size(1), cells = logits.size(2) * logits.size(3);
  const at::Tensor labelled =
      at::tensor(label_of_channel, at::kLong).ge(0).view({1, channels, 1, 1}).to(logits.device());
  const at::Tensor mask = logits.gt(logit_bound(centreness, thresholds.score)).logical_and_(labelled);
  const at::Tensor index = mask.reshape({-1}).nonzero().select(1, 0);
  if (index.size(0) <= images * thresholds.candidates) return index;
  // More than can stay: the best of each image are chosen before anything leaves the device.
  const at::Tensor scores =
      at::where(mask, logits.sigmoid() * centreness.sigmoid(), at::full({}, -1, logits.options()));
  const auto [values, entries] =
      scores.reshape({images, -1}).topk(std::min(thresholds.candidates, channels * cells), 1);
  const at::Tensor first = at::arange(images, index.options()).mul_(channels * cells).unsqueeze(1);
  return (entries + first).masked_select(values.ge(0));
}

/// Proposals of one level for each image, without their boxes.
std::vector<std::vector<Candidate>> level_proposals(const FcosMaps& maps,
                                                    const std::vector<std::int64_t>& label_of_channel,
                                                    const DetectionThresholds& thresholds, ProposalSearch search) {
  const at::Tensor logits = maps.logits.to(at::kFloat).contiguous(), centreness = maps.centreness.to(at::kFloat);
  const std::int64_t images = logits.size(0), channels = logits.size(1), cells = logits.size(2) * logits.size(3);
  const at::Tensor host = centreness.to(at::kCPU);
  std::vector<Collector> collectors;
  for (std::int64_t image = 0; image < images; ++image) {
    collectors.emplace_back(host[image], label_of_channel, thresholds);
  }
  if (search == ProposalSearch::scan) {
    for (std::int64_t image = 0; image < images; ++image) {
      collectors[static_cast<std::size_t>(image)].scan(logits.data_ptr<float>() + image * channels * cells, cells);
    }
  } else {
    const at::Tensor index = likely_entries(logits, centreness, label_of_channel, thresholds);
    const at::Tensor values = logits.reshape({-1}).index_select(0, index).to(at::kCPU);
    const at::Tensor entries = index.to(at::kCPU);
    for (std::int64_t i = 0; i < entries.size(0); ++i) {
      const std::int64_t entry = entries.data_ptr<std::int64_t>()[i];
      collectors[static_cast<std::size_t>(entry / (cells * channels))].add(entry / cells % channels, entry % cells,
                                                                           values.data_ptr<float>()[i]);
    }
  }
  std::vector<std::vector<Candidate>> proposals;
  for (Collector& collector : collectors) proposals.push_back(collector.best());
  return proposals;
}

Box decoded(const float* distances, const FcosLevel& level, std::int64_t cell) {
  const auto x = static_cast<float>(cell % level.width * level.stride_x);
  const auto y = static_cast<float>(cell / level.width * level.stride_y);
  const auto distance = [&](std::int64_t side) { return distances[side * level.cells() + cell] * level.size; };
  return {x - distance(0), y - distance(1), x + distance(2), y + distance(3)};
}

}  // namespace

std::vector<FcosLevel> fcos_levels(const std::vector<ImageSize>& maps, const ImageSize& padded) {
  std::vector<FcosLevel> levels;
  float size = 8;
  for (const ImageSize& map : maps) {
    levels.push_back({map[0], map[1], padded[0] / map[0], padded[1] / map[1], size});
    size *= 2;
  }
  return levels;
}

std::vector<std::int64_t> match_locations(const std::vector<FcosLevel>& levels, const std::vector<Box>& boxes) {
  std::int64_t locations = 0;
  for (const FcosLevel& level : levels) locations += level.cells();
  std::vector<std::int64_t> match(static_cast<std::size_t>(locations), -1);
  std::vector<float> best(match.size(), 1e-5F);
  std::int64_t offset = 0;
  for (std::size_t l = 0; l < levels.size(); offset += levels[l].cells(), ++l) {
    const FcosLevel& level = levels[l];
    const float least = l == 0 ? 0 : 4 * level.size;
    const float most = l + 1 == levels.size() ? std::numeric_limits<float>::infinity() : 8 * level.size;
    const float radius = kCentreRadius * level.size;
    for (std::size_t b = 0; b < boxes.size(); ++b) {
      const Box& box = boxes[b];
      const float smallness = kAreaBase - box_area(box);
      const float centre_x = (box[0] + box[2]) / 2, centre_y = (box[1] + box[3]) / 2;
      const auto [first_x, last_x] = cells_near(centre_x, radius, level.stride_x, level.width);
      const auto [first_y, last_y] = cells_near(centre_y, radius, level.stride_y, level.height);
      for (std::int64_t cell_y = first_y; cell_y <= last_y; ++cell_y) {
        for (std::int64_t cell_x = first_x; cell_x <= last_x; ++cell_x) {
          const auto x = static_cast<float>(cell_x * level.stride_x), y = static_cast<float>(cell_y * level.stride_y);
          if (!(std::max(std::abs(x - centre_x), std::abs(y - centre_y)) < radius)) continue;
          const auto [nearest, farthest] = std::minmax({x - box[0], y - box[1], box[2] - x, box[3] - y});
          if (!(nearest > 0 && farthest > least && farthest < most)) continue;
          const auto i = static_cast<std::size_t>(offset + cell_y * level.width + cell_x);
          // At least 1e-5 the first time, afterwards better than what is there.
          if (match[i] < 0 ? smallness < best[i] : smallness <= best[i]) continue;
          best[i] = smallness;
          match[i] = static_cast<std::int64_t>(b);
        }
      }
    }
  }
  return match;
}

std::vector<quant::NamedTensor> fcos_losses(const std::vector<FcosMaps>& maps, const std::vector<FcosLevel>& levels,
                                            const std::vector<CheckedTargets>& objects) {
  const std::vector<std::vector<Positive>> positives = positives_of(levels, objects);
  std::size_t count = 0;
  LevelSums total;
  for (std::size_t l = 0; l < levels.size(); ++l) {
    count += positives[l].size();
    const LevelSums sums = level_sums(maps[l], levels[l], positives[l]);
    const auto add = [l](at::Tensor& to, const at::Tensor& x) { to = l == 0 ? x : to + x; };
    add(total.classification, sums.classification);
    add(total.regression, sums.regression);
    add(total.centreness, sums.centreness);
  }
  const auto divisor = static_cast<double>(std::max<std::size_t>(count, 1));
  return {{"classification", total.classification / divisor},
          {"bbox_regression", total.regression / divisor},
          {"bbox_ctrness", total.centreness / divisor}};
}

std::vector<std::vector<Candidate>> fcos_proposals(const std::vector<FcosMaps>& maps,
                                                   const std::vector<FcosLevel>& levels,
                                                   const std::vector<std::int64_t>& label_of_channel,
                                                   const DetectionThresholds& thresholds,
                                                   const std::vector<ImageSize>& sizes, ProposalSearch search) {
  const at::NoGradGuard no_grad;
  std::vector<std::vector<Candidate>> proposals(sizes.size());
  for (std::size_t l = 0; l < levels.size(); ++l) {
    const FcosLevel& level = levels[l];
    const at::Tensor distances = maps[l].distances.to(at::kCPU, at::kFloat).contiguous();
    std::vector<std::vector<Candidate>> of_image = level_proposals(maps[l], label_of_channel, thresholds, search);
    for (std::size_t image = 0; image < sizes.size(); ++image) {
      const float* sides = distances.data_ptr<float>() + static_cast<std::int64_t>(image) * 4 * level.cells();
      for (Candidate& candidate : of_image[image]) {
        const Box box = decoded(sides, level, candidate.order / maps[l].logits.size(1));
        candidate.box = clip_box(box, sizes[image][0], sizes[image][1]);
        candidate.order += static_cast<std::int64_t>(l) << 40;
        proposals[image].push_back(candidate);
      }
    }
  }
  return proposals;
}

}  // namespace denseshift::nn
