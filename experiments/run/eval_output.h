#pragma once
// What an evaluation predicted, as files and pictures.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// Writes the predictions of the last evaluation into the folder: results.json in COCO's format (detection), one
/// palette PNG of each picture's size (segmentation), confusion.csv (speech). Returns the files. Throws a usage error
/// for classification and a work error when writing fails.
std::vector<std::filesystem::path> write_predictions(const Setup& setup, const std::filesystem::path& folder);

/// Draws the predictions of the last evaluation into its first `count` pictures, as PNG: boxes with class and score
/// (those above `score`), or classes as colours. Returns the files. Throws as write_predictions() does.
std::vector<std::filesystem::path> draw_predictions(const Setup& setup, data::Split split, std::int64_t count,
                                                    double score, const std::filesystem::path& folder);

}  // namespace denseshift::experiments
