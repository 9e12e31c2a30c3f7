#include "core/nn/transfer.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "core/io/state_dict.h"
#include "core/nn/activation_layer.h"
#include "core/nn/layers.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::nn {
namespace {

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

class Transfer {
 public:
  Transfer(torch::nn::Module& network, const std::map<std::string, at::Tensor>& source, const std::string& source_name,
           bool partial)
      : network_(network), source_(source), source_name_(source_name), partial_(partial) {
    for (const auto& [name, tensor] : source) left_.insert(name);
    for (const auto& [name, layer] : activation_layers(network)) {
      for (const quant::NamedTensor& item : io::state_of(*layer))
        of_activations_.insert(fmt::format("{}.{}", name, item.name));
    }
  }

  TransferReport run() {
    const at::NoGradGuard no_grad;
    std::set<std::string> of_quantizers;
    for (const auto& [name, layer] : weight_layers(network_)) {
      const std::string prefix = name + ".";
      for (const auto& list : {layer->quantizer().parameters(), layer->quantizer().buffers()}) {
        for (const quant::NamedTensor& item : list) of_quantizers.insert(prefix + item.name);
      }
      take_layer(prefix, *layer);
    }
    for (const quant::NamedTensor& item : io::state_of(network_)) {
      if (of_quantizers.count(item.name) == 0) take(item.name, item.tensor);
    }
    for (const std::string& name : left_) {
      if (!partial_) fail(name + " is not in the network", suggestion(name, names_of_network()));
      report_.unexpected.push_back(name);
    }
    io::state_changed(network_);
    return std::move(report_);
  }

 private:
  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw input_error(source_name_ + ": tensor " + what, hint.empty() ? partial_hint() : hint);
  }

  static std::string partial_hint() { return "--pretrained-load partial starts such tensors at random"; }

  std::vector<std::string> names_of_network() const {
    std::vector<std::string> names;
    for (const quant::NamedTensor& item : io::state_of(network_)) names.push_back(item.name);
    return names;
  }

  /// The tensor of the source if it fits; marks it as used. Null when it is missing or was reset.
  const at::Tensor* fitting(const std::string& name, const at::Tensor& target) {
    const auto found = source_.find(name);
    if (found == source_.end()) return nullptr;
    left_.erase(name);
    const at::Tensor& tensor = found->second;
    std::string reason;
    if (tensor.sizes() != target.sizes()) {
      reason = fmt::format("has shape [{}], expected [{}]", fmt::join(tensor.sizes(), ", "),
                           fmt::join(target.sizes(), ", "));
    } else if (tensor.scalar_type() != target.scalar_type()) {
      reason = fmt::format("has type {}, expected {}", at::toString(tensor.scalar_type()),
                           at::toString(target.scalar_type()));
    } else {
      return &tensor;
    }
    if (!partial_) fail(name + " " + reason);
    report_.reset.push_back(name + ": " + reason);
    return nullptr;
  }

  void take_layer(const std::string& prefix, QuantizedLayer& layer) {
    std::vector<quant::NamedTensor> own = layer.quantizer().parameters();
    for (const quant::NamedTensor& buffer : layer.quantizer().buffers()) own.push_back(buffer);
    bool complete = true;
    for (const quant::NamedTensor& item : own) complete = complete && source_.count(prefix + item.name) != 0;
    if (complete) {
      for (const quant::NamedTensor& item : own) take(prefix + item.name, item.tensor);
      return;
    }
    const std::string weight = prefix + "weight";
    if (source_.count(weight) == 0) {
      if (!partial_) fail(prefix + own.front().name + " is missing");
      report_.missing.push_back(prefix + own.front().name);
      return;
    }
    const at::Tensor shape = at::empty(layer.weight_shape());
    const at::Tensor* tensor = fitting(weight, shape);
    if (tensor == nullptr) return;
    if (!layer.quantizer().start_from(*tensor)) {
      throw input_error(fmt::format("{}: {} weights have no start from the full-precision weight {}", source_name_,
                                    layer.options().method, weight),
                        "start them at random, or from a network of the same method and bits");
    }
    ++report_.quantized;
  }

  void take(const std::string& name, const at::Tensor& target) {
    if (source_.count(name) == 0) {
      // Old files lack the counters; networks without quantized activations lack what those train.
      if (last_part(name) == "num_batches_tracked" || of_activations_.count(name) != 0) {
        report_.fresh.push_back(name);
        return;
      }
      if (!partial_) fail(name + " is missing");
      report_.missing.push_back(name);
      return;
    }
    if (const at::Tensor* tensor = fitting(name, target)) {
      target.detach().copy_(*tensor);
      ++report_.copied;
    }
  }

  torch::nn::Module& network_;
  const std::map<std::string, at::Tensor>& source_;
  const std::string& source_name_;
  bool partial_;
  std::set<std::string> left_;
  std::set<std::string> of_activations_;  ///< tensors of activation quantizers
  TransferReport report_;
};

}  // namespace

TransferReport transfer(torch::nn::Module& network, const std::map<std::string, at::Tensor>& source,
                        const std::string& source_name, bool partial) {
  return Transfer(network, source, source_name, partial).run();
}

}  // namespace denseshift::nn
