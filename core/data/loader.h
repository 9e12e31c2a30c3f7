#pragma once
// Batches in a fixed order from worker threads.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/data/dataset.h"

namespace denseshift::data {

/// What to do with a sample that cannot be decoded.
enum class BrokenSample { fail, skip };

/// Options of a Loader.
struct LoaderOptions {
  Split split = Split::train;
  std::int64_t batch_size = 64;
  std::int64_t limit = 0;  ///< use only the first `limit` samples of a seed-keyed permutation; 0: all
  std::uint64_t seed = 1;
  bool shuffle = true;
  bool augment = true;
  bool drop_last = false;  ///< leave out a last batch that is not full, unless it is the only one
  bool group_by_aspect =
      false;  ///< shuffled pictures of like width over height share a batch, so that little is padded
  BrokenSample broken = BrokenSample::fail;
  std::int64_t workers = 1;  ///< threads that decode; 0: the calling thread decodes. Batches do not depend on it.
  std::int64_t queue = 3;    ///< batches kept ready
};

/// One batch. `images` holds count x channels x height x width floats; the buffers are reused by later batches.
struct Batch {
  std::vector<float> images;
  std::vector<std::int64_t> labels;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<SampleInfo> samples;  ///< of `count` samples, masks moved to `masks`; empty for sets of fixed size
  std::vector<std::uint8_t> masks;  ///< count x height x width; empty without masks
  std::int64_t count = 0;
  std::int64_t position = 0;  ///< index of the batch in its epoch
};

/// Produces the batches of an epoch in order. The order is a permutation keyed by (seed, epoch) and the augmentation of
/// a sample by (seed, epoch, sample), so an epoch can be entered at any batch and does not depend on the number of
/// workers.
class Loader {
 public:
  /// REQUIRES: `dataset` outlives the loader.
  Loader(const Dataset& dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Batches per epoch (the last one may be smaller).
  [[nodiscard]] std::int64_t batches() const;
  /// Samples per epoch.
  [[nodiscard]] std::int64_t samples() const;

  /// Begins `epoch` at batch `first`; drops whatever was under way.
  void start(std::int64_t epoch, std::int64_t first = 0);

  /// The next batch, or null at the end of the epoch. The batch is valid until the next call of next() or start().
  /// Rethrows a worker's error. With BrokenSample::skip, broken samples are left out (count shrinks) and listed in
  /// skipped().
  [[nodiscard]] const Batch* next();

  /// Messages of the samples left out so far.
  [[nodiscard]] std::vector<std::string> skipped() const;
  /// Seconds that next() waited for workers since start(): is the loader the bottleneck?
  [[nodiscard]] double waited_seconds() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace denseshift::data
