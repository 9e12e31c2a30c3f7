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

/// Throws a usage error unless the file's name ends in .csv or .svg.
void check_confusion_file(const std::filesystem::path& file);

/// Writes which intents the last evaluation took for which: as a table (.csv) or as a heat map (.svg). `split` other
/// than val goes into the name: confusion.svg and confusion-test.svg. Returns the file. Throws a usage error for other
/// tasks than speech and a work error when writing fails.
std::filesystem::path write_confusion(const Setup& setup, data::Split split, const std::filesystem::path& file);

/// Draws the predictions of the last evaluation into its first `count` pictures, as PNG: boxes with class and score
/// (those above `score`), or classes as colours. Returns the files. Throws as write_predictions() does.
std::vector<std::filesystem::path> draw_predictions(const Setup& setup, data::Split split, std::int64_t count,
                                                    double score, const std::filesystem::path& folder);

}  // namespace denseshift::experiments
