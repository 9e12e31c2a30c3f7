#include "core/nn/model.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/nn/activation_layer.h"
#include "core/nn/detection/fcos.h"
#include "core/nn/detection/ssd.h"
#include "core/nn/layers.h"
#include "core/nn/models/resnet.h"
#include "core/nn/segmentation/deeplabv3.h"

namespace denseshift::nn {

const Registry<Architecture>& architectures() {
  static const Registry<Architecture> registry = [] {
    Registry<Architecture> r("architecture");
    r.add("resnet18", "ImageNet ResNet-18, torchvision's names", resnet("resnet18"));
    r.add("resnet34", "ImageNet ResNet-34", resnet("resnet34"));
    r.add("resnet50", "ImageNet ResNet-50 (stride on the 3x3)", resnet("resnet50"));
    r.add("resnet101", "ImageNet ResNet-101 (stride on the 3x3)", resnet("resnet101"));
    r.add("resnet20", "CIFAR ResNet-20, 16-32-64 channels, shortcuts without weights", resnet("resnet20"));
    r.add("resnet32", "CIFAR ResNet-32", resnet("resnet32"));
    r.add("resnet44", "CIFAR ResNet-44", resnet("resnet44"));
    r.add("resnet56", "CIFAR ResNet-56", resnet("resnet56"));
    for (const char* backbone : {"resnet18", "resnet34", "resnet50"}) {
      r.add(fmt::format("ssd300_{}", backbone), "SSD300 v1.1, NVIDIA's names",
            {300, [backbone](const ModelOptions& options) { return make_ssd(backbone, options); }, "detection", "ssd"});
    }
    for (const char* backbone : {"resnet18", "resnet34", "resnet50", "resnet101"}) {
      r.add(
          fmt::format("fcos_{}_fpn", backbone), "FCOS with a feature pyramid, torchvision's names",
          {800, [backbone](const ModelOptions& options) { return make_fcos(backbone, options); }, "detection", "fcos"});
    }
    for (const char* backbone : {"resnet18", "resnet34", "resnet50", "resnet101"}) {
      r.add(fmt::format("deeplabv3_{}", backbone), "DeepLabV3, torchvision's names",
            {480, [backbone](const ModelOptions& options) { return make_deeplabv3(backbone, options); }, "segmentation",
             "deeplab"});
    }
    return r;
  }();
  return registry;
}

std::shared_ptr<Network> make_model(const std::string& arch, const ModelOptions& options) {
  if (options.abits < 32) quant::check_activation_bits(options.activation, options.abits);
  std::shared_ptr<Network> model = architectures().get(arch).make(options);
  std::vector<std::string> names;
  for (const auto& [name, layer] : weight_layers(*model)) names.push_back(name);
  options.policy.check_all_rules_used(names);
  if (options.abits < 32 && activation_layers(*model).empty()) {
    throw usage_error(fmt::format("abits: no quantized layer reads activations that could have {} bits", options.abits),
                      "choose a --method that quantizes weights, or use --abits 32");
  }
  return model;
}

std::shared_ptr<Classifier> make_classifier(const std::string& arch, const ModelOptions& options) {
  auto classifier = std::dynamic_pointer_cast<Classifier>(make_model(arch, options));
  if (!classifier) {
    throw usage_error("arch: " + arch + " is a network for " + architectures().get(arch).task,
                      "choose one for classification; `denseshift models` lists them");
  }
  return classifier;
}

std::shared_ptr<Classifier> make_classifier(const std::string& arch, std::int64_t classes, quant::LayerPolicy& policy) {
  return make_classifier(arch, ModelOptions{.policy = policy, .classes = classes});
}

ModelFacts describe(Network& model, std::int64_t image_size) { return describe(model, {3, image_size, image_size}); }

ModelFacts describe(Network& model, const InputSize& input) {
  ModelFacts facts;
  {
    const at::NoGradGuard no_grad;
    const bool was_training = model.is_training();
    model.eval();
    for (const auto& [name, layer] : weight_layers(model)) layer->reset_macs();
    const at::Device device = model.parameters().front().device();
    (void)model.outputs(at::zeros({1, input.channels, input.height, input.width}, at::TensorOptions().device(device)));
    model.train(was_training);
  }
  std::int64_t weights = 0;
  double weight_bytes = 0;
  std::int64_t in_quantizers = 0;
  for (const auto& [name, layer] : weight_layers(model)) {
    const std::int64_t bits = layer->quantizer().bits();
    LayerFacts line{name,
                    layer->options().method,
                    bits,
                    layer->options().shift_bias,
                    layer->weight_shape(),
                    layer->weight_count(),
                    layer->macs(),
                    static_cast<double>(layer->weight_count() * bits) / 8};
    weights += line.weights;
    weight_bytes += line.bytes;
    facts.macs += line.macs;
    if (bits < 32) facts.quantized_weights += line.weights;
    for (const quant::NamedTensor& p : layer->quantizer().parameters()) in_quantizers += p.tensor.numel();
    facts.layers.push_back(std::move(line));
  }
  std::int64_t in_activations = 0;
  for (const auto& [name, layer] : activation_layers(model)) {
    for (const quant::NamedTensor& p : layer->quantizer().parameters()) in_activations += p.tensor.numel();
    facts.activations.push_back({name, layer->method(), layer->quantizer().bits(), layer->readers()});
  }
  for (const at::Tensor& parameter : model.parameters()) facts.trained_values += parameter.numel();
  facts.parameters = facts.trained_values - in_quantizers - in_activations + weights;
  facts.bytes = static_cast<std::int64_t>(weight_bytes + 0.5) + 4 * (facts.parameters - weights + in_activations);
  facts.bytes_fp32 = 4 * facts.parameters;
  return facts;
}

}  // namespace denseshift::nn
