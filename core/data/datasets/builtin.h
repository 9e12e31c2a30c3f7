#pragma once
// The built-in datasets. A new one is a file here and a line in registry.cpp.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/data/dataset.h"

namespace denseshift::data {

[[nodiscard]] std::unique_ptr<Dataset> open_shapes(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_cifar10(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_cifar100(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_mnist(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_fashion_mnist(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_imagenet(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_coco(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_voc(const DatasetOptions& options);

/// The variants of open_shapes() and open_coco() by options.task.
[[nodiscard]] std::unique_ptr<Dataset> open_shapes_objects(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_coco_detection(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_coco_segmentation(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_fsc(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_fsdd(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_tones(const DatasetOptions& options);
[[nodiscard]] std::unique_ptr<Dataset> open_tones8(const DatasetOptions& options);

/// The first of `subfolders` (relative to the directory; "." is the directory itself) that holds one of `files`. Throws
/// an input error that says where the files of `dataset` are expected when the directory is empty, missing or holds
/// none.
[[nodiscard]] std::filesystem::path find_folder(const std::string& dataset, const DatasetOptions& options,
                                                const std::vector<std::string>& subfolders,
                                                const std::vector<std::string>& files);

/// A usage error unless the size is 0 or one that a network can take (8 to 4096); returns the size or, for 0,
/// `otherwise`.
[[nodiscard]] std::int64_t checked_image_size(std::int64_t size, std::int64_t otherwise);

}  // namespace denseshift::data
