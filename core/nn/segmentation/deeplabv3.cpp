#include "core/nn/segmentation/deeplabv3.h"

#include <ATen/ATen.h>

#include <array>

#include "core/nn/activation_layer.h"
#include "core/nn/layers.h"
#include "core/nn/models/resnet_body.h"
#include "core/util/error.h"

namespace denseshift::nn {
namespace {

using Module = torch::nn::Module;

constexpr std::int64_t kHeadChannels = 256;
constexpr std::array<std::int64_t, 3> kDilations = {12, 24, 36};
constexpr double kProjectDropout = 0.5;
constexpr double kAuxDropout = 0.1;

quant::LayerSite head_site(std::string name) {
  quant::LayerSite site;
  site.name = std::move(name);
  site.part = "head";
  return site;
}

quant::LayerSite prediction_site(std::string name) {
  quant::LayerSite site = head_site(std::move(name));
  site.prediction = true;
  site.normalized = false;
  return site;
}

std::shared_ptr<Conv2d> head_conv(const quant::LayerSite& site, std::int64_t in, std::int64_t out, std::int64_t kernel,
                                  std::int64_t dilation, const ModelOptions& options) {
  const quant::ConvGeometry geometry{1, kernel / 2 * dilation, dilation, 1};
  auto conv = std::make_shared<Conv2d>(site, in, out, kernel, geometry, options.policy, /*bias=*/site.prediction);
  conv->set_start({.weight = ConvStart::Weight::framework});
  return conv;
}

/// Convolution, batch norm and ReLU: three neighbours in one of torchvision's sequences.
class ConvNorm {
 public:
  ConvNorm() = default;
  /// Registers with `owner` from index `first` on; `prefix` is the owner's dotted name. `readers` read the output.
  ConvNorm(Module& owner, const std::string& prefix, int first, std::int64_t in, std::int64_t kernel,
           std::int64_t dilation, const std::vector<quant::LayerSite>& readers, const ModelOptions& options) {
    const std::string leaf = std::to_string(first);
    conv_ = head_conv(head_site(prefix + "." + leaf), in, kHeadChannels, kernel, dilation, options);
    norm_ = std::make_shared<BatchNorm2d>(kHeadChannels);
    act_ = make_activation(options, kHeadChannels, readers);
    owner.register_module(leaf, conv_);
    owner.register_module(std::to_string(first + 1), norm_);
    if (act_) owner.register_module(std::to_string(first + 2), act_);
  }
  at::Tensor forward(const at::Tensor& x) { return activate(act_, norm_->forward(conv_->forward(x))); }

 private:
  std::shared_ptr<Conv2d> conv_;
  std::shared_ptr<BatchNorm2d> norm_;
  std::shared_ptr<Activation> act_;
};

const char* const kProject = "classifier.0.project.0";

/// Atrous spatial pyramid pooling.
class Aspp final : public Module {
 public:
  Aspp(std::int64_t in, const ModelOptions& options) {
    const std::vector<quant::LayerSite> project_site{head_site(kProject)};
    auto convs = register_module("convs", std::make_shared<Module>());
    const auto branch = [&](int index, int first, std::int64_t kernel, std::int64_t dilation) {
      auto sequence = convs->register_module(std::to_string(index), std::make_shared<Module>());
      // The mean of quantized values is none, so the pooled branch quantizes again what its convolution reads.
      if (first == 1) {
        pool_act_ = make_activation(options, in, {pooled_site()});
        if (pool_act_) sequence->register_module("0", pool_act_);
      }
      branches_.emplace_back(*sequence, "classifier.0.convs." + std::to_string(index), first, in, kernel, dilation,
                             project_site, options);
    };
    branch(0, 0, 1, 1);
    int index = 1;
    for (const std::int64_t dilation : kDilations) branch(index++, 0, 3, dilation);
    branch(index, 1, 1, 1);
    auto project = register_module("project", std::make_shared<Module>());
    project_ = ConvNorm(*project, "classifier.0.project", 0, kHeadChannels * std::ssize(branches_), 1, 1,
                        {head_site("classifier.1")}, options);
  }

  /// The layers that read the pyramid's input.
  static std::vector<quant::LayerSite> readers() {
    std::vector<quant::LayerSite> sites;
    for (std::size_t i = 0; i <= kDilations.size(); ++i) {
      sites.push_back(head_site("classifier.0.convs." + std::to_string(i) + ".0"));
    }
    return sites;
  }

