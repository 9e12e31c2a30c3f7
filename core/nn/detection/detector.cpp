#include "core/nn/detection/detector.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "core/util/error.h"

namespace denseshift::nn {

std::vector<CheckedTargets> check_targets(const at::Tensor& images, const std::vector<ImageTargets>& targets,
                                          const std::vector<ImageSize>& sizes, std::int64_t classes) {
  const auto count = static_cast<std::size_t>(images.size(0));
  if (targets.size() != count || sizes.size() != count) {
    throw std::invalid_argument("one target and one size for each image");
  }
  std::vector<CheckedTargets> checked;
  for (std::size_t image = 0; image < count; ++image) {
    const std::string what = fmt::format("image {} of the batch", image);
    CheckedTargets& target = checked.emplace_back();
    target.boxes = checked_boxes(targets[image].boxes, what);
    const at::Tensor labels = targets[image].labels.to(at::kCPU, at::kLong).contiguous();
    if (labels.numel() != static_cast<std::int64_t>(target.boxes.size())) {
      throw std::invalid_argument("one label for each box");
    }
    const std::int64_t* label = labels.data_ptr<std::int64_t>();
    target.labels.assign(label, label + labels.numel());
    for (const std::int64_t l : target.labels) {
      if (l < 0 || l >= classes) {
        throw input_error(fmt::format("{}: label {} is not one of the {} classes of the network", what, l, classes));
      }
    }
  }
  return checked;
}

FoundBoxes found_boxes(const std::vector<Candidate>& candidates) {
  const auto count = static_cast<std::int64_t>(candidates.size());
  FoundBoxes found{at::empty({count, 4}), at::empty({count}), at::empty({count}, at::kLong)};
  float* boxes = found.boxes.data_ptr<float>();
  float* scores = found.scores.data_ptr<float>();
  std::int64_t* labels = found.labels.data_ptr<std::int64_t>();
  for (const Candidate& candidate : candidates) {
    boxes = std::copy(candidate.box.begin(), candidate.box.end(), boxes);
    *scores++ = candidate.score;
    *labels++ = candidate.label;
  }
  return found;
}

namespace {

/// "....fpn.inner_blocks.2.weight" -> "....fpn.inner_blocks.2.0.weight"; other names as they are.
std::string new_pyramid_name(const std::string& name) {
  for (const std::string block : {"fpn.inner_blocks.", "fpn.layer_blocks."}) {
    const std::size_t at = name.find(block);
    if (at == std::string::npos || (at > 0 && name[at - 1] != '.')) continue;
    const std::size_t digits = at + block.size();
    const std::size_t end = name.find_first_not_of("0123456789", digits);
    if (end == std::string::npos || end == digits) continue;
    const std::string rest = name.substr(end);
    if (rest == ".weight" || rest == ".bias") return name.substr(0, end) + ".0" + rest;
  }
  return name;
}

}  // namespace

std::map<std::string, at::Tensor> normalise_detection_names(std::map<std::string, at::Tensor> tensors) {
  std::map<std::string, at::Tensor> renamed;
  for (auto& [name, tensor] : tensors) {
    const std::string to = new_pyramid_name(name);
    // Where both names are there, the old one stays and whoever loads the tensors says so.
    renamed.emplace(to != name && tensors.count(to) != 0 ? name : to, tensor);
  }
  return renamed;
}

}  // namespace denseshift::nn
