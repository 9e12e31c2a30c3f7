#pragma once
// FCOS (Tian et al. 2019) on a ResNet with a feature pyramid, with torchvision's names, starts and post-processing.

#include <memory>
#include <string>

#include "core/nn/detection/detector.h"
#include "core/nn/model.h"

namespace denseshift::nn {

/// Score above 0.2, the best 1000 of each level, boxes of a class with IoU above 0.6 suppressed, 100 boxes kept.
[[nodiscard]] DetectionThresholds fcos_thresholds();

/// `backbone`: "resnet18", "resnet34", "resnet50" or "resnet101". Honours ModelOptions::fpn_channels (a multiple of
/// 32), head_convs, category_ids, freeze_norm, width and activations.
///
/// The classification head has a channel for each id up to the largest one of category_ids, as published networks do;
/// without ids, and where they are negative or above 1023, class i has channel i + 1.
///
/// Pyramid convolutions are part "fpn" to the policy and have no norm behind them; towers are part "head"; cls_logits,
/// bbox_reg and bbox_ctrness are its predictions. Activations are quantized where there is a ReLU: the stages' outputs
/// (for the lateral convolutions), P6 (for p7) and in the towers. Pyramid levels have no ReLU, so what reads those
/// (output convolutions, p6, the first convolution of a tower) keeps floating-point inputs.
///
/// outputs(): "cls_logits" (N, locations, channels), "bbox_regression" (N, locations, 4), "bbox_ctrness"
/// (N, locations, 1). features(): "P3" to "P7". Throws usage errors for options that do not fit.
[[nodiscard]] std::shared_ptr<Detector> make_fcos(const std::string& backbone, const ModelOptions& options);

}  // namespace denseshift::nn
