#include "core/nn/detection/fcos.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/nn/activation_layer.h"
#include "core/nn/detection/fcos_boxes.h"
#include "core/nn/models/resnet_body.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

constexpr std::int64_t kGroups = 32;
constexpr std::int64_t kLargestId = 1023;
constexpr double kPriorProbability = 0.01;

quant::LayerSite layer_site(std::string name, std::string part, bool normalized, bool prediction) {
  quant::LayerSite site;
  site.name = std::move(name);
  site.part = std::move(part);
  site.normalized = normalized;
  site.prediction = prediction;
  return site;
}

quant::LayerSite pyramid_site(const std::string& leaf) {
  return layer_site("backbone.fpn." + leaf, "fpn", false, false);
}

/// A 3x3 or 1x1 convolution with bias that keeps the size, or halves it with stride 2.
std::shared_ptr<Conv2d> make_conv(const quant::LayerSite& site, std::int64_t in, std::int64_t out, std::int64_t kernel,
                                  std::int64_t stride, const ConvStart& start, const ModelOptions& options) {
  auto conv = std::make_shared<Conv2d>(site, in, out, kernel, quant::ConvGeometry{stride, kernel / 2, 1, 1},
                                       options.policy, /*bias=*/true);
  conv->set_start(start);
  return conv;
}

/// Group normalization; eps 1e-5.
class GroupNorm final : public torch::nn::Module {
 public:
  explicit GroupNorm(std::int64_t channels) {
    weight_ = register_parameter("weight", at::ones({channels}));
    bias_ = register_parameter("bias", at::zeros({channels}));
  }
  at::Tensor forward(const at::Tensor& x) {
    return at::group_norm(x, kGroups, weight_, bias_, 1e-5, at::globalContext().userEnabledCuDNN());
  }

 private:
  at::Tensor weight_, bias_;
};

/// Registers `module` as PARENT.NAME.0, the place that torchvision's building blocks give it.
void register_in_sequence(torch::nn::Module& parent, std::size_t index, const std::shared_ptr<Conv2d>& module) {
  auto sequence = parent.register_module(std::to_string(index), std::make_shared<torch::nn::Module>());
  sequence->register_module("0", module);
}

/// Feature pyramid: P3, P4, P5 of three stages, P6 and P7 by convolutions of stride 2.
class Pyramid final : public torch::nn::Module {
 public:
  Pyramid(const std::vector<std::int64_t>& in, const ModelOptions& options) {
    const std::int64_t channels = options.fpn_channels;
    const ConvStart start{ConvStart::Weight::kaiming_uniform, 0, 0.0};
    auto inner = register_module("inner_blocks", std::make_shared<torch::nn::Module>());
    auto layer = register_module("layer_blocks", std::make_shared<torch::nn::Module>());
    for (std::size_t i = 0; i < in.size(); ++i) {
      inner_.push_back(make_conv(inner_site(i), in[i], channels, 1, 1, start, options));
      layer_.push_back(
          make_conv(pyramid_site(fmt::format("layer_blocks.{}.0", i)), channels, channels, 3, 1, start, options));
      register_in_sequence(*inner, i, inner_.back());
      register_in_sequence(*layer, i, layer_.back());
    }
    auto extra = register_module("extra_blocks", std::make_shared<torch::nn::Module>());
    const quant::LayerSite p7 = pyramid_site("extra_blocks.p7");
    p6_ = extra->register_module("p6",
                                 make_conv(pyramid_site("extra_blocks.p6"), channels, channels, 3, 2, start, options));
    p7_ = extra->register_module("p7", make_conv(p7, channels, channels, 3, 2, start, options));
    act_ = make_activation(options, channels, {p7});
    if (act_) extra->register_module("act", act_);
  }

  /// The lateral convolution of input `i`, which reads a stage of the backbone.
  static quant::LayerSite inner_site(std::size_t i) { return pyramid_site(fmt::format("inner_blocks.{}.0", i)); }

  /// `stages`: fine to coarse.
  std::vector<at::Tensor> forward(const std::vector<at::Tensor>& stages) {
    std::vector<at::Tensor> levels(stages.size());
    at::Tensor sum;
    for (std::size_t i = stages.size(); i-- > 0;) {
      at::Tensor lateral = inner_[i]->forward(stages[i]);
      if (sum.defined()) lateral = lateral + at::upsample_nearest2d(sum, {lateral.size(2), lateral.size(3)});
      sum = lateral;
      levels[i] = layer_[i]->forward(sum);
    }
    levels.push_back(p6_->forward(levels.back()));
    // Not in place: the head reads P6 as it is.
    const at::Tensor& p6 = levels.back();
    levels.push_back(p7_->forward(act_ ? act_->forward(p6) : p6.relu()));
    return levels;
  }

 private:
  std::vector<std::shared_ptr<Conv2d>> inner_, layer_;
  std::shared_ptr<Conv2d> p6_, p7_;
  std::shared_ptr<Activation> act_;  ///< null: ReLU
};

const ConvStart kHeadStart{ConvStart::Weight::normal, 0.01, 0.0};

