#pragma once
// What the small datasets share: square pictures kept as bytes, cropped, flipped and normalised when loaded.

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/dataset.h"
#include "core/data/image/image.h"

namespace denseshift::data {

/// How pictures become network input.
struct PixelRecipe {
  Normalisation normalisation;
  std::int64_t border =
      0;  ///< black pixels put around the stored picture before anything else (28 -> 32 for the digits)
  std::int64_t jitter = 4;  ///< training crops are shifted by up to this many pixels per 32 pixels of input
  bool flip = true;         ///< training pictures are mirrored half of the time
};

/// Writes one stored picture of `channels` planes of side x side bytes as 3 x size x size floats: scaled when the sizes
/// differ, and with `augment` shifted (black enters at the edge) and mirrored as `random` says.
void write_sample(const std::uint8_t* planes, int channels, std::int64_t side, std::int64_t size,
                  const PixelRecipe& recipe, bool augment, RandomStream& random, float* out);

/// A dataset whose pictures are all in memory, in the planes of the file.
class PixelStore final : public Dataset {
 public:
  struct Part {
    std::vector<std::uint8_t> pixels;  ///< size() x channels x side x side
    std::vector<std::uint8_t> labels;
  };
  /// A file the pictures came from, for the fingerprint.
  struct Source {
    std::string name;
    std::uint64_t bytes = 0;
  };

  PixelStore(DatasetInfo info, int channels, std::int64_t side, PixelRecipe recipe, Part train, Part val,
             std::vector<Source> sources);

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const override;
  std::int64_t load(Split split, std::int64_t index, bool augment, RandomStream& random, float* out) const override;
  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override;
  [[nodiscard]] nlohmann::ordered_json fingerprint() const override;

 private:
  [[nodiscard]] const Part& part(Split split) const { return split == Split::train ? train_ : val_; }
  [[nodiscard]] std::int64_t sample_bytes() const { return channels_ * side_ * side_; }

  DatasetInfo info_;
  int channels_;
  std::int64_t side_;
  PixelRecipe recipe_;
  Part train_;
  Part val_;
  std::vector<Source> sources_;
};

}  // namespace denseshift::data
