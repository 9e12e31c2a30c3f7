#include "core/nn/detection/ssd.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/nn/activation_layer.h"
#include "core/nn/detection/ssd_boxes.h"
#include "core/nn/models/resnet_body.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

/// Output channels of the additional blocks, by backbone.
std::vector<std::int64_t> extra_channels(const std::string& backbone) {
  if (backbone == "resnet18") return {512, 512, 256, 256, 128};
  if (backbone == "resnet34" || backbone == "resnet50") return {512, 512, 256, 256, 256};
  throw usage_error(fmt::format("backbone: SSD cannot use '{}'", backbone), "use resnet18, resnet34 or resnet50");
}

quant::LayerSite head_site(std::string name, bool extra) {
  quant::LayerSite site;
  site.name = std::move(name);
  site.part = "head";
  site.extra = extra;
  site.prediction = !extra;
  site.normalized = extra;
  return site;
}

/// The first convolution of additional block `block`.
quant::LayerSite entry_site(std::size_t block) { return head_site(fmt::format("additional_blocks.{}.0", block), true); }

/// The layers of the heads that read level `level`, and the next additional block if there is one.
std::vector<quant::LayerSite> readers_of_level(std::size_t level, std::size_t levels) {
  std::vector<quant::LayerSite> sites{head_site(fmt::format("loc.{}", level), false),
                                      head_site(fmt::format("conf.{}", level), false)};
  if (level + 1 < levels) sites.push_back(entry_site(level));
  return sites;
}

/// 1x1 and 3x3 convolution, each with norm and ReLU. Children are numbered as in the published Sequential; a quantizer
/// has the number of its ReLU.
class AdditionalBlock final : public torch::nn::Module {
 public:
  AdditionalBlock(std::size_t block, std::int64_t in, std::int64_t middle, std::int64_t out,
                  const std::vector<quant::LayerSite>& readers, const ModelOptions& options) {
    // Three blocks halve the size; the last two have no padding.
    const quant::ConvGeometry geometry = block < 3 ? quant::ConvGeometry{2, 1, 1, 1} : quant::ConvGeometry{1, 0, 1, 1};
    const quant::LayerSite second = head_site(fmt::format("additional_blocks.{}.3", block), true);
    const auto conv = [&](const char* child, const quant::LayerSite& site, std::int64_t from, std::int64_t to,
                          std::int64_t kernel, const quant::ConvGeometry& g) {
      auto made = register_module(child, std::make_shared<Conv2d>(site, from, to, kernel, g, options.policy));
      made->set_start({ConvStart::Weight::xavier_uniform, 0, std::nullopt});
      return made;
    };
    const auto act = [&](const char* child, std::int64_t channels, const std::vector<quant::LayerSite>& sites) {
      auto made = make_activation(options, channels, sites);
      if (made) register_module(child, made);
      return made;
    };
    conv1_ = conv("0", entry_site(block), in, middle, 1, {});
    norm1_ = register_module("1", std::make_shared<BatchNorm2d>(middle));
    act1_ = act("2", middle, {second});
    conv2_ = conv("3", second, middle, out, 3, geometry);
    norm2_ = register_module("4", std::make_shared<BatchNorm2d>(out));
    act2_ = act("5", out, readers);
  }

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor middle = activate(act1_, norm1_->forward(conv1_->forward(x)));
    return activate(act2_, norm2_->forward(conv2_->forward(middle)));
  }

 private:
  std::shared_ptr<Conv2d> conv1_, conv2_;
  std::shared_ptr<BatchNorm2d> norm1_, norm2_;
  std::shared_ptr<Activation> act1_, act2_;  ///< null: ReLU
};

class Ssd final : public Detector {
 public:
  Ssd(const std::string& backbone, std::int64_t image_size, const ModelOptions& options)
      : Detector(ssd_thresholds()),
        image_size_(image_size),
        classes_(options.category_ids.empty() ? options.classes
                                              : static_cast<std::int64_t>(options.category_ids.size())) {
    const std::vector<SsdLevel> levels = ssd_levels(image_size);
    defaults_ = default_boxes(levels, image_size);
    BodyPlan plan{resnet_shape(backbone), {{1, 1, 1}, {2, 1, 1}, {1, 1, 1}}};  // layer3 without its stride
    plan.names = names();
    plan.readers = {{}, {}, readers_of_level(0, levels.size())};
    auto outer = register_module("feature_extractor", std::make_shared<torch::nn::Module>());
    auto inner = outer->register_module("feature_extractor", std::make_shared<torch::nn::Module>());
    body_ = std::make_unique<ResNetBody>(*inner, plan, options);

    std::vector<std::int64_t> channels{body_->channels().back()};
    const std::vector<std::int64_t> middle{256, 256, 128, 128, 128}, out = extra_channels(backbone);
    auto additional = register_module("additional_blocks", std::make_shared<torch::nn::Module>());
    for (std::size_t b = 0; b + 1 < levels.size(); ++b) {
      auto block = std::make_shared<AdditionalBlock>(b, channels.back(), middle[b], out[b],
                                                     readers_of_level(b + 1, levels.size()), options);
      blocks_.push_back(additional->register_module(std::to_string(b), block));
      channels.push_back(out[b]);
    }
    const auto heads = [&](const char* name, std::int64_t values) {
      auto list = register_module(name, std::make_shared<torch::nn::Module>());
      std::vector<std::shared_ptr<Conv2d>> made;
      for (std::size_t l = 0; l < levels.size(); ++l) {
        auto conv = std::make_shared<Conv2d>(head_site(fmt::format("{}.{}", name, l), false), channels[l],
                                             values * levels[l].boxes_per_cell(), 3, quant::ConvGeometry{1, 1, 1, 1},
                                             options.policy, /*bias=*/true);
        conv->set_start({ConvStart::Weight::xavier_uniform, 0, std::nullopt});
        made.push_back(list->register_module(std::to_string(l), conv));
      }
      return made;
    };
    loc_ = heads("loc", 4);
    conf_ = heads("conf", 1 + classes_);
  }

