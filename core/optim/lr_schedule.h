#pragma once
// Learning rate over the steps of a training.

#include <cstdint>
#include <string>
#include <vector>

#include "core/util/registry.h"

namespace denseshift::optim {

/// Everything a schedule may look at. The names are the keys of the run's configuration.
struct LrOptions {
  std::string schedule = "cosine";
  double lr = 0.1;                     ///< highest learning rate
  std::int64_t steps_per_epoch = 1;    ///< optimiser steps, at least 1
  std::int64_t epochs = 1;             ///< length of the training, at least 1
  double warmup_epochs = 0;            ///< may be a fraction
  std::string lr_offset = "standard";  ///< "demo": every schedule runs one epoch ahead, as the authors' script does
  std::vector<double> milestones;      ///< step: epochs, in any order; empty: every 30 epochs
  double lr_gamma = 0.1;               ///< step: factor at each milestone
  double poly_power = 0.9;             ///< poly: exponent
};

/// Where in the training a step lies, the offset included and never beyond the end.
struct LrPosition {
  double epoch = 0;     ///< whole epochs finished
  double progress = 0;  ///< the same with the fraction of the running epoch
  double epochs = 1;    ///< length of the training
};

/// The share of the highest learning rate at a position.
using LrFunction = double (*)(const LrOptions&, const LrPosition&);

/// All schedules by name: cosine, step, poly, constant.
[[nodiscard]] const Registry<LrFunction>& lr_schedules();

/// Learning rate of each step: lr * schedule * warm-up. The main schedule runs over the whole length of the training;
/// the warm-up multiplies its beginning with a straight line that starts at 0 before the first step and reaches 1 after
/// warmup_epochs, so the first step is already taken with a small learning rate.
class LrSchedule {
 public:
  /// Throws a usage error naming the key for an unknown schedule or offset and for values out of range.
  explicit LrSchedule(LrOptions options);

  /// Learning rate of step 0, 1, ... Steps beyond the training keep the value of its end.
  [[nodiscard]] double at(std::int64_t step) const;

 private:
  LrOptions options_;
  LrFunction function_;
  double ahead_;
};

}  // namespace denseshift::optim
