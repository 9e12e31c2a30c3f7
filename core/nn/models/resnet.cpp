#include "core/nn/models/resnet.h"

#include <ATen/ATen.h>

#include "core/nn/layers.h"
#include "core/nn/models/resnet_body.h"

namespace denseshift::nn {
namespace {

quant::LayerSite classifier_site() {
  quant::LayerSite result;
  result.name = "fc";
  result.kind = quant::LayerSite::Kind::linear;
  result.part = "head";
  result.classifier = true;
  result.normalized = false;
  return result;
}

class ResNet final : public Classifier {
 public:
  // The body's last output is read by the classifier, whose input stays in floating point.
  ResNet(const ResNetShape& shape, const ModelOptions& options) : body_(*this, standard_body(shape), options) {
    fc_ = register_module(
        "fc", std::make_shared<Linear>(classifier_site(), body_.channels().back(), options.classes, options.policy));
  }

  at::Tensor forward(const at::Tensor& images) override { return fc_->forward(body_.forward(images).mean({2, 3})); }

  /// "stem" (behind the pooling), "layer1", "layer2", ...
  std::vector<quant::NamedTensor> features(const at::Tensor& images) override {
    std::vector<quant::NamedTensor> outputs{{"stem", body_.stem(images)}};
    for (const at::Tensor& x : body_.stages(images)) outputs.push_back({"layer" + std::to_string(outputs.size()), x});
    return outputs;
  }

 private:
  ResNetBody body_;
  std::shared_ptr<Linear> fc_;
};

}  // namespace

Architecture resnet(const std::string& name) {
  const ResNetShape shape = resnet_shape(name);
  return {shape.imagenet_stem ? 224 : 32, [shape](const ModelOptions& options) -> std::shared_ptr<Classifier> {
            return std::make_shared<ResNet>(shape, options);
          }};
}

}  // namespace denseshift::nn
