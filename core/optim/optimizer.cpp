#include "core/optim/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <map>
#include <set>

#include "core/kernels/densequant.h"
#include "core/nn/layers.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::optim {
namespace {

constexpr std::int64_t kChunk = 32768;

/// A piece of one tensor: the multi-tensor update hands pieces, not tensors, to threads.
struct Piece {
  std::size_t parameter;
  std::int64_t begin, end;
};

bool raw_loop_possible(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_non_overlapping_and_dense();
}

/// Gradient in the memory layout of its parameter.
at::Tensor matched_gradient(const at::Tensor& parameter) {
  const at::Tensor& grad = parameter.grad();
  if (grad.strides() == parameter.strides() && grad.scalar_type() == parameter.scalar_type()) return grad;
  return at::empty_like(parameter).copy_(grad);
}

/// Calls update(parameter index, gradient pointer, begin, end) for all elements of all parameters that have a gradient.
template <class Update>
void for_each_piece(const std::vector<Parameter>& parameters, const Update& update) {
  std::vector<Piece> pieces;
  std::vector<at::Tensor> gradients(parameters.size());
  std::vector<const float*> pointers(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& tensor = parameters[i].tensor;
    if (!tensor.grad().defined()) continue;
    gradients[i] = matched_gradient(tensor);
    pointers[i] = gradients[i].data_ptr<float>();
    for (std::int64_t begin = 0; begin < tensor.numel(); begin += kChunk) {
      pieces.push_back({i, begin, std::min(begin + kChunk, tensor.numel())});
    }
  }
  at::parallel_for(0, static_cast<std::int64_t>(pieces.size()), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p) {
      const Piece& piece = pieces[static_cast<std::size_t>(p)];
      update(piece.parameter, pointers[piece.parameter], piece.begin, piece.end);
    }
  });
}

bool raw_loops_possible(const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) {
    if (!raw_loop_possible(parameter.tensor)) return false;
  }
  return true;
}

at::Tensor zeros_for(const Parameter& parameter) { return at::zeros_like(parameter.tensor.detach()); }

/// SGD as torch::optim::SGD computes it: d = g + decay w; m = momentum m + d; w -= lr (nesterov ? d + momentum m : m).
class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, ParameterSet parameters)
      : Optimizer(std::move(parameters)), momentum_(options.momentum), nesterov_(options.nesterov) {
    if (momentum_ == 0) return;
    for (const Parameter& p : parameters_.ordinary) ordinary_momenta_.push_back(zeros_for(p));
    for (const LeafWeight& leaf : parameters_.leaves) {
      auto& momenta = leaf_momenta_.emplace_back();
      for (const Parameter& p : leaf.references) momenta.push_back(zeros_for(p));
    }
  }

  void step(double lr, double grad_scale) override {
    const at::NoGradGuard no_grad;
    if (raw_loops_possible(parameters_.ordinary)) {
      step_raw(lr, grad_scale);
    } else {
      step_tensors(lr, grad_scale);
    }
    static const std::vector<at::Tensor> none;
    for (std::size_t i = 0; i < parameters_.leaves.size(); ++i) {
      const LeafWeight& weight = parameters_.leaves[i];
      if (!weight.leaf->leaf().grad().defined()) continue;
      try {
        weight.leaf->sgd_step({lr * weight.references.front().lr_scale, momentum_,
                               weight.references.front().weight_decay, grad_scale, nesterov_},
                              momentum_ == 0 ? none : leaf_momenta_[i]);
      } catch (const Error& error) {
        throw work_error(weight.name + ": " + error.what(),
                         "lower the learning rate, or clip gradients with --clip-grad-norm");
      }
    }
  }

  [[nodiscard]] std::vector<quant::NamedTensor> state() const override {
    std::vector<quant::NamedTensor> named;
    if (momentum_ == 0) return named;
    for (std::size_t i = 0; i < parameters_.ordinary.size(); ++i) {
      named.push_back({"momentum." + parameters_.ordinary[i].name, ordinary_momenta_[i]});
    }
    for (std::size_t i = 0; i < parameters_.leaves.size(); ++i) {
      for (std::size_t j = 0; j < leaf_momenta_[i].size(); ++j) {
        named.push_back({"momentum." + parameters_.leaves[i].references[j].name, leaf_momenta_[i][j]});
      }
    }
    return named;
  }

 private:
  void step_raw(double lr, double grad_scale) {
    std::vector<float*> weights, momenta;
    for (const Parameter& p : parameters_.ordinary) weights.push_back(p.tensor.data_ptr<float>());
    for (const at::Tensor& m : ordinary_momenta_) momenta.push_back(m.data_ptr<float>());
    for_each_piece(parameters_.ordinary, [&](std::size_t i, const float* grad, std::int64_t begin, std::int64_t end) {
      const kernels::SgdStep step{
          static_cast<float>(lr * parameters_.ordinary[i].lr_scale), static_cast<float>(momentum_),
          static_cast<float>(parameters_.ordinary[i].weight_decay), static_cast<float>(grad_scale), nesterov_};
      kernels::sgd_update(step, grad, weights[i], momenta.empty() ? nullptr : momenta[i], begin, end);
    });
  }

  void step_tensors(double lr, double grad_scale) {
    for (std::size_t i = 0; i < parameters_.ordinary.size(); ++i) {
      const Parameter& p = parameters_.ordinary[i];
      if (!p.tensor.grad().defined()) continue;
      at::Tensor d = grad_scale == 1 ? p.tensor.grad() : p.tensor.grad().mul(grad_scale);
      if (p.weight_decay != 0) d = d.add(p.tensor, p.weight_decay);
      if (momentum_ != 0) {
        ordinary_momenta_[i].mul_(momentum_).add_(d);
        d = nesterov_ ? d.add(ordinary_momenta_[i], momentum_) : ordinary_momenta_[i];
      }
      at::Tensor(p.tensor).add_(d, -lr * p.lr_scale);
    }
  }

  double momentum_;
  bool nesterov_;
  std::vector<at::Tensor> ordinary_momenta_;
  std::vector<std::vector<at::Tensor>> leaf_momenta_;
};