  std::vector<at::Tensor> branches(const at::Tensor& x) {
    std::vector<at::Tensor> results;
    for (std::size_t i = 0; i + 1 < branches_.size(); ++i) results.push_back(branches_[i].forward(x));
    at::Tensor pooled = x.mean({2, 3}, /*keepdim=*/true);
    if (pool_act_) pooled = pool_act_->forward(pooled);
    // torchvision enlarges this single pixel bilinearly, which gives the same values but for rounding.
    results.push_back(branches_.back().forward(pooled).expand({-1, -1, x.size(2), x.size(3)}));
    return results;
  }

  at::Tensor project(const std::vector<at::Tensor>& branches) {
    return at::dropout(project_.forward(at::cat(branches, 1)), kProjectDropout, is_training());
  }

 private:
  static quant::LayerSite pooled_site() { return head_site("classifier.0.convs.4.1"); }

  std::vector<ConvNorm> branches_;
  std::shared_ptr<Activation> pool_act_;  ///< null: none
  ConvNorm project_;
};

class DeepLabV3 final : public Segmenter {
 public:
  DeepLabV3(const ResNetShape& shape, const ModelOptions& options)
      : owner_(register_module("backbone", std::make_shared<Module>())),
        body_(*owner_, body_plan(shape, options), options) {
    auto classifier = register_module("classifier", std::make_shared<Module>());
    const quant::LayerSite last = prediction_site("classifier.4");
    aspp_ = classifier->register_module("0", std::make_shared<Aspp>(body_.channels()[3], options));
    head_ = ConvNorm(*classifier, "classifier", 1, kHeadChannels, 3, 1, {last}, options);
    prediction_ = classifier->register_module("4", head_conv(last, kHeadChannels, options.classes, 1, 1, options));
    if (!options.aux) return;
    auto aux = register_module("aux_classifier", std::make_shared<Module>());
    const quant::LayerSite aux_last = prediction_site("aux_classifier.4");
    aux_head_ = ConvNorm(*aux, "aux_classifier", 0, body_.channels()[2], 3, 1, {aux_last}, options);
    aux_prediction_ = aux->register_module("4", head_conv(aux_last, kHeadChannels, options.classes, 1, 1, options));
  }

  SegmentationOutput forward(const at::Tensor& images) override {
    const std::vector<at::Tensor> stages = body_.stages(images);
    SegmentationOutput output;
    output.out = enlarged(predicted(aspp_->project(aspp_->branches(stages[3]))), images);
    if (aux_prediction_ && is_training()) output.aux = enlarged(auxiliary(stages[2]), images);
    return output;
  }

  std::vector<quant::NamedTensor> features(const at::Tensor& images) override {
    const std::vector<at::Tensor> stages = body_.stages(images);
    std::vector<quant::NamedTensor> result{{"layer3", stages[2]}, {"layer4", stages[3]}};
    const std::vector<at::Tensor> branches = aspp_->branches(stages[3]);
    for (std::size_t i = 0; i < branches.size(); ++i) result.push_back({"aspp" + std::to_string(i), branches[i]});
    result.push_back({"aspp", aspp_->project(branches)});
    if (aux_prediction_) result.push_back({"aux", enlarged(auxiliary(stages[2]), images)});
    return result;
  }

  [[nodiscard]] BackboneNames backbone_names() const override { return names(); }

 private:
  static BackboneNames names() {
    BackboneNames result;
    result.prefix = "backbone.";
    return result;
  }

  static BodyPlan body_plan(const ResNetShape& shape, const ModelOptions& options) {
    BodyPlan plan = dilated_body(shape);
    plan.names = names();
    plan.readers.resize(4);
    if (options.aux) plan.readers[2] = {head_site("aux_classifier.0")};
    plan.readers[3] = Aspp::readers();
    return plan;
  }

  static at::Tensor enlarged(const at::Tensor& logits, const at::Tensor& images) {
    return at::upsample_bilinear2d(logits, {images.size(2), images.size(3)}, /*align_corners=*/false);
  }

  at::Tensor predicted(const at::Tensor& x) { return prediction_->forward(head_.forward(x)); }

  at::Tensor auxiliary(const at::Tensor& x) {
    return aux_prediction_->forward(at::dropout(aux_head_.forward(x), kAuxDropout, is_training()));
  }

  std::shared_ptr<Module> owner_;
  ResNetBody body_;
  std::shared_ptr<Aspp> aspp_;
  ConvNorm head_, aux_head_;
  std::shared_ptr<Conv2d> prediction_, aux_prediction_;
};

}  // namespace

std::shared_ptr<Segmenter> make_deeplabv3(const std::string& backbone, const ModelOptions& options) {
  const ResNetShape shape = resnet_shape(backbone);
  if (!shape.imagenet_stem) {
    throw usage_error("DeepLabV3 has no backbone " + backbone, "use resnet18, resnet34, resnet50 or resnet101");
  }
  return std::make_shared<DeepLabV3>(shape, options);
}

}  // namespace denseshift::nn