/// The convolutions of a head: 3x3 convolution, group norm and ReLU, several times. Children are numbered as in
/// torchvision's Sequential; a quantizer has the number of its ReLU.
class Tower final : public torch::nn::Module {
 public:
  /// `readers`: the layers that read the tower's output.
  Tower(const std::string& name, const std::vector<quant::LayerSite>& readers, const ModelOptions& options) {
    const auto site = [&](std::int64_t i) {
      return layer_site(fmt::format("{}.{}", name, 3 * i), "head", true, false);
    };
    for (std::int64_t i = 0; i < options.head_convs; ++i) {
      const bool last = i + 1 == options.head_convs;
      const auto child = [&](std::int64_t offset) { return std::to_string(3 * i + offset); };
      Step step;
      step.conv = register_module(
          child(0), make_conv(site(i), options.fpn_channels, options.fpn_channels, 3, 1, kHeadStart, options));
      step.norm = register_module(child(1), std::make_shared<GroupNorm>(options.fpn_channels));
      step.act =
          make_activation(options, options.fpn_channels, last ? readers : std::vector<quant::LayerSite>{site(i + 1)});
      if (step.act) register_module(child(2), step.act);
      steps_.push_back(std::move(step));
    }
  }

  at::Tensor forward(at::Tensor x) {
    for (const Step& step : steps_) x = activate(step.act, step.norm->forward(step.conv->forward(x)));
    return x;
  }

 private:
  struct Step {
    std::shared_ptr<Conv2d> conv;
    std::shared_ptr<GroupNorm> norm;
    std::shared_ptr<Activation> act;  ///< null: ReLU
  };
  std::vector<Step> steps_;
};

/// Both branches, shared by all levels.
class Head final : public torch::nn::Module {
 public:
  Head(std::int64_t channels, const ModelOptions& options) {
    const std::string classification = "head.classification_head.", regression = "head.regression_head.";
    const auto prediction = [](const std::string& name) { return layer_site(name, "head", false, true); };
    const quant::LayerSite logits = prediction(classification + "cls_logits");
    const quant::LayerSite boxes = prediction(regression + "bbox_reg");
    const quant::LayerSite centreness = prediction(regression + "bbox_ctrness");
    const std::int64_t in = options.fpn_channels;
    ConvStart prior = kHeadStart;
    prior.bias = -std::log((1 - kPriorProbability) / kPriorProbability);

    auto left = register_module("classification_head", std::make_shared<torch::nn::Module>());
    class_tower_ = left->register_module(
        "conv", std::make_shared<Tower>(classification + "conv", std::vector<quant::LayerSite>{logits}, options));
    logits_ = left->register_module("cls_logits", make_conv(logits, in, channels, 3, 1, prior, options));

    auto right = register_module("regression_head", std::make_shared<torch::nn::Module>());
    box_tower_ = right->register_module(
        "conv",
        std::make_shared<Tower>(regression + "conv", std::vector<quant::LayerSite>{boxes, centreness}, options));
    boxes_ = right->register_module("bbox_reg", make_conv(boxes, in, 4, 3, 1, kHeadStart, options));
    centreness_ = right->register_module("bbox_ctrness", make_conv(centreness, in, 1, 3, 1, kHeadStart, options));
  }

  FcosMaps forward(const at::Tensor& level) {
    const at::Tensor boxes = box_tower_->forward(level);
    return {logits_->forward(class_tower_->forward(level)), boxes_->forward(boxes).relu_(),
            centreness_->forward(boxes)};
  }

 private:
  std::shared_ptr<Tower> class_tower_, box_tower_;
  std::shared_ptr<Conv2d> logits_, boxes_, centreness_;
};

/// Channel of each class in the classification head.
std::vector<std::int64_t> class_channels(const ModelOptions& options) {
  const std::vector<std::int64_t>& ids = options.category_ids;
  const bool usable =
      !ids.empty() && std::all_of(ids.begin(), ids.end(), [](std::int64_t id) { return id >= 0 && id <= kLargestId; });
  if (usable) return ids;
  std::vector<std::int64_t> channels;
  const std::int64_t classes = ids.empty() ? options.classes : static_cast<std::int64_t>(ids.size());
  for (std::int64_t i = 0; i < classes; ++i) channels.push_back(i + 1);
  return channels;
}

class Fcos final : public Detector {
 public:
  Fcos(const ResNetShape& shape, const ModelOptions& options)
      : Detector(fcos_thresholds()), channel_of_class_(class_channels(options)) {
    const std::int64_t channels = *std::max_element(channel_of_class_.begin(), channel_of_class_.end()) + 1;
    class_of_channel_.assign(static_cast<std::size_t>(channels), -1);
    for (std::size_t c = 0; c < channel_of_class_.size(); ++c) {
      class_of_channel_[static_cast<std::size_t>(channel_of_class_[c])] = static_cast<std::int64_t>(c);
    }
    BodyPlan plan = standard_body(shape);
    plan.names = names();
    plan.readers = {{}, {Pyramid::inner_site(0)}, {Pyramid::inner_site(1)}, {Pyramid::inner_site(2)}};
    auto backbone = register_module("backbone", std::make_shared<torch::nn::Module>());
    auto owner = backbone->register_module("body", std::make_shared<torch::nn::Module>());
    body_ = std::make_unique<ResNetBody>(*owner, plan, options);
    const std::vector<std::int64_t>& stages = body_->channels();
    pyramid_ = backbone->register_module(
        "fpn", std::make_shared<Pyramid>(std::vector<std::int64_t>(stages.begin() + 1, stages.end()), options));
    head_ = register_module("head", std::make_shared<Head>(channels, options));
  }

