#pragma once
// Times training steps of full precision and of the DenseShift implementations side by side.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace denseshift::experiments {

/// What is timed. Steps are zero_grad, forward, cross entropy, backward and update on one fixed random batch, on the
/// CPU.
struct TrainBenchOptions {
  std::string arch = "resnet18";
  std::int64_t image_size = 64;
  std::int64_t classes = 1000;
  std::vector<std::string>
      variants;  ///< names for train_bench_variant(); timed in this order, rotated from round to round
};

/// A way to train: how the weights are represented and who updates them.
struct TrainVariant {
  std::string name;
  std::string description;
  std::string method;
  std::int64_t wbits = 32;
  std::string impl;
  bool torch_sgd = false;  ///< LibTorch's optimiser instead of ours
  std::int64_t abits = 32;
};

/// Every variant. The first one is what the others are compared with: fp32 with LibTorch's own SGD.
[[nodiscard]] const std::vector<TrainVariant>& train_bench_variants();

/// The variant of that name; "METHOD:WBITS" is the method at these bits as train would run it. Throws a usage error
/// with the nearest name.
[[nodiscard]] TrainVariant train_bench_variant(const std::string& name);

/// The names "METHOD:WBITS" of a list of methods: "all" (each at its default bits), METHOD (at its default bits) or
/// METHOD:WBITS. The variant that all are compared with comes first. Throws usage errors.
[[nodiscard]] std::vector<std::string> method_variants(const std::vector<std::string>& methods);

/// Throws a usage error for an unknown architecture or variant.
void check(const TrainBenchOptions& options);

/// Milliseconds of every measured step, in the order of options.variants: times[variant][round]. Round i of all
/// variants is measured within one pass, after one unmeasured step each. `on_round(done)` is called after each round.
/// Throws a work error when a loss is not finite.
[[nodiscard]] std::vector<std::vector<double>> time_training(const TrainBenchOptions& options, std::int64_t batch_size,
                                                             std::int64_t rounds,
                                                             const std::function<void(std::int64_t)>& on_round);

/// Trains one variant for a few steps and returns the largest resident size that this process ever had, in bytes. Means
/// something only in a process that has done nothing else.
[[nodiscard]] std::int64_t peak_memory_of_training(const TrainBenchOptions& options, const std::string& variant,
                                                   std::int64_t batch_size);

/// Images per second of the loader alone: rendered shapes of side `image_size`, augmented, nothing done with them.
[[nodiscard]] double loader_images_per_second(std::int64_t image_size, std::int64_t batch_size, std::int64_t workers);

}  // namespace denseshift::experiments
