#pragma once
// What a dataset is to the loader: samples addressed by split and index, each written as normalised floats.

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/data/image/image.h"
#include "core/data/sample.h"
#include "core/metrics/coco_boxes.h"
#include "core/util/error.h"
#include "core/util/registry.h"
#include "core/util/rng.h"

namespace denseshift::data {

enum class Split { train, val, test };

struct Intents;

/// Facts about an opened dataset.
struct DatasetInfo {
  std::string name;
  std::string task = "classification";
  std::int64_t classes = 0;
  std::int64_t channels = 3;
  std::int64_t image_size = 0;  ///< side of the square network input in pixels; see DatasetOptions otherwise
  bool in_memory = false;       ///< loading a sample costs microseconds, so a worker takes a whole batch at once
  /// Samples are channels x image_size x image_size and come from load(); otherwise load_sample() says their size.
  bool fixed_size = true;
  /// Batches of samples of unequal size are padded at the bottom and right, with zeros and kIgnoredPixel, to the
  /// largest of them rounded up to a multiple of this.
  std::int64_t pad_multiple = 1;
  std::vector<std::string> class_names;
  std::vector<std::int64_t> category_ids;  ///< detection: id of each class in the annotations
};

/// How to open a dataset.
struct DatasetOptions {
  std::string directory{};  ///< where the files are; ignored by datasets rendered in memory
  std::string task{};       ///< of DatasetKind::tasks; empty: the first of them
  std::string transform{};  ///< how pictures become input: square, ssd, fcos, deeplab; empty: the task's usual one
  /// Speech: frames of a training sample.
  std::int64_t image_size = 0;  ///< side; fcos: the short side, deeplab: of the crop; 0: the dataset's own default
  std::int64_t max_size = 0;    ///< fcos: limit of the long side; 0: 5/3 of the short side
  std::uint64_t seed = 1;       ///< rendered datasets only; the same seed gives the same images
  std::int64_t train_size = 0;  ///< rendered datasets only; 0: the dataset's own default
  std::int64_t val_size = 0;    ///< rendered datasets only, also of a test split; 0: the dataset's own default
  bool resample = false;        ///< speech: convert recordings of another sample rate; otherwise they are an error
  std::string feature_cache{};  ///< speech: folder of a FeatureCache; empty: none
};

/// A dataset. Implementations are immutable after opening, so samples may be loaded from many threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  [[nodiscard]] virtual const DatasetInfo& info() const = 0;
  [[nodiscard]] virtual std::int64_t size(Split split) const = 0;

  /// Writes channels x image_size x image_size floats (CHW, normalised) to `out` and returns the label.
  /// With `augment`, crops and flips are drawn from `random`; without, `random` is not touched.
  /// Throws an input error naming the file when a sample cannot be decoded.
  /// Of datasets with info().fixed_size; others throw std::logic_error.
  virtual std::int64_t load(Split split, std::int64_t index, bool augment, RandomStream& random, float* out) const;

  /// The sample with all that is known about it. The storage of `out` is reused. Draws and errors as load().
  virtual void load_sample(Split split, std::int64_t index, bool augment, RandomStream& random, Sample& out) const;

  /// Width over height of the picture, without decoding it; what batches are grouped by. 1 where it does not matter.
  [[nodiscard]] virtual double aspect_ratio(Split /*split*/, std::int64_t /*index*/) const { return 1; }

  /// Detection: everything that evaluation compares with. Empty for other tasks.
  [[nodiscard]] virtual metrics::BoxTruth truth(Split /*split*/) const { return {}; }

  /// Speech: what the classes are made of; null for other tasks.
  [[nodiscard]] virtual const Intents* intents() const { return nullptr; }

  /// Reads the whole of a sample, also what load() may leave out (the rows below a crop). Throws as load() does.
  virtual void verify(Split split, std::int64_t index) const;

  /// The sample as 8-bit RGB, before cropping and normalisation; what `data synth` writes. Returns the label.
  virtual std::int64_t pixels(Split split, std::int64_t index, Image& out) const = 0;

  /// Name, sizes, files with their sizes, and a SHA-256 over a few samples: stored with every run.
  [[nodiscard]] virtual nlohmann::ordered_json fingerprint() const = 0;
};

using DatasetFactory = std::function<std::unique_ptr<Dataset>(const DatasetOptions&)>;

/// What is known of a dataset before it is opened.
struct DatasetKind {
  DatasetFactory open;
  std::vector<std::string> tasks = {"classification"};  ///< the first is the usual one
  std::int64_t classes = 0;                             ///< 0: as many as there are class directories
  std::string needs;            ///< what has to be in the folder; "nothing" for rendered datasets
  std::int64_t image_size = 0;  ///< side of the network input when none is asked for

  [[nodiscard]] bool has_task(const std::string& task) const;
};

/// All datasets.
[[nodiscard]] const Registry<DatasetKind>& datasets();

/// Opens the dataset of that name for options.task. Throws a usage error for a name or task it does not have, and an
/// input error naming what is missing or has the wrong size.
[[nodiscard]] std::unique_ptr<Dataset> open_dataset(const std::string& name, DatasetOptions options);

/// The folder for DatasetOptions: the option --data, else the value of DENSESHIFT_DATA (null when unset), else empty.
/// The dataset itself complains about an empty one when it needs files.
[[nodiscard]] std::string resolve_directory(const std::string& option, const char* environment);

/// "train", "val" or "test".
[[nodiscard]] const char* split_name(Split split);

}  // namespace denseshift::data
