#include "core/nn/models/resnet_body.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <stdexcept>

#include "core/nn/activation_layer.h"
#include "core/util/registry.h"

namespace denseshift::nn {
namespace {

quant::LayerSite backbone_site(std::string name) {
  quant::LayerSite site;
  site.name = std::move(name);
  site.part = "backbone";
  return site;
}

enum class Shortcut { identity, projection, padding };

}  // namespace

/// What a block is made of.
struct ResNetBody::BlockPlan {
  std::string name;  ///< "layer1.0" behind the prefix
  BlockKind kind = BlockKind::basic;
  std::int64_t in = 0;
  std::int64_t width = 0;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  bool padding_shortcut = false;

  [[nodiscard]] std::int64_t out() const { return kind == BlockKind::basic ? width : 4 * width; }
  [[nodiscard]] Shortcut shortcut() const {
    if (stride == 1 && in == out()) return Shortcut::identity;
    return padding_shortcut ? Shortcut::padding : Shortcut::projection;
  }
  [[nodiscard]] quant::LayerSite conv(const std::string& leaf) const { return backbone_site(name + "." + leaf); }
  [[nodiscard]] quant::LayerSite projection() const {
    quant::LayerSite site = backbone_site(name + ".downsample.0");
    site.shortcut = true;
    return site;
  }
  /// The layers that read the block's input.
  [[nodiscard]] std::vector<quant::LayerSite> readers() const {
    std::vector<quant::LayerSite> sites{conv("conv1")};
    if (shortcut() == Shortcut::projection) sites.push_back(projection());
    return sites;
  }
};

/// One residual block, basic or bottleneck.
class ResNetBody::Block final : public torch::nn::Module {
 public:
  /// `readers`: the layers that read the block's output and could want it quantized.
  Block(const BlockPlan& plan, const std::vector<quant::LayerSite>& readers, const ModelOptions& options)
      : kind_(plan.kind), stride_(plan.stride), out_(plan.out()), shortcut_(plan.shortcut()) {
    const std::int64_t in = plan.in, width = plan.width, stride = plan.stride;
    const auto conv = [&](const char* leaf, std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t s) {
      const std::int64_t dilation = kernel == 1 ? 1 : plan.dilation;
      const quant::ConvGeometry geometry{s, kernel / 2 * dilation, dilation, 1};
      return register_module(leaf,
                             std::make_shared<Conv2d>(plan.conv(leaf), from, to, kernel, geometry, options.policy));
    };
    const auto norm = [&](const char* leaf, std::int64_t channels) {
      return register_module(leaf, std::make_shared<BatchNorm2d>(channels, options.freeze_norm));
    };
    if (kind_ == BlockKind::basic) {
      conv1_ = conv("conv1", in, width, 3, stride), bn1_ = norm("bn1", width);
      conv2_ = conv("conv2", width, width, 3, 1), bn2_ = norm("bn2", width);
    } else {
      conv1_ = conv("conv1", in, width, 1, 1), bn1_ = norm("bn1", width);
      conv2_ = conv("conv2", width, width, 3, stride), bn2_ = norm("bn2", width);
      conv3_ = conv("conv3", width, out_, 1, 1), bn3_ = norm("bn3", out_);
    }
    if (shortcut_ == Shortcut::projection) {
      // torchvision keeps convolution and norm in a Sequential: downsample.0 and downsample.1.
      auto sequential = register_module("downsample", std::make_shared<torch::nn::Module>());
      shortcut_conv_ = std::make_shared<Conv2d>(plan.projection(), in, out_, 1, quant::ConvGeometry{stride, 0, 1, 1},
                                                options.policy);
      shortcut_bn_ = std::make_shared<BatchNorm2d>(out_, options.freeze_norm);
      sequential->register_module("0", shortcut_conv_);
      sequential->register_module("1", shortcut_bn_);
    }
    // Registered only where they quantize, so that a full-precision network keeps torchvision's names.
    const auto act = [&](const char* leaf, std::int64_t channels, const std::vector<quant::LayerSite>& sites) {
      std::shared_ptr<Activation> activation = make_activation(options, channels, sites);
      if (activation) register_module(leaf, activation);
      return activation;
    };
    act1_ = act("act1", width, {plan.conv("conv2")});
    if (kind_ == BlockKind::bottleneck) act2_ = act("act2", width, {plan.conv("conv3")});
    act_ = act("act", out_, readers);
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor y = activate(act1_, bn1_->forward(conv1_->forward(x)));
    y = bn2_->forward(conv2_->forward(y));
    if (kind_ == BlockKind::bottleneck) y = bn3_->forward(conv3_->forward(activate(act2_, y)));
    return activate(act_, y.add_(shortcut(x)));
  }

 private:
  at::Tensor shortcut(const at::Tensor& x) {
    switch (shortcut_) {
      case Shortcut::identity:
        return x;
      case Shortcut::projection:
        return shortcut_bn_->forward(shortcut_conv_->forward(x));
      case Shortcut::padding:
        break;
    }
    // Option A of He et al.: take every stride-th pixel and fill the new channels with zeros, half on each side.
    const at::Tensor picked = x.slice(2, 0, x.size(2), stride_).slice(3, 0, x.size(3), stride_);
    const std::int64_t extra = out_ - x.size(1);
    return at::constant_pad_nd(picked, {0, 0, 0, 0, extra / 2, extra - extra / 2});
  }

