#pragma once
// Sampled weights over the training, and histograms of what is trained: the data of the paper's figures 4 and 5.

#include <string>
#include <vector>

#include "core/quant/quantizer.h"
#include "experiments/hooks/hook.h"
#include "results_db/store.h"

namespace denseshift::nn {
class QuantizedLayer;
}

namespace denseshift::experiments {

/// Flat indices of `count` different weights among `weights`, ascending; all of them when there are not more. They
/// depend on the seed and the layer's name alone.
[[nodiscard]] std::vector<std::int64_t> sampled_weights(std::uint64_t seed, const std::string& layer,
                                                        std::int64_t weights, std::int64_t count);

/// Records `trace_weights` weights of each followed layer before the first update, after every `trace_every` updates
/// (0: about 200 times a run) and after the last: the quantized weight and its element of every trained tensor of the
/// weight's shape. After each epoch, and as epoch 0 before the first, histograms of these tensors. Draws nothing from
/// the global generator and changes no state.
class WeightTraceHook final : public Hook {
 public:
  /// REQUIRES: `store` outlives the hook.
  WeightTraceHook(results_db::RunStore& store, std::int64_t run) : store_(store), run_(run) {}

  void on_start(const Setup& setup, std::int64_t first_epoch) override;
  void on_ready() override;
  void on_step(const StepView& view) override;
  void on_epoch(const EpochView& view) override;

 private:
  struct Layer {
    std::string name;
    nn::QuantizedLayer* layer = nullptr;
    std::vector<std::int64_t> weights;        ///< flat indices
    std::vector<at::Tensor> coordinates;      ///< the same for each dimension
    std::vector<quant::NamedTensor> trained;  ///< of the weight's shape
  };
  void record_weights(std::int64_t step, double epoch);
  void record_histograms(std::int64_t epoch);

  results_db::RunStore& store_;
  std::int64_t run_;
  std::int64_t every_ = 0;
  std::int64_t epochs_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace denseshift::experiments
