#include "core/nn/models/resnet.h"

#include <ATen/ATen.h>

#include "core/nn/activation_layer.h"
#include "core/nn/layers.h"

namespace denseshift::nn {
namespace {

quant::LayerSite site(std::string name, bool first = false) {
  quant::LayerSite result;
  result.name = std::move(name);
  result.first = first;
  return result;
}

quant::LayerSite classifier_site() {
  quant::LayerSite result;
  result.name = "fc";
  result.kind = quant::LayerSite::Kind::linear;
  result.classifier = true;
  result.normalized = false;
  return result;
}

enum class Shortcut { identity, projection, padding };

/// What a block is made of.
struct BlockPlan {
  std::string name;  ///< "layer1.0"
  BlockKind kind = BlockKind::basic;
  std::int64_t in = 0;
  std::int64_t width = 0;
  std::int64_t stride = 1;
  bool padding_shortcut = false;

  [[nodiscard]] std::int64_t out() const { return kind == BlockKind::basic ? width : 4 * width; }
  [[nodiscard]] Shortcut shortcut() const {
    if (stride == 1 && in == out()) return Shortcut::identity;
    return padding_shortcut ? Shortcut::padding : Shortcut::projection;
  }
  [[nodiscard]] quant::LayerSite conv(const std::string& leaf) const { return site(name + "." + leaf); }
  [[nodiscard]] quant::LayerSite projection() const {
    quant::LayerSite result = site(name + ".downsample.0");
    result.shortcut = true;
    return result;
  }
  /// The layers that read the block's input.
  [[nodiscard]] std::vector<quant::LayerSite> readers() const {
    std::vector<quant::LayerSite> sites{conv("conv1")};
    if (shortcut() == Shortcut::projection) sites.push_back(projection());
    return sites;
  }
};

/// One residual block, basic or bottleneck.
class Block final : public torch::nn::Module {
 public:
  /// `readers`: the layers that read the block's output and are no classifier.
  Block(const BlockPlan& plan, const std::vector<quant::LayerSite>& readers, const ModelOptions& options)
      : kind_(plan.kind), stride_(plan.stride), out_(plan.out()), shortcut_(plan.shortcut()) {
    const std::int64_t in = plan.in, width = plan.width, stride = plan.stride;
    const auto conv = [&](const char* leaf, std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t s) {
      return register_module(leaf, std::make_shared<Conv2d>(plan.conv(leaf), from, to, kernel,
                                                            quant::ConvGeometry{s, kernel / 2, 1, 1}, options.policy));
    };
    const auto norm = [&](const char* leaf, std::int64_t channels) {
      return register_module(leaf, std::make_shared<BatchNorm2d>(channels));
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
      shortcut_bn_ = std::make_shared<BatchNorm2d>(out_);
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

struct Shape {
  BlockKind kind = BlockKind::basic;
  std::vector<std::int64_t> blocks;  ///< per stage
  std::int64_t width = 64;           ///< of the first stage; doubles with each
  bool imagenet_stem = true;
};

/// All blocks in their order.
std::vector<BlockPlan> block_plans(const Shape& shape, std::int64_t stem_width) {
  std::vector<BlockPlan> plans;
  std::int64_t in = stem_width;
  std::int64_t width = stem_width;
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage, width *= 2) {
    for (std::int64_t b = 0; b < shape.blocks[stage]; ++b) {
      const std::string name = "layer" + std::to_string(stage + 1) + "." + std::to_string(b);
      plans.push_back({name, shape.kind, in, width, stage > 0 && b == 0 ? 2 : 1, !shape.imagenet_stem});
      in = plans.back().out();
    }
  }
  return plans;
}

class ResNet final : public Classifier {
 public:
  ResNet(const Shape& shape, const ModelOptions& options) : imagenet_stem_(shape.imagenet_stem) {
    const std::int64_t stem_width = shape.width * options.width;
    const std::vector<BlockPlan> plans = block_plans(shape, stem_width);
    const quant::ConvGeometry stem = imagenet_stem_ ? quant::ConvGeometry{2, 3, 1, 1} : quant::ConvGeometry{1, 1, 1, 1};
    conv1_ = register_module("conv1", std::make_shared<Conv2d>(site("conv1", true), 3, stem_width,
                                                               imagenet_stem_ ? 7 : 3, stem, options.policy));
    bn1_ = register_module("bn1", std::make_shared<BatchNorm2d>(stem_width));
    // In front of the pooling, which takes the largest value and so only picks levels.
    act_ = make_activation(options, stem_width, plans.front().readers());
    if (act_) register_module("act", act_);
    for (std::size_t stage = 0, i = 0; stage < shape.blocks.size(); ++stage) {
      auto sequential = register_module("layer" + std::to_string(stage + 1), std::make_shared<torch::nn::Module>());
      for (std::int64_t b = 0; b < shape.blocks[stage]; ++b, ++i) {
        // The last block is read by the classifier, whose input stays in floating point.
        const bool last = i + 1 == plans.size();
        auto block =
            std::make_shared<Block>(plans[i], last ? std::vector<quant::LayerSite>{} : plans[i + 1].readers(), options);
        sequential->register_module(std::to_string(b), block);
        blocks_.push_back(std::move(block));
      }
      stage_ends_.push_back(blocks_.size());
    }
    fc_ = register_module(
        "fc", std::make_shared<Linear>(classifier_site(), plans.back().out(), options.classes, options.policy));
  }

  at::Tensor forward(const at::Tensor& images) override {
    at::Tensor x = stem(images);
    for (const auto& block : blocks_) x = block->forward(x);
    return fc_->forward(x.mean({2, 3}));
  }

  /// "stem" (behind the pooling), "layer1", "layer2", ...
  std::vector<quant::NamedTensor> features(const at::Tensor& images) override {
    std::vector<quant::NamedTensor> outputs{{"stem", stem(images)}};
    std::size_t block = 0;
    for (const std::size_t end : stage_ends_) {
      at::Tensor x = outputs.back().tensor;
      for (; block < end; ++block) x = blocks_[block]->forward(x);
      outputs.push_back({"layer" + std::to_string(outputs.size()), x});
    }
    return outputs;
  }

 private:
  at::Tensor stem(const at::Tensor& images) {
    const at::Tensor x = activate(act_, bn1_->forward(conv1_->forward(images)));
    return imagenet_stem_ ? at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1}) : x;
  }

  bool imagenet_stem_;
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm2d> bn1_;
  std::shared_ptr<Activation> act_;  ///< null: ReLU
  std::vector<std::shared_ptr<Block>> blocks_;
  std::vector<std::size_t> stage_ends_;  ///< index of the block behind each stage
  std::shared_ptr<Linear> fc_;
};

Architecture architecture(Shape shape, std::int64_t image_size) {
  return {image_size, [shape](const ModelOptions& options) -> std::shared_ptr<Classifier> {
            return std::make_shared<ResNet>(shape, options);
          }};
}

}  // namespace

Architecture imagenet_resnet(BlockKind kind, std::vector<std::int64_t> blocks) {
  return architecture({kind, std::move(blocks), 64, true}, 224);
}

Architecture cifar_resnet(std::int64_t n) { return architecture({BlockKind::basic, {n, n, n}, 16, false}, 32); }

}  // namespace denseshift::nn