  BlockKind kind_;
  std::int64_t stride_;
  std::int64_t out_;
  Shortcut shortcut_;
  std::shared_ptr<Conv2d> conv1_, conv2_, conv3_, shortcut_conv_;
  std::shared_ptr<BatchNorm2d> bn1_, bn2_, bn3_, shortcut_bn_;
  std::shared_ptr<Activation> act1_, act2_, act_;  ///< null: ReLU
};

ResNetShape resnet_shape(const std::string& name) {
  static const Registry<ResNetShape> registry = [] {
    Registry<ResNetShape> r("ResNet");
    r.add("resnet18", "", {BlockKind::basic, {2, 2, 2, 2}, 64, true});
    r.add("resnet34", "", {BlockKind::basic, {3, 4, 6, 3}, 64, true});
    r.add("resnet50", "", {BlockKind::bottleneck, {3, 4, 6, 3}, 64, true});
    r.add("resnet101", "", {BlockKind::bottleneck, {3, 4, 23, 3}, 64, true});
    for (const std::int64_t n : {3, 5, 7, 9}) {
      r.add("resnet" + std::to_string(6 * n + 2), "", {BlockKind::basic, {n, n, n}, 16, false});
    }
    return r;
  }();
  return registry.get(name);
}

BodyPlan standard_body(ResNetShape shape) {
  BodyPlan plan{std::move(shape), {}};
  for (std::size_t stage = 0; stage < plan.shape.blocks.size(); ++stage) plan.stages.push_back({stage == 0 ? 1 : 2});
  return plan;
}

BodyPlan dilated_body(ResNetShape shape) {
  BodyPlan plan = standard_body(std::move(shape));
  std::int64_t dilation = 1;
  for (std::size_t stage = plan.stages.size() - 2; stage < plan.stages.size(); ++stage, dilation *= 2) {
    plan.stages[stage] = {1, dilation, 2 * dilation};
  }
  return plan;
}

/// All blocks in their order.
std::vector<ResNetBody::BlockPlan> ResNetBody::block_plans(const BodyPlan& plan, std::int64_t stem_width) {
  std::vector<BlockPlan> blocks;
  std::int64_t in = stem_width;
  std::int64_t width = stem_width;
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage, width *= 2) {
    const StageGeometry& geometry = plan.stages[stage];
    for (std::int64_t b = 0; b < plan.shape.blocks[stage]; ++b) {
      const std::string name = plan.names.prefix + plan.names.stages[stage] + "." + std::to_string(b);
      blocks.push_back({name, plan.shape.kind, in, width, b == 0 ? geometry.stride : 1,
                        b == 0 ? geometry.first_dilation : geometry.dilation, !plan.shape.imagenet_stem});
      in = blocks.back().out();
    }
  }
  return blocks;
}

ResNetBody::ResNetBody(torch::nn::Module& owner, const BodyPlan& plan, const ModelOptions& options)
    : imagenet_stem_(plan.shape.imagenet_stem) {
  if (plan.stages.size() > std::min(plan.shape.blocks.size(), plan.names.stages.size())) {
    throw std::logic_error("a body has more stages than its network");
  }
  const std::int64_t stem_width = plan.shape.width * options.width;
  const std::vector<BlockPlan> plans = block_plans(plan, stem_width);
  const quant::ConvGeometry geometry =
      imagenet_stem_ ? quant::ConvGeometry{2, 3, 1, 1} : quant::ConvGeometry{1, 1, 1, 1};
  quant::LayerSite first = backbone_site(plan.names.prefix + plan.names.conv);
  first.first = true;
  conv_ = owner.register_module(
      plan.names.conv, std::make_shared<Conv2d>(std::move(first), options.channels, stem_width, imagenet_stem_ ? 7 : 3,
                                                geometry, options.policy));
  norm_ = owner.register_module(plan.names.norm, std::make_shared<BatchNorm2d>(stem_width, options.freeze_norm));
  // In front of the pooling, which takes the largest value and so only picks levels.
  act_ = make_activation(options, stem_width, plans.front().readers());
  if (act_) owner.register_module(plan.names.activation, act_);
  std::size_t i = 0;
  for (std::size_t stage = 0; stage < plan.stages.size(); ++stage) {
    auto sequential = owner.register_module(plan.names.stages[stage], std::make_shared<torch::nn::Module>());
    stages_.emplace_back();
    for (std::int64_t b = 0; b < plan.shape.blocks[stage]; ++b, ++i) {
      std::vector<quant::LayerSite> readers;
      if (i + 1 < plans.size()) readers = plans[i + 1].readers();
      if (b + 1 == plan.shape.blocks[stage] && stage < plan.readers.size()) {
        readers.insert(readers.end(), plan.readers[stage].begin(), plan.readers[stage].end());
      }
      stages_.back().push_back(
          sequential->register_module(std::to_string(b), std::make_shared<Block>(plans[i], readers, options)));
    }
    channels_.push_back(plans[i - 1].out());
  }
}

at::Tensor ResNetBody::stem(const at::Tensor& images) {
  const at::Tensor x = activate(act_, norm_->forward(conv_->forward(images)));
  return imagenet_stem_ ? at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1}) : x;
}

at::Tensor ResNetBody::run_stage(std::size_t stage, at::Tensor x) {
  for (const auto& block : stages_[stage]) x = block->forward(x);
  return x;
}

std::vector<at::Tensor> ResNetBody::stages(const at::Tensor& images) {
  std::vector<at::Tensor> outputs;
  at::Tensor x = stem(images);
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) outputs.push_back(x = run_stage(stage, x));
  return outputs;
}

at::Tensor ResNetBody::forward(const at::Tensor& images) {
  at::Tensor x = stem(images);
  for (std::size_t stage = 0; stage < stages_.size(); ++stage) x = run_stage(stage, std::move(x));
  return x;
}

}  // namespace denseshift::nn
