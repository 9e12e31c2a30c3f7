#pragma once
// SSD300 v1.1 (Liu et al. 2016; NVIDIA's network with a ResNet), with NVIDIA's names, starts and order of outputs.

#include <memory>
#include <string>

#include "core/nn/detection/detector.h"
#include "core/nn/model.h"

namespace denseshift::nn {

/// Probability above 0.05, the best 200 of each class, boxes of a class with IoU of 0.5 or more suppressed, 200 kept.
[[nodiscard]] DetectionThresholds ssd_thresholds();

/// `backbone`: "resnet18", "resnet34" or "resnet50". Square images of ModelOptions::image_size pixels (0: 300); how
/// many levels and which default boxes that gives is in ssd_levels(). Honours category_ids (for the number of classes;
/// the network has background 0 and 1 to classes), freeze_norm, width and activations.
///
/// Additional blocks are part "head" and `extra` to the policy; `loc` and `conf` are its predictions. Activations are
/// quantized at every ReLU that a quantized layer reads.
///
/// outputs(): "loc" (N, 4, boxes), "conf" (N, 1 + classes, boxes). features(): "map0", "map1", ... of the levels.
/// Throws usage errors for options that do not fit.
[[nodiscard]] std::shared_ptr<Detector> make_ssd(const std::string& backbone, const ModelOptions& options);

}  // namespace denseshift::nn
