#pragma once
// Finding the weights of a recorded run or a checkpoint file, and the network they belong to.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/data/audio/intents.h"
#include "experiments/trainer/checkpoint.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// Trained weights as the user names them.
struct WeightsReference {
  std::string run;             ///< run reference; empty: `checkpoint`
  std::string checkpoint;      ///< file
  std::string which = "best";  ///< of a run: best or last
  std::string db = "denseshift.db";
};

struct FoundWeights {
  std::unique_ptr<Checkpoint> checkpoint;
  std::int64_t parent = 0;  ///< the run; 0 for a file
};

/// Opens and checks the checkpoint. Throws usage and input errors.
[[nodiscard]] FoundWeights find_weights(const WeightsReference& reference);

/// The configuration that the checkpoint was written under. Throws an input error naming the file.
[[nodiscard]] TrainConfig stored_config(const Checkpoint& checkpoint);

/// That configuration with the values of `overrides` in `wanted` instead, resolved. `batch_size` is that of evaluation.
[[nodiscard]] TrainConfig evaluation_config(const Checkpoint& checkpoint, const TrainConfig& wanted,
                                            const std::vector<std::string>& overrides);

/// Speech: the intents that the network was trained on; nothing where the checkpoint has none. Throws an input error
/// naming the file.
[[nodiscard]] std::optional<data::Intents> stored_intents(const Checkpoint& checkpoint);

/// Copies the weights into the network: their moving average where one was kept, which is what training evaluates.
void load_weights(const Checkpoint& checkpoint, Setup& setup);

}  // namespace denseshift::experiments
