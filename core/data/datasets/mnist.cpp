// MNIST and Fashion-MNIST in idx files, gzipped or not. The 28 px pictures get two black pixels on every side: 32 px is
// what the small networks are made for. Grey is given to the network three times.

#include <zlib.h>

#include <array>

#include "core/data/datasets/builtin.h"
#include "core/data/datasets/pixel_store.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMnistSide = 28;
constexpr std::int64_t kFramedSide = 32;
constexpr std::size_t kMaxRecords = 10'000'000;

/// Spellings of one file name that are in use.
std::vector<std::string> spellings(const std::string& part, const std::string& kind) {
  return {part + "-" + kind + "-ubyte", part + "-" + kind + "-ubyte.gz",
          // some archives are unpacked with a dot before the kind
          part + "-" + kind.substr(0, kind.find('-')) + "." + kind.substr(kind.find('-') + 1) + "-ubyte"};
}

/// Reads a file that may be gzipped, and counts.
class GzipFile {
 public:
  explicit GzipFile(const fs::path& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
    if (file_ == nullptr) throw input_error("cannot read " + path.string());
  }
  ~GzipFile() { gzclose(file_); }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  /// Up to `size` bytes; fewer only at the end of the file.
  std::size_t read(std::uint8_t* to, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const int got = gzread(file_, to + done, static_cast<unsigned>(std::min<std::size_t>(size - done, 1U << 20)));
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    int code = Z_OK;
    const char* message = gzerror(file_, &code);
    if (code != Z_OK && code != Z_BUF_ERROR) throw input_error(path_.string() + ": broken gzip file: " + message);
    total_ += done;
    return done;
  }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  fs::path path_;
  gzFile file_;
  std::size_t total_ = 0;
};

/// The body of an idx file of bytes whose dimensions after the first are `shape`.
std::vector<std::uint8_t> read_idx(const fs::path& path, const std::vector<std::uint32_t>& shape) {
  GzipFile file(path);
  std::array<std::uint8_t, 16> header{};
  const std::size_t header_size = 4 * (shape.size() + 2);
  const auto word = [&header](std::size_t i) {
    return static_cast<std::uint32_t>(header[i] << 24 | header[i + 1] << 16 | header[i + 2] << 8 | header[i + 3]);
  };
  const std::size_t got = file.read(header.data(), header_size);
  const std::uint32_t magic = 0x0800U + static_cast<std::uint32_t>(shape.size()) + 1;
  if (got < header_size || word(0) != magic) {
    throw input_error(path.string() + ": not an idx file of " + (shape.empty() ? "labels" : "images"));
  }
  std::size_t record = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (word(8 + 4 * i) != shape[i]) {
      throw input_error(path.string() + ": images have " + std::to_string(word(8 + 4 * i)) + " pixels, expected " +
                        std::to_string(shape[i]));
    }
    record *= shape[i];
  }
  const std::size_t count = word(4);
  if (count == 0 || count > kMaxRecords) {
    throw input_error(path.string() + ": " + std::to_string(count) + " records in the header");
  }
  // Grows as data arrives: a header that promises too much costs nothing.
  const std::size_t expected = count * record;
  std::vector<std::uint8_t> body;
  while (body.size() < expected) {
    const std::size_t at = body.size();
    const std::size_t piece = std::min<std::size_t>(expected - at, 1U << 24);
    body.resize(at + piece);
    if (file.read(body.data() + at, piece) < piece) {
      throw input_error(path.string() + ": " + std::to_string(file.total()) + " bytes of data, expected " +
                            std::to_string(header_size + expected) + " (truncated?)",
                        "fetch the file again");
    }
  }
  std::uint8_t extra = 0;
  if (file.read(&extra, 1) != 0) throw input_error(path.string() + ": more data than its header says");
  return body;
}

PixelStore::Part read_part(const fs::path& folder, const std::string& name, std::vector<PixelStore::Source>& sources) {
  const auto existing = [&](const std::string& kind) {
    std::error_code code;
    for (const std::string& file : spellings(name, kind)) {
      if (fs::exists(folder / file, code)) {
        sources.push_back({file, fs::file_size(folder / file, code)});
        return folder / file;
      }
    }
    throw input_error("no " + spellings(name, kind).front() + "[.gz] in " + folder.string());
  };
  PixelStore::Part part;
  const fs::path images = existing("images-idx3");
  const fs::path labels = existing("labels-idx1");
  part.pixels = read_idx(images, {kMnistSide, kMnistSide});
  part.labels = read_idx(labels, {});
  const std::size_t pictures = part.pixels.size() / (kMnistSide * kMnistSide);
  if (part.labels.size() != pictures) {
    throw input_error(labels.string() + ": " + std::to_string(part.labels.size()) + " labels for " +
                      std::to_string(pictures) + " images");
  }
  for (const std::uint8_t label : part.labels) {
    if (label > 9) throw input_error(labels.string() + ": label " + std::to_string(label) + " of 10 classes");
  }
  return part;
}

std::unique_ptr<Dataset> open_idx(DatasetInfo info, const DatasetOptions& options, const PixelRecipe& recipe,
                                  const std::vector<std::string>& subfolders) {
  const fs::path folder = find_folder(info.name, options, subfolders, spellings("train", "images-idx3"));
  info.classes = 10;
  info.image_size = checked_image_size(options.image_size, kFramedSide);
  info.in_memory = true;
  std::vector<PixelStore::Source> sources;
  PixelStore::Part train = read_part(folder, "train", sources);
  PixelStore::Part val = read_part(folder, "t10k", sources);
  return std::make_unique<PixelStore>(std::move(info), 1, kMnistSide, recipe, std::move(train), std::move(val),
                                      std::move(sources));
}

}  // namespace

std::unique_ptr<Dataset> open_mnist(const DatasetOptions& options) {
  DatasetInfo info;
  info.name = "mnist";
  info.class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  const PixelRecipe recipe{
      .normalisation = {{0.1307, 0.1307, 0.1307}, {0.3081, 0.3081, 0.3081}}, .border = 2, .jitter = 2, .flip = false};
  return open_idx(std::move(info), options, recipe, {".", "mnist", "MNIST/raw", "raw"});
}

std::unique_ptr<Dataset> open_fashion_mnist(const DatasetOptions& options) {
  DatasetInfo info;
  info.name = "fashion-mnist";
  info.class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  const PixelRecipe recipe{
      .normalisation = {{0.2860, 0.2860, 0.2860}, {0.3530, 0.3530, 0.3530}}, .border = 2, .jitter = 2, .flip = true};
  return open_idx(std::move(info), options, recipe, {".", "fashion-mnist", "FashionMNIST/raw", "raw"});
}

}  // namespace denseshift::data
