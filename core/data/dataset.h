#pragma once
// What a dataset is to the loader: samples addressed by split and index, each written as normalised floats.

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/data/image/image.h"
#include "core/util/registry.h"
#include "core/util/rng.h"

namespace denseshift::data {

enum class Split { train, val };

/// Facts about an opened dataset.
struct DatasetInfo {
  std::string name;
  std::string task = "classification";
  std::int64_t classes = 0;
  std::int64_t channels = 3;
  std::int64_t image_size = 0;  ///< side of the square network input in pixels
  bool in_memory = false;       ///< loading a sample costs microseconds, so a worker takes a whole batch at once
  std::vector<std::string> class_names;
};

/// How to open a dataset.
struct DatasetOptions {
  std::string directory{};      ///< where the files are; ignored by datasets rendered in memory
  std::int64_t image_size = 0;  ///< 0: the dataset's own default
  std::uint64_t seed = 1;       ///< rendered datasets only; the same seed gives the same images
  std::int64_t train_size = 0;  ///< rendered datasets only; 0: the dataset's own default
  std::int64_t val_size = 0;    ///< rendered datasets only; 0: the dataset's own default
};

/// A classification dataset. Implementations are immutable after opening, so load() may be called from many threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  [[nodiscard]] virtual const DatasetInfo& info() const = 0;
  [[nodiscard]] virtual std::int64_t size(Split split) const = 0;

  /// Writes channels x image_size x image_size floats (CHW, normalised) to `out` and returns the label.
  /// With `augment`, crops and flips are drawn from `random`; without, `random` is not touched.
  /// Throws an input error naming the file when a sample cannot be decoded.
  virtual std::int64_t load(Split split, std::int64_t index, bool augment, RandomStream& random, float* out) const = 0;

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
  std::string task = "classification";
  std::int64_t classes = 0;     ///< 0: as many as there are class directories
  std::string needs;            ///< what has to be in the folder; "nothing" for rendered datasets
  std::int64_t image_size = 0;  ///< side of the network input when none is asked for

  /// Opens the dataset. Throws an input error naming what is missing or has the wrong size.
  std::unique_ptr<Dataset> operator()(const DatasetOptions& options) const { return open(options); }
};

/// All datasets: shapes, cifar10, cifar100, mnist, fashion-mnist, imagefolder, imagenet.
[[nodiscard]] const Registry<DatasetKind>& datasets();

/// The folder for DatasetOptions: the option --data, else the value of DENSESHIFT_DATA (null when unset), else empty.
/// The dataset itself complains about an empty one when it needs files.
[[nodiscard]] std::string resolve_directory(const std::string& option, const char* environment);

/// "train" or "val".
[[nodiscard]] const char* split_name(Split split);

}  // namespace denseshift::data
