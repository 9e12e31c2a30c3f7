#include "experiments/run/convert_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/io/state_dict.h"
#include "core/nn/layers.h"
#include "core/quant/denseshift_quantizer.h"
#include "core/quant/zero_free.h"
#include "experiments/run/environment.h"
#include "experiments/run/run_directory.h"
#include "experiments/run/trained_network.h"
#include "results_db/store.h"

namespace denseshift::experiments {
namespace {

using Layers = std::map<std::string, nn::QuantizedLayer*>;

Layers layers_of(nn::Network& model) {
  Layers layers;
  for (const auto& [name, layer] : nn::weight_layers(model)) layers[name] = layer;
  return layers;
}

bool quantized(const nn::QuantizedLayer& layer) { return layer.quantizer().bits() < 32; }

/// The powers of two of every quantized layer.
std::map<std::string, quant::PowerWeights> powers_of(const Layers& layers) {
  std::map<std::string, quant::PowerWeights> powers;
  for (const auto& [name, layer] : layers) {
    if (quantized(*layer)) powers[name] = quant::power_weights(layer->quantizer().export_codes(), name);
  }
  if (powers.empty())
    throw usage_error("the network has no quantized layer", "convert a network of s3, inq or deepshift");
  return powers;
}

/// Bits that hold all shifts of a layer's new weight(s).
std::int64_t bits_of(const quant::PowerWeights& weights, bool doubled, const std::string& layer) {
  std::int64_t largest = weights.shift.max().item<std::int64_t>();
  if (doubled) largest = std::max<std::int64_t>(1, largest - 1);
  const std::int64_t bits = quant::bits_for_shift(largest);
  if (bits == 0) {
    throw usage_error(fmt::format("{}: shifts up to {} do not fit into 4 bits", layer, largest),
                      "DenseShift weights have at most 4 bits, shifts 0 to 7");
  }
  return bits;
}

/// Doubles the dimensions in which `target` is twice as large: channel c becomes 2c and 2c + 1.
at::Tensor spread(at::Tensor tensor, const std::vector<std::int64_t>& target) {
  for (std::int64_t d = 0; d < tensor.dim(); ++d) {
    if (tensor.size(d) != target[static_cast<std::size_t>(d)]) tensor = tensor.repeat_interleave(2, d);
  }
  return tensor;
}

/// Copies everything but quantized weights: batch norm, biases, full-precision weights, activation quantizers.
void copy_rest(nn::Network& from, const Layers& old_layers, nn::Network& to) {
  std::map<std::string, at::Tensor> source;
  for (const quant::NamedTensor& item : io::state_of(from)) source[item.name] = item.tensor.detach();
  std::set<std::string> of_quantized;
  for (const auto& [name, layer] : layers_of(to)) {
    for (const quant::NamedTensor& p : layer->quantizer().parameters()) {
      if (quantized(*layer)) of_quantized.insert(name + "." + p.name);
    }
  }
  for (const quant::NamedTensor& item : io::state_of(to)) {
    if (of_quantized.count(item.name) != 0) continue;
    const at::Tensor& old = source.at(item.name);
    at::Tensor value = spread(old, item.tensor.sizes().vec());
    // A full-precision weight on a doubled input is shared out in halves, which is exact.
    const auto layer = old_layers.find(item.name.substr(0, item.name.rfind('.')));
    const bool input_doubled = layer != old_layers.end() && old.dim() > 1 && item.tensor.size(1) != old.size(1);
    item.tensor.detach().copy_(input_doubled ? value / 2 : value);
  }
}

void set_references(nn::QuantizedLayer& layer, const at::Tensor& sign, const at::Tensor& shift) {
  auto& quantizer = dynamic_cast<quant::DenseShiftQuantizer&>(layer.quantizer());
  const std::vector<at::Tensor> references = quant::references_for(sign, shift, quantizer.spec().gates);
  std::size_t i = 0;
  for (const quant::NamedTensor& p : quantizer.parameters()) p.tensor.detach().copy_(references.at(i++));
  quantizer.state_changed();
}

/// Sets the new layer and counts weights whose parts do not add up to the old one.
void set_layer(const quant::PowerWeights& powers, nn::QuantizedLayer& old_layer, nn::QuantizedLayer& layer,
               ConvertResult& result) {
  const std::vector<std::int64_t>& shape = layer.weight_shape();
  const bool input_doubled = shape[1] != old_layer.weight_shape()[1];
  if (input_doubled) {
    const quant::ZeroFreePair pair = quant::zero_free_pair(powers);
    // Input channel c of the old layer becomes 2c with the first half and 2c + 1 with the second.
    const auto side_by_side = [&](const at::Tensor& first, const at::Tensor& second) {
      return spread(at::stack({first, second}, 2).flatten(1, 2), shape);
    };
    set_references(layer, side_by_side(pair.first_sign, pair.second_sign),
                   side_by_side(pair.first_shift, pair.second_shift));
  } else {
    if (powers.has_zero) {
      throw usage_error(old_layer.site().name + ": a quantized first layer with zeros has no doubled input",
                        "train with --placement paper");
    }
    set_references(layer, spread(powers.sign, shape), spread(powers.shift, shape));
  }
  const at::Tensor made = layer.quantizer().quantize().detach();
  const at::Tensor sums = input_doubled ? made.unflatten(1, {shape[1] / 2, 2}).sum(2) : made;
  old_layer.quantizer().set_training(false);
  const at::Tensor expected = spread(old_layer.quantizer().quantize().detach(), sums.sizes().vec());
  result.different += sums.ne(expected).sum().item<std::int64_t>();
  result.weights += old_layer.weight_count();
  result.zeros += powers.sign.eq(0).sum().item<std::int64_t>();
  ++result.layers;
}

/// Both networks on the same images.
void compare_outputs(Setup& from, Setup& to, std::int64_t samples, ConvertResult& result) {
  const at::NoGradGuard no_grad;
  nn::Classifier& old_network = from.classifier("convert");
  nn::Classifier& new_network = to.classifier("convert");
  old_network.eval();
  new_network.eval();
  data::LoaderOptions options = loader_options(from.config, data::Split::val);
  options.limit = samples;
  data::Loader loader(*from.dataset, options);
  loader.start(0);
  while (const data::Batch* batch = loader.next()) {
    if (batch->count == 0) continue;
    const DeviceBatch tensors = to_device(*batch, from.dataset->info(), from);
    const at::Tensor a = old_network.forward(tensors.images);
    const at::Tensor b = new_network.forward(tensors.images);
    result.samples += a.size(0);
    result.same_class += a.argmax(1).eq(b.argmax(1)).sum().item<std::int64_t>();
    result.largest_difference = std::max(result.largest_difference, (a - b).abs().max().item<double>());
    result.largest_logit = std::max(result.largest_logit, a.abs().max().item<double>());
  }
}

std::int64_t record_result(const ConvertRequest& request, const ConvertResult& result, const Setup& setup,
                           const std::string& directory) {
  results_db::Database database(request.db, results_db::OpenMode::create);
  results_db::RunStore store(database);
  results_db::NewRun record;
  record.command = "convert";
  record.command_line = request.command_line;
  record.config = to_json(setup.config);
  record.config_hash = config_hash(setup.config);
  record.environment = describe_environment(setup, request.program);
  record.environment["conversion"] = result.to_json();
  record.dataset = setup.dataset->fingerprint();
  record.parent = result.parent;
  const std::int64_t run = store.create(record);
  if (!directory.empty()) store.set_directory(run, directory);
  store.set_model(run, result.to_facts.parameters, result.to_facts.quantized_weights, result.to_facts.macs,
                  result.to_facts.bytes);
  store.finish(run, results_db::RunStatus::finished);
  return run;
}

/// Configuration of the zero-free network: one rule per layer says its bits and its constant exponent.
TrainConfig zero_free_config(const TrainConfig& from, const Layers& layers,
                             const std::map<std::string, quant::PowerWeights>& powers, bool doubled) {
  TrainConfig to = from;
  to.method = "denseshift";
  to.method_option.clear();
  to.init = "lvr";
  to.pretrained.clear();
  to.placement = "paper";
  to.shift_bias = 0;
  to.impl = "auto";
  to.width = from.width * (doubled ? 2 : 1);
  to.wbits = 2;
  to.rule.clear();
  for (const auto& [name, layer] : layers) {
    if (!quantized(*layer)) {
      to.rule.push_back(name + "=fp32");
      continue;
    }
    const std::int64_t bits = bits_of(powers.at(name), doubled && !layer->site().first, name);
    to.wbits = std::max(to.wbits, bits);
    // Halves of +-1 are +-2 and -+1, so the smallest magnitude keeps its exponent.
    to.rule.push_back(fmt::format("{}=denseshift:{}:{}", name, bits, powers.at(name).bias));
  }
  return to;
}

void convert_to_denseshift(const ConvertRequest& request, Setup& from, ConvertResult& result) {
  const Layers old_layers = layers_of(*from.model);
  const auto powers = powers_of(old_layers);
  bool doubled = false;
  for (const auto& [name, weights] : powers) doubled = doubled || weights.has_zero;

  Setup to = build_setup(resolve(zero_free_config(from.config, old_layers, powers, doubled), {"wbits"}));
  {
    const at::NoGradGuard no_grad;
    copy_rest(*from.model, old_layers, *to.model);
    const Layers layers = layers_of(*to.model);
    for (const auto& [name, weights] : powers) set_layer(weights, *old_layers.at(name), *layers.at(name), result);
  }
  result.to = to.config;
  result.to_facts = to.facts;
  compare_outputs(from, to, request.samples, result);
  if (result.different != 0) {
    throw work_error(
        fmt::format("{} of {} weights differ: the networks are not equal", result.different, result.weights));
  }
  const RunDirectory directory(request.out, RunDirectory::Use::fresh);
  std::vector<quant::NamedTensor> tensors;
  for (const quant::NamedTensor& item : io::state_of(*to.model)) tensors.push_back({"model." + item.name, item.tensor});
  Position position;
  const WrittenCheckpoint written = write_checkpoint(
      directory.path(), "best", tensors, {to_json(to.config), describe_environment(to, request.program), position});
  result.file = written.path.string();
  if (request.record) result.run = record_result(request, result, to, directory.path().string());
}

void convert_to_codes(const ConvertRequest& request, Setup& from, ConvertResult& result) {
  std::vector<quant::NamedTensor> tensors;
  nlohmann::ordered_json layers = nlohmann::ordered_json::object();
  std::map<std::string, at::Tensor> weights;
  std::set<std::string> replaced;
  for (const auto& [name, layer] : layers_of(*from.model)) {
    if (!quantized(*layer)) continue;
    for (const auto& list : {layer->quantizer().parameters(), layer->quantizer().buffers()}) {
      for (const quant::NamedTensor& item : list) replaced.insert(name + "." + item.name);
    }
    const quant::ExportedCodes exported = layer->quantizer().export_codes();
    tensors.push_back({name + ".codes", exported.codes});
    tensors.push_back({name + ".codebook", exported.codebook});
    if (exported.scale.defined()) tensors.push_back({name + ".scale", exported.scale});
    layers[name] = {{"method", layer->options().method}, {"wbits", exported.bits}, {"integers", exported.integers}};
    layer->quantizer().set_training(false);
    weights[name] = layer->quantizer().quantize().detach().cpu().contiguous();
  }
  if (weights.empty()) throw usage_error("the network has no quantized layer");
  for (const quant::NamedTensor& item : io::state_of(*from.model)) {
    if (replaced.count(item.name) == 0) tensors.push_back(item);
  }
  const nlohmann::ordered_json facts = {{"format", 1}, {"config", to_json(from.config)}, {"layers", layers}};
  (void)io::save_tensors(request.out, tensors, {{"denseshift_codes", facts.dump()}});
  result.file = request.out;
  result.to = from.config;
  result.to_facts = from.facts;

  const io::SafetensorsFile file(request.out);
  for (const auto& [name, weight] : weights) {
    quant::ExportedCodes read;
    read.codes = io::to_tensor(file.at(name + ".codes"));
    read.codebook = io::to_tensor(file.at(name + ".codebook"));
    const at::Tensor unpacked = quant::unpack(read);
    // Compared as bit patterns, so that the sign of a zero counts.
    result.different += unpacked.view(at::kInt).ne(weight.view(at::kInt)).sum().item<std::int64_t>();
    result.zeros += weight.eq(0).sum().item<std::int64_t>();
    result.weights += weight.numel();
    ++result.layers;
  }
  if (result.different != 0) {
    throw work_error(
        fmt::format("{}: {} of {} unpacked weights differ", request.out, result.different, result.weights));
  }
  if (request.record) result.run = record_result(request, result, from, "");
}

}  // namespace

nlohmann::ordered_json ConvertResult::to_json() const {
  nlohmann::ordered_json json = {{"source", source},   {"file", file},   {"layers", layers},
                                 {"weights", weights}, {"zeros", zeros}, {"different", different}};
  if (samples > 0) {
    json.update({{"samples", samples},
                 {"same_class", same_class},
                 {"largest_difference", largest_difference},
                 {"largest_logit", largest_logit}});
  }
  if (!note.empty()) json["note"] = note;
  return json;
}

ConvertResult run_conversion(const ConvertRequest& request) {
  const FoundWeights weights = find_weights({request.run, request.checkpoint, request.which, request.db});
  ConvertResult result;
  result.parent = weights.parent;
  result.source = weights.checkpoint->file_name();
  TrainConfig config = stored_config(*weights.checkpoint);
  if (!request.data.empty()) config.data = request.data;
  config.impl = "auto";
  if (request.to == "denseshift" && config.method.rfind("deepshift", 0) == 0) {
    // The fixed-point inputs of DeepShift are no part of its weights; the zero-free network has none.
    std::erase_if(config.method_option, [](const std::string& item) { return item.rfind("act_fixed=", 0) == 0; });
    config.method_option.push_back("act_fixed=off");
    result.note = "compared without DeepShift's fixed-point inputs";
  }
  Setup from = build_setup(resolve(config, {"wbits"}));
  load_weights(*weights.checkpoint, from);
  from.model->eval();
  result.from = from.config;
  result.from_facts = from.facts;
  if (request.to == "codes") {
    convert_to_codes(request, from, result);
  } else {
    convert_to_denseshift(request, from, result);
  }
  return result;
}

}  // namespace denseshift::experiments
