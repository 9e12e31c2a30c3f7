#pragma once
// Detectors and batches for tests: a few seconds for all of them on one core.

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/nn/detection/fcos.h"
#include "core/nn/detection/ssd.h"

namespace denseshift::testing {

/// Pixels of their square inputs.
inline constexpr std::int64_t kSide = 64;

/// Options of a method by name.
inline quant::MethodOptions method(const std::string& name, std::int64_t bits, const std::string& init = "lvr") {
  quant::MethodOptions options;
  options.method = name;
  options.wbits = bits;
  options.init = init;
  return options;
}

/// Three classes and narrow parts. `policy` must outlive what is made of it.
inline nn::ModelOptions small(quant::LayerPolicy& policy, std::int64_t abits = 32) {
  nn::ModelOptions options{.policy = policy};
  options.classes = 3;
  options.image_size = kSide;
  options.fpn_channels = 64;
  options.head_convs = 2;
  options.abits = abits;
  return options;
}

/// "fcos" or "ssd" on ResNet-18, started from one seed.
inline std::shared_ptr<nn::Detector> make(const std::string& kind, const nn::ModelOptions& options) {
  auto model = kind == "fcos" ? nn::make_fcos("resnet18", options) : nn::make_ssd("resnet18", options);
  nn::initialize(*model, 1);
  return model;
}

/// Two images, the second without objects.
struct Batch {
  at::Tensor images = at::randn({2, 3, kSide, kSide});
  std::vector<nn::ImageTargets> targets = {
      {at::tensor({4.F, 6.F, 30.F, 40.F, 20.F, 10.F, 60.F, 62.F}).view({2, 4}), at::tensor({0L, 2L})},
      {at::zeros({0, 4}), at::zeros({0}, at::kLong)}};
  std::vector<nn::ImageSize> sizes = {{kSide, kSide}, {kSide, 50}};
};

}  // namespace denseshift::testing