/// AdamW (Loshchilov and Hutter 2019) as torch::optim::AdamW computes it, within rounding.
class AdamW final : public Optimizer {
 public:
  AdamW(const OptimizerOptions& options, ParameterSet parameters)
      : Optimizer(std::move(parameters)), options_(options) {
    if (!parameters_.leaves.empty())
      throw usage_error("impl: leaf works with sgd only", "use --impl function or --impl auto");
    for (const Parameter& p : parameters_.ordinary) {
      means_.push_back(zeros_for(p));
      mean_squares_.push_back(zeros_for(p));
    }
    steps_ = at::zeros({}, at::kLong);
  }

  void step(double lr, double grad_scale) override {
    const at::NoGradGuard no_grad;
    steps_.add_(1);
    kernels::AdamWStep step;
    step.lr = lr, step.beta1 = options_.beta1, step.beta2 = options_.beta2, step.epsilon = options_.epsilon;
    step.grad_scale = grad_scale, step.step = steps_.item<std::int64_t>();
    if (raw_loops_possible(parameters_.ordinary)) {
      step_raw(step);
    } else {
      step_tensors(step);
    }
  }

  [[nodiscard]] std::vector<quant::NamedTensor> state() const override {
    std::vector<quant::NamedTensor> named{{"steps", steps_}};
    for (std::size_t i = 0; i < parameters_.ordinary.size(); ++i) {
      named.push_back({"mean." + parameters_.ordinary[i].name, means_[i]});
      named.push_back({"mean_square." + parameters_.ordinary[i].name, mean_squares_[i]});
    }
    return named;
  }

 private:
  void step_raw(const kernels::AdamWStep& common) {
    for_each_piece(parameters_.ordinary, [&](std::size_t i, const float* grad, std::int64_t begin, std::int64_t end) {
      kernels::AdamWStep step = common;
      step.weight_decay = parameters_.ordinary[i].weight_decay;
      step.lr *= parameters_.ordinary[i].lr_scale;
      kernels::adamw_update(step, grad, parameters_.ordinary[i].tensor.data_ptr<float>(), means_[i].data_ptr<float>(),
                            mean_squares_[i].data_ptr<float>(), begin, end);
    });
  }

