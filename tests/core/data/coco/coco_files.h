#pragma once
// Files for the tests of COCO's formats: small ones written here, and those of the test data.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/core/data/support.h"

namespace denseshift::data::coco {

inline std::filesystem::path write_text(const TemporaryFolder& folder, const std::string& name,
                                        const std::string& text) {
  const std::filesystem::path path = folder / name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

/// Two pictures, two categories with a gap, four objects: a polygon pair, a crowd, compressed run lengths, none.
inline nlohmann::json small_instances() {
  return nlohmann::json::parse(R"({
    "info": {"year": 2017, "nested": [{"images": [1, [2]]}]},
    "images": [{"license": 1, "id": 9000000000, "width": 8, "height": 6, "file_name": "b.jpg"},
               {"id": 5, "width": 4, "height": 4, "file_name": "a.jpg"}],
    "annotations": [
      {"segmentation": [[1, 1, 4.5, 1, 4.5, 4.25, 1, 4.25], [5.1, 0.33, 7, 0, 7, 2]], "area": 12.5, "iscrowd": 0,
       "image_id": 9000000000, "bbox": [1, 0, 6, 4.25], "category_id": 1, "id": 900100581904},
      {"segmentation": {"size": [4, 4], "counts": [2, 3, 11]}, "area": 3, "iscrowd": 1, "image_id": 5,
       "bbox": [0, 1, 2, 3], "category_id": 90, "id": 1},
      {"segmentation": {"size": [6, 8], "counts": "532NS1"}, "area": 4, "iscrowd": 0, "image_id": 9000000000,
       "bbox": [0, 0, 8, 0], "category_id": 90, "id": 2},
      {"area": 4, "image_id": 5, "bbox": [-1.5, 0, 3, 3], "category_id": 1, "id": 3}],
    "categories": [{"id": 90, "name": "toothbrush", "supercategory": "indoor"}, {"id": 1, "name": "person"}]})");
}

/// A file or folder of the test data; empty when it is not there.
inline std::filesystem::path test_data(const std::string& name) {
  const char* folder = std::getenv("DENSESHIFT_TEST_DATA");
  const std::filesystem::path path = folder != nullptr ? std::filesystem::path(folder) / name : "";
  return folder != nullptr && std::filesystem::exists(path) ? path : std::filesystem::path();
}

/// The reference values of box evaluation and masks: DENSESHIFT_COCO_ORACLES, else in the folder of test data.
inline std::filesystem::path oracles_path() {
  const char* named = std::getenv("DENSESHIFT_COCO_ORACLES");
  return named != nullptr ? std::filesystem::path(named) : test_data("coco_eval_oracles.json");
}

inline nlohmann::json parse_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return nlohmann::json::parse(file);
}

}  // namespace denseshift::data::coco