  std::vector<quant::NamedTensor> losses(const at::Tensor& images, const std::vector<ImageTargets>& targets,
                                         const std::vector<ImageSize>& sizes) override {
    std::vector<CheckedTargets> objects = check_targets(images, targets, sizes, classes_);
    const auto side = static_cast<float>(image_size_);
    for (CheckedTargets& object : objects) {
      for (Box& box : object.boxes) box = {box[0] / side, box[1] / side, box[2] / side, box[3] / side};
    }
    const Outputs outputs = run(images);
    return ssd_losses(outputs.loc, outputs.conf, defaults_, objects);
  }

  std::vector<FoundBoxes> detect(const at::Tensor& images, const std::vector<ImageSize>& /*sizes*/) override {
    const at::NoGradGuard no_grad;
    const Outputs outputs = run(images);
    const auto side = static_cast<float>(image_size_);
    std::vector<FoundBoxes> found;
    for (std::vector<Candidate>& proposals : ssd_proposals(outputs.loc, outputs.conf, defaults_, thresholds())) {
      found.push_back(found_boxes(suppress(std::move(proposals), thresholds().nms_iou, NmsRule::at_least,
                                           static_cast<std::size_t>(thresholds().kept))));
      found.back().boxes.mul_(side);
    }
    return found;
  }

  std::vector<quant::NamedTensor> outputs(const at::Tensor& images) override {
    const Outputs outputs = run(images);
    return {{"loc", outputs.loc}, {"conf", outputs.conf}};
  }

  [[nodiscard]] BackboneNames backbone_names() const override { return names(); }

  std::vector<quant::NamedTensor> features(const at::Tensor& images) override {
    std::vector<quant::NamedTensor> named;
    for (const at::Tensor& map : maps(images)) named.push_back({fmt::format("map{}", named.size()), map});
    return named;
  }

 private:
  /// Children of the published Sequential: 3 is the pooling, there is no fourth stage.
  static BackboneNames names() { return {"feature_extractor.feature_extractor.", "0", "1", "2", {"4", "5", "6"}}; }

  struct Outputs {
    at::Tensor loc, conf;
  };

  std::vector<at::Tensor> maps(const at::Tensor& images) {
    if (images.size(2) != image_size_ || images.size(3) != image_size_) {
      throw usage_error(fmt::format("image_size: the network was made for {}x{} pixels and got {}x{}", image_size_,
                                    image_size_, images.size(2), images.size(3)));
    }
    std::vector<at::Tensor> levels{body_->forward(images)};
    for (const auto& block : blocks_) levels.push_back(block->forward(levels.back()));
    return levels;
  }

  Outputs run(const at::Tensor& images) {
    std::vector<at::Tensor> loc, conf;
    const std::vector<at::Tensor> levels = maps(images);
    for (std::size_t l = 0; l < levels.size(); ++l) {
      // Channels are value-major: (N, values * shapes, H, W) is (N, values, shapes * H * W).
      loc.push_back(loc_[l]->forward(levels[l]).reshape({images.size(0), 4, -1}));
      conf.push_back(conf_[l]->forward(levels[l]).reshape({images.size(0), 1 + classes_, -1}));
    }
    return {at::cat(loc, 2), at::cat(conf, 2)};
  }

  std::int64_t image_size_;
  std::int64_t classes_;
  DefaultBoxes defaults_;
  std::unique_ptr<ResNetBody> body_;
  std::vector<std::shared_ptr<AdditionalBlock>> blocks_;
  std::vector<std::shared_ptr<Conv2d>> loc_, conf_;
};

}  // namespace

DetectionThresholds ssd_thresholds() { return {0.05, 0.5, 200, 200}; }

std::shared_ptr<Detector> make_ssd(const std::string& backbone, const ModelOptions& options) {
  (void)resnet_shape(backbone);  // a misspelt name has the nearest one as its hint
  (void)extra_channels(backbone);
  return std::make_shared<Ssd>(backbone, options.image_size == 0 ? 300 : options.image_size, options);
}

}  // namespace denseshift::nn
