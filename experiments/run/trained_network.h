#pragma once
// Finding the weights of a recorded run or a checkpoint file, and the network they belong to.

#include <memory>
#include <string>

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

/// Copies the weights into the network: their moving average where one was kept, which is what training evaluates.
void load_weights(const Checkpoint& checkpoint, Setup& setup);

}  // namespace denseshift::experiments
