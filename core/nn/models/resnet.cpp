#include "core/nn/models/resnet.h"

#include <ATen/ATen.h>

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

/// One residual block, basic or bottleneck.
class Block final : public torch::nn::Module {
 public:
  Block(const std::string& name, BlockKind kind, std::int64_t in, std::int64_t width, std::int64_t stride,
        bool padding_shortcut, quant::LayerPolicy& policy)
      : kind_(kind), stride_(stride), out_(kind == BlockKind::basic ? width : 4 * width) {
    const auto conv = [&](const char* leaf, std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t s) {
      return register_module(leaf, std::make_shared<Conv2d>(site(name + "." + leaf), from, to, kernel,
                                                            quant::ConvGeometry{s, kernel / 2, 1, 1}, policy));
    };
    const auto norm = [&](const char* leaf, std::int64_t channels) {
      return register_module(leaf, std::make_shared<BatchNorm2d>(channels));
    };
    if (kind == BlockKind::basic) {
      conv1_ = conv("conv1", in, width, 3, stride), bn1_ = norm("bn1", width);
      conv2_ = conv("conv2", width, width, 3, 1), bn2_ = norm("bn2", width);
    } else {
      conv1_ = conv("conv1", in, width, 1, 1), bn1_ = norm("bn1", width);
      conv2_ = conv("conv2", width, width, 3, stride), bn2_ = norm("bn2", width);
      conv3_ = conv("conv3", width, out_, 1, 1), bn3_ = norm("bn3", out_);
    }
    if (stride != 1 || in != out_) shortcut_ = padding_shortcut ? Shortcut::padding : Shortcut::projection;
    if (shortcut_ == Shortcut::projection) {
      // torchvision keeps convolution and norm in a Sequential: downsample.0 and downsample.1.
      auto sequential = register_module("downsample", std::make_shared<torch::nn::Module>());
      shortcut_conv_ = std::make_shared<Conv2d>(site(name + ".downsample.0"), in, out_, 1,
                                                quant::ConvGeometry{stride, 0, 1, 1}, policy);
      shortcut_bn_ = std::make_shared<BatchNorm2d>(out_);
      sequential->register_module("0", shortcut_conv_);
      sequential->register_module("1", shortcut_bn_);
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    at::Tensor y = bn1_->forward(conv1_->forward(x)).relu_();
    y = bn2_->forward(conv2_->forward(y));
    if (kind_ == BlockKind::bottleneck) y = bn3_->forward(conv3_->forward(y.relu_()));
    return y.add_(shortcut(x)).relu_();
  }

  [[nodiscard]] std::int64_t out() const { return out_; }

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
  Shortcut shortcut_ = Shortcut::identity;
  std::shared_ptr<Conv2d> conv1_, conv2_, conv3_, shortcut_conv_;
  std::shared_ptr<BatchNorm2d> bn1_, bn2_, bn3_, shortcut_bn_;
};

struct Shape {
  BlockKind kind = BlockKind::basic;
  std::vector<std::int64_t> blocks;  ///< per stage
  std::int64_t width = 64;           ///< of the first stage; doubles with each
  bool imagenet_stem = true;
};

class ResNet final : public Classifier {
 public:
  ResNet(const Shape& shape, std::int64_t classes, quant::LayerPolicy& policy) : imagenet_stem_(shape.imagenet_stem) {
    const quant::ConvGeometry stem = imagenet_stem_ ? quant::ConvGeometry{2, 3, 1, 1} : quant::ConvGeometry{1, 1, 1, 1};
    conv1_ = register_module(
        "conv1", std::make_shared<Conv2d>(site("conv1", true), 3, shape.width, imagenet_stem_ ? 7 : 3, stem, policy));
    bn1_ = register_module("bn1", std::make_shared<BatchNorm2d>(shape.width));
    std::int64_t in = shape.width;
    std::int64_t width = shape.width;
    for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage, width *= 2) {
      const std::string name = "layer" + std::to_string(stage + 1);
      auto sequential = register_module(name, std::make_shared<torch::nn::Module>());
      for (std::int64_t b = 0; b < shape.blocks[stage]; ++b) {
        const std::int64_t stride = stage > 0 && b == 0 ? 2 : 1;
        auto block = std::make_shared<Block>(name + "." + std::to_string(b), shape.kind, in, width, stride,
                                             !imagenet_stem_, policy);
        sequential->register_module(std::to_string(b), block);
        in = block->out();
        blocks_.push_back(std::move(block));
      }
      stage_ends_.push_back(blocks_.size());
    }
    fc_ = register_module("fc", std::make_shared<Linear>(classifier_site(), in, classes, policy));
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
    const at::Tensor x = bn1_->forward(conv1_->forward(images)).relu_();
    return imagenet_stem_ ? at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1}) : x;
  }

  bool imagenet_stem_;
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm2d> bn1_;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::vector<std::size_t> stage_ends_;  ///< index of the block behind each stage
  std::shared_ptr<Linear> fc_;
};

Architecture architecture(Shape shape, std::int64_t image_size) {
  return {image_size, [shape](std::int64_t classes, quant::LayerPolicy& policy) -> std::shared_ptr<Classifier> {
            return std::make_shared<ResNet>(shape, classes, policy);
          }};
}

}  // namespace

Architecture imagenet_resnet(BlockKind kind, std::vector<std::int64_t> blocks) {
  return architecture({kind, std::move(blocks), 64, true}, 224);
}

Architecture cifar_resnet(std::int64_t n) { return architecture({BlockKind::basic, {n, n, n}, 16, false}, 32); }

}  // namespace denseshift::nn
