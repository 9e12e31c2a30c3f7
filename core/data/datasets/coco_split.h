#pragma once
// One split of a dataset in COCO's layout: annotations and the pictures they name.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/data/coco/annotations.h"
#include "core/data/dataset.h"
#include "core/util/hash.h"

namespace denseshift::data {

/// The pictures of a split that are used, in order of id. Pictures are decoded at full size, because the rules for the
/// size of the network's input count their pixels.
class CocoSplit {
 public:
  /// Reads annotations/instances_<split>2017.json with pictures in <split>2017/, else the same without the year.
  /// Throws an input error when neither is there or the annotations cannot be used.
  CocoSplit(const std::filesystem::path& root, Split split, const coco::ReadOptions& options);

  [[nodiscard]] const coco::Annotations& annotations() const { return annotations_; }
  [[nodiscard]] std::int64_t size() const { return std::ssize(used_); }
  [[nodiscard]] const coco::ImageEntry& entry(std::int64_t index) const { return annotations_.images[at(index)]; }
  [[nodiscard]] std::span<const coco::Annotation> of(std::int64_t index) const {
    return annotations_.of_image(at(index));
  }
  [[nodiscard]] std::filesystem::path path(std::int64_t index) const { return folder_ / entry(index).file_name; }

  /// Drops the pictures for which `wanted(entry, annotations)` is false.
  template <class Predicate>
  void keep(Predicate wanted) {
    std::erase_if(used_, [&](std::size_t i) { return !wanted(annotations_.images[i], annotations_.of_image(i)); });
  }

  /// Throws an input error that names the picture's file when it is missing, broken or not of the annotated size.
  void decode(std::int64_t index, Image& out) const;

  /// Adds what identifies the split: pictures and boxes to `contents`, the bytes of a few files to `samples`.
  void add_to_fingerprint(Sha256& contents, Sha256& samples) const;

 private:
  [[nodiscard]] std::size_t at(std::int64_t index) const { return used_[static_cast<std::size_t>(index)]; }

  coco::Annotations annotations_;
  std::filesystem::path folder_;
  std::vector<std::size_t> used_;  ///< positions in annotations_.images
};

/// Identifies a dataset of two such splits: name, task, classes, sizes and hashes.
[[nodiscard]] nlohmann::ordered_json coco_fingerprint(const DatasetInfo& info, const CocoSplit& train,
                                                      const CocoSplit& val);

/// The folder of `options` that holds annotations/instances_train*.json; an input error without one.
[[nodiscard]] std::filesystem::path find_coco_folder(const DatasetOptions& options);

}  // namespace denseshift::data
