#include "core/nn/detection/boxes.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/util/error.h"

namespace denseshift::nn {

Box clip_box(const Box& box, std::int64_t height, std::int64_t width) {
  const auto within = [](float value, std::int64_t most) { return std::clamp(value, 0.0F, static_cast<float>(most)); };
  return {within(box[0], width), within(box[1], height), within(box[2], width), within(box[3], height)};
}

bool is_finite(const Box& box) {
  return std::all_of(box.begin(), box.end(), [](float number) { return std::isfinite(number); });
}

std::vector<Box> checked_boxes(const at::Tensor& boxes, const std::string& what) {
  if (boxes.numel() == 0) return {};
  if (boxes.dim() != 2 || boxes.size(1) != 4) throw input_error(fmt::format("{}: boxes are no (n, 4) tensor", what));
  const at::Tensor host = boxes.detach().to(at::kCPU, at::kFloat).contiguous();
  const float* numbers = host.data_ptr<float>();
  std::vector<Box> result(static_cast<std::size_t>(host.size(0)));
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::copy_n(numbers + 4 * i, 4, result[i].begin());
    const Box& box = result[i];
    if (!is_finite(box) || !(box[2] > box[0]) || !(box[3] > box[1])) {
      throw input_error(
          fmt::format("{}: box {} from ({}, {}) to ({}, {}) has no area", what, i, box[0], box[1], box[2], box[3]),
          "drop such boxes when reading the data");
    }
  }
  return result;
}

at::Tensor giou_loss(const at::Tensor& predicted, const at::Tensor& wanted) {
  constexpr double kEpsilon = 1e-7;
  const auto area = [](const at::Tensor& corner1, const at::Tensor& corner2) {
    const at::Tensor sides = corner2 - corner1;
    return sides.select(1, 0) * sides.select(1, 1);
  };
  const at::Tensor p1 = predicted.slice(1, 0, 2), p2 = predicted.slice(1, 2, 4);
  const at::Tensor w1 = wanted.slice(1, 0, 2), w2 = wanted.slice(1, 2, 4);
  const at::Tensor sides = at::minimum(p2, w2) - at::maximum(p1, w1);
  const at::Tensor meet = sides.gt(0).all(1);
  const at::Tensor product = sides.select(1, 0) * sides.select(1, 1);
  const at::Tensor common = at::where(meet, product, at::zeros_like(product));
  const at::Tensor together = area(p1, p2) + area(w1, w2) - common;
  const at::Tensor hull = area(at::minimum(p1, w1), at::maximum(p2, w2));
  return 1 - common / (together + kEpsilon) + (hull - together) / (hull + kEpsilon);
}

at::Tensor decode_distances(const at::Tensor& points, const at::Tensor& sizes, const at::Tensor& distances) {
  const at::Tensor pixels = distances * sizes.unsqueeze(1);
  return at::cat({points - pixels.slice(1, 0, 2), points + pixels.slice(1, 2, 4)}, 1);
}

std::vector<Candidate> suppress(std::vector<Candidate> candidates, double threshold, NmsRule rule, std::size_t keep) {
  std::erase_if(candidates, [](const Candidate& c) { return std::isnan(c.score) || !is_finite(c.box); });
  std::sort(candidates.begin(), candidates.end(), better);
  // One pass over all labels: a box is compared with kept boxes only, and there are at most `keep` of them.
  std::unordered_map<std::int64_t, std::vector<Box>> kept_of_label;
  std::vector<Candidate> kept;
  for (const Candidate& candidate : candidates) {
    if (kept.size() >= keep) break;
    std::vector<Box>& rivals = kept_of_label[candidate.label];
    const bool removed = std::any_of(rivals.begin(), rivals.end(), [&](const Box& rival) {
      const double iou = box_iou(rival, candidate.box);
      return rule == NmsRule::above ? iou > threshold : !(iou < threshold);
    });
    if (removed) continue;
    rivals.push_back(candidate.box);
    kept.push_back(candidate);
  }
  return kept;
}

void keep_best(std::vector<Candidate>& candidates, std::size_t count) {
  if (candidates.size() > count) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count), candidates.end(),
                     better);
    candidates.resize(count);
  }
  std::sort(candidates.begin(), candidates.end(), better);
}

}  // namespace denseshift::nn