  void step_tensors(const kernels::AdamWStep& s) {
    const double bias1 = 1 - std::pow(s.beta1, static_cast<double>(s.step));
    const double bias2 = 1 - std::pow(s.beta2, static_cast<double>(s.step));
    for (std::size_t i = 0; i < parameters_.ordinary.size(); ++i) {
      const Parameter& p = parameters_.ordinary[i];
      if (!p.tensor.grad().defined()) continue;
      const at::Tensor grad = p.tensor.grad().mul(s.grad_scale);
      at::Tensor weight = p.tensor;
      const double lr = s.lr * p.lr_scale;
      weight.mul_(1 - lr * p.weight_decay);
      means_[i].mul_(s.beta1).add_(grad, 1 - s.beta1);
      mean_squares_[i].mul_(s.beta2).addcmul_(grad, grad, 1 - s.beta2);
      weight.addcdiv_(means_[i], mean_squares_[i].sqrt().div_(std::sqrt(bias2)).add_(s.epsilon), -lr / bias1);
    }
  }

  OptimizerOptions options_;
  std::vector<at::Tensor> means_, mean_squares_;
  at::Tensor steps_;
};

}  // namespace

ParameterSet collect_parameters(torch::nn::Module& model, double weight_decay, bool decay_references,
                                const ParameterRules& rules) {
  ParameterSet set;
  std::map<std::string, double> decays;  // of the tensors that quantizers own
  std::set<std::string> elsewhere;       // behind a leaf, or frozen
  const auto scale = [&](const std::string& name) { return rules.lr_scale ? rules.lr_scale(name) : 1.0; };
  for (const auto& [name, layer] : nn::weight_layers(model)) {
    quant::WeightQuantizer& quantizer = layer->quantizer();
    LeafWeight weight{name, quantizer.leaf_update(), {}};
    for (const quant::NamedTensor& p : quantizer.parameters()) {
      const std::string full = name + "." + p.name;
      const quant::Decay rule = quantizer.decay(p.name);
      const bool exempt = rule == quant::Decay::never || (rule == quant::Decay::reference && !decay_references);
      decays[full] = exempt ? 0 : weight_decay;
      if (layer->frozen()) elsewhere.insert(full);
      if (weight.leaf == nullptr) continue;
      elsewhere.insert(full);
      weight.references.push_back({full, p.tensor, decays[full], scale(full)});
    }
    if (weight.leaf != nullptr && !layer->frozen()) set.leaves.push_back(std::move(weight));
  }
  for (const auto& item : model.named_parameters()) {
    if (elsewhere.count(item.key()) != 0 || !item.value().requires_grad()) continue;
    const auto own = decays.find(item.key());
    const bool exempt = !rules.decay_norms && item.value().dim() <= 1;
    set.ordinary.push_back({item.key(), item.value(),
                            exempt                ? 0
                            : own == decays.end() ? weight_decay
                                                  : own->second,
                            scale(item.key())});
  }
  return set;
}

void Optimizer::zero_grad() {
  for (Parameter& p : parameters_.ordinary) p.tensor.mutable_grad() = at::Tensor();
  for (LeafWeight& leaf : parameters_.leaves) leaf.leaf->leaf().mutable_grad() = at::Tensor();
}

double Optimizer::gradient_norm() {
  const at::NoGradGuard no_grad;
  double sum = 0;
  for (const Parameter& p : parameters_.ordinary) {
    if (p.tensor.grad().defined()) sum += p.tensor.grad().to(at::kDouble).square().sum().item<double>();
  }
  for (const LeafWeight& leaf : parameters_.leaves) {
    if (leaf.leaf->leaf().grad().defined()) sum += leaf.leaf->gradient_square_sum();
  }
  return std::sqrt(sum);
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, ParameterSet parameters) {
  if (options.optimizer == "sgd") return std::make_unique<Sgd>(options, std::move(parameters));
  if (options.optimizer == "adamw") return std::make_unique<AdamW>(options, std::move(parameters));
  throw usage_error("optimizer: unknown value '" + options.optimizer + "'",
                    suggestion(options.optimizer, {"sgd", "adamw"}));
}

}  // namespace denseshift::optim