  std::vector<quant::NamedTensor> losses(const at::Tensor& images, const std::vector<ImageTargets>& targets,
                                         const std::vector<ImageSize>& sizes) override {
    std::vector<CheckedTargets> objects =
        check_targets(images, targets, sizes, static_cast<std::int64_t>(channel_of_class_.size()));
    for (CheckedTargets& object : objects) {
      for (std::int64_t& label : object.labels) label = channel_of_class_[static_cast<std::size_t>(label)];
    }
    const std::vector<FcosMaps> maps = run(images);
    return fcos_losses(maps, levels(maps, images), objects);
  }

  std::vector<FoundBoxes> detect(const at::Tensor& images, const std::vector<ImageSize>& sizes) override {
    const at::NoGradGuard no_grad;
    const std::vector<FcosMaps> maps = run(images);
    const auto search = images.is_cpu() ? ProposalSearch::scan : ProposalSearch::tensor_operations;
    std::vector<FoundBoxes> found;
    for (std::vector<Candidate>& proposals :
         fcos_proposals(maps, levels(maps, images), class_of_channel_, thresholds(), sizes, search)) {
      found.push_back(found_boxes(suppress(std::move(proposals), thresholds().nms_iou, NmsRule::above,
                                           static_cast<std::size_t>(thresholds().kept))));
    }
    return found;
  }

  std::vector<quant::NamedTensor> outputs(const at::Tensor& images) override {
    std::vector<at::Tensor> logits, boxes, centreness;
    const auto flat = [](const at::Tensor& map) { return map.flatten(2).transpose(1, 2); };
    for (const FcosMaps& level : run(images)) {
      logits.push_back(flat(level.logits));
      boxes.push_back(flat(level.distances));
      centreness.push_back(flat(level.centreness));
    }
    return {{"cls_logits", at::cat(logits, 1)},
            {"bbox_regression", at::cat(boxes, 1)},
            {"bbox_ctrness", at::cat(centreness, 1)}};
  }

  [[nodiscard]] BackboneNames backbone_names() const override { return names(); }

  std::vector<quant::NamedTensor> features(const at::Tensor& images) override {
    std::vector<quant::NamedTensor> named;
    for (const at::Tensor& level : pyramid(images)) named.push_back({fmt::format("P{}", named.size() + 3), level});
    return named;
  }

 private:
  static BackboneNames names() {
    BackboneNames names;
    names.prefix = "backbone.body.";
    return names;
  }

  std::vector<at::Tensor> pyramid(const at::Tensor& images) {
    std::vector<at::Tensor> stages = body_->stages(images);
    stages.erase(stages.begin());
    return pyramid_->forward(stages);
  }

  std::vector<FcosMaps> run(const at::Tensor& images) {
    std::vector<FcosMaps> maps;
    for (const at::Tensor& level : pyramid(images)) maps.push_back(head_->forward(level));
    return maps;
  }

  static std::vector<FcosLevel> levels(const std::vector<FcosMaps>& maps, const at::Tensor& images) {
    std::vector<ImageSize> sizes;
    for (const FcosMaps& level : maps) sizes.push_back({level.logits.size(2), level.logits.size(3)});
    return fcos_levels(sizes, {images.size(2), images.size(3)});
  }

  std::vector<std::int64_t> channel_of_class_, class_of_channel_;
  std::unique_ptr<ResNetBody> body_;
  std::shared_ptr<Pyramid> pyramid_;
  std::shared_ptr<Head> head_;
};

}  // namespace

DetectionThresholds fcos_thresholds() { return {0.2, 0.6, 1000, 100}; }

std::shared_ptr<Detector> make_fcos(const std::string& backbone, const ModelOptions& options) {
  const ResNetShape shape = resnet_shape(backbone);
  if (!shape.imagenet_stem) {
    throw usage_error(fmt::format("backbone: FCOS cannot use '{}', which has no four stages", backbone),
                      "use resnet18, resnet34, resnet50 or resnet101");
  }
  if (options.fpn_channels < kGroups || options.fpn_channels % kGroups != 0) {
    throw usage_error(fmt::format("fpn_channels: {} is no multiple of {}", options.fpn_channels, kGroups));
  }
  if (options.head_convs < 1) throw usage_error("head_convs: use at least 1");
  return std::make_shared<Fcos>(shape, options);
}

}  // namespace denseshift::nn
