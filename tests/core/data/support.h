#pragma once
// Helpers of the data tests.

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/image/image.h"
#include "core/util/error.h"

namespace denseshift::data {

/// A folder that disappears with the object.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name) {
    std::string pattern = (std::filesystem::temp_directory_path() / (name + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// One sample of a dataset; `key` is the seed of its random numbers.
inline Sample load(const Dataset& dataset, Split split, std::int64_t index, bool augment = false,
                   std::uint64_t key = 0) {
  RandomStream random(key);
  Sample sample;
  dataset.load_sample(split, index, augment, random, sample);
  return sample;
}

/// Message of the Error that `action` throws; empty when it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Whether `moved` is the 32 px picture `plain` seen through a window shifted by (dx, dy), then mirrored; outside is
/// black.
inline bool is_shifted(const std::vector<float>& plain, const std::vector<float>& moved, int dx, int dy, bool flip) {
  const float black[3] = {-0.4914F / 0.2470F, -0.4822F / 0.2435F, -0.4465F / 0.2616F};
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        const int sy = y + dy;
        const int sx = (flip ? 31 - x : x) + dx;
        const bool outside = sx < 0 || sx > 31 || sy < 0 || sy > 31;
        const float expected = outside ? black[c] : plain[static_cast<std::size_t>((c * 32 + sy) * 32 + sx)];
        if (std::abs(expected - moved[static_cast<std::size_t>((c * 32 + y) * 32 + x)]) > 1e-5F) return false;
      }
    }
  }
  return true;
}

/// A file made by scripts/make_image_fixtures.py.
inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(DENSESHIFT_TEST_SOURCE_DIR) / "data" / "images" / name;
}

/// Largest difference of a colour value in grey levels; 1000 when the sizes differ.
inline int largest_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height) return 1000;
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    for (int c = 0; c < 3; ++c) {
      largest = std::max(largest, std::abs(channel_of(a.pixels[i], c) - channel_of(b.pixels[i], c)));
    }
  }
  return largest;
}

/// Folder of the larger test data, from DENSESHIFT_TEST_DATA; empty when `name` is not there.
inline std::filesystem::path test_data(const std::string& name) {
  const char* root = std::getenv("DENSESHIFT_TEST_DATA");
  if (root == nullptr) return {};
  const std::filesystem::path path = std::filesystem::path(root) / name;
  std::error_code code;
  return std::filesystem::exists(path, code) ? path : std::filesystem::path();
}

}  // namespace denseshift::data
