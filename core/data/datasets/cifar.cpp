// CIFAR-10 and CIFAR-100 in the standard binary files: records of one label byte (CIFAR-100: coarse, then fine label)
// and the red, green and blue planes of a 32 x 32 picture.

#include <cstring>
#include <fstream>

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/pixel_store.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kCifarSide = 32;
constexpr std::size_t kPixels = 3 * kCifarSide * kCifarSide;

/// The differences between the two sets.
struct Layout {
  std::string name;
  std::int64_t classes = 0;
  std::string folder;
  std::size_t label_bytes = 0;  ///< the label is the last of them
  std::vector<std::string> train_files;
  std::string val_file;
  std::size_t train_records = 0;  ///< per file
  std::size_t val_records = 0;
  std::string names_file;
  Normalisation normalisation;
};

void read_records(const fs::path& path, const Layout& layout, std::size_t records, PixelStore::Part& part,
                  std::vector<PixelStore::Source>& sources) {
  const std::size_t record = layout.label_bytes + kPixels;
  const std::size_t expected = records * record;
  std::error_code code;
  const auto size = fs::file_size(path, code);
  if (code) throw input_error("cannot read " + path.string() + ": " + code.message());
  if (size != expected) {
    throw input_error(path.string() + ": " + std::to_string(size) + " bytes, expected " + std::to_string(expected) +
                          (size < expected ? " (truncated?)" : ""),
                      "unpack the archive of " + layout.name + " again");
  }
  const std::string content = read_file(path, expected);
  std::size_t at = part.labels.size();
  part.labels.resize(at + records);
  part.pixels.resize((at + records) * kPixels);
  for (std::size_t i = 0; i < records; ++i, ++at) {
    const char* from = content.data() + i * record;
    const auto label = static_cast<std::uint8_t>(from[layout.label_bytes - 1]);
    if (label >= layout.classes) {
      throw input_error(path.string() + ": record " + std::to_string(i) + " has label " + std::to_string(label) +
                        " of " + std::to_string(layout.classes) + " classes");
    }
    part.labels[at] = label;
    std::memcpy(part.pixels.data() + at * kPixels, from + layout.label_bytes, kPixels);
  }
  sources.push_back({path.filename().string(), size});
}

/// Class names from the text file beside the batches, or their numbers when it is missing or too short.
std::vector<std::string> class_names(const fs::path& path, std::int64_t classes) {
  std::vector<std::string> names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line) && std::ssize(names) < classes;) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  for (auto i = std::ssize(names); i < classes; ++i) names.push_back(std::to_string(i));
  return names;
}

std::unique_ptr<Dataset> open_cifar(const Layout& layout, const DatasetOptions& options) {
  const fs::path folder = find_folder(layout.name, options, {".", layout.folder, layout.name + "/" + layout.folder},
                                      {layout.train_files.front()});
  PixelStore::Part train;
  PixelStore::Part val;
  std::vector<PixelStore::Source> sources;
  train.pixels.reserve(layout.train_files.size() * layout.train_records * kPixels);
  for (const std::string& file : layout.train_files) {
    read_records(folder / file, layout, layout.train_records, train, sources);
  }
  read_records(folder / layout.val_file, layout, layout.val_records, val, sources);
  DatasetInfo info;
  info.name = layout.name;
  info.classes = layout.classes;
  info.image_size = checked_image_size(options.image_size, kCifarSide);
  info.in_memory = true;
  info.class_names = class_names(folder / layout.names_file, layout.classes);
  const PixelRecipe recipe{.normalisation = layout.normalisation};
  return std::make_unique<PixelStore>(std::move(info), 3, kCifarSide, recipe, std::move(train), std::move(val),
                                      std::move(sources));
}

}  // namespace

std::unique_ptr<Dataset> open_cifar10(const DatasetOptions& options) {
  const Layout layout{.name = "cifar10",
                      .classes = 10,
                      .folder = "cifar-10-batches-bin",
                      .label_bytes = 1,
                      .train_files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                      "data_batch_5.bin"},
                      .val_file = "test_batch.bin",
                      .train_records = 10000,
                      .val_records = 10000,
                      .names_file = "batches.meta.txt",
                      .normalisation = {{0.4914, 0.4822, 0.4465}, {0.2470, 0.2435, 0.2616}}};
  return open_cifar(layout, options);
}

std::unique_ptr<Dataset> open_cifar100(const DatasetOptions& options) {
  const Layout layout{.name = "cifar100",
                      .classes = 100,
                      .folder = "cifar-100-binary",
                      .label_bytes = 2,
                      .train_files = {"train.bin"},
                      .val_file = "test.bin",
                      .train_records = 50000,
                      .val_records = 10000,
                      .names_file = "fine_label_names.txt",
                      .normalisation = {{0.5071, 0.4865, 0.4409}, {0.2673, 0.2564, 0.2762}}};
  return open_cifar(layout, options);
}

}  // namespace denseshift::data
