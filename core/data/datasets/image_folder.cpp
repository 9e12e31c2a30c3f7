// Photographs in train/<class>/* and val/<class>/*: `imagefolder`, and `imagenet` with its thousand classes.

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "core/data/datasets/builtin.h"
#include "core/data/image/crop.h"
#include "core/data/image/decode.h"
#include "core/data/image/resize.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kDefaultSize = 224;
constexpr std::array<const char*, 9> kExtensions{".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                                 ".pgm", ".tif",  ".tiff", ".webp"};

bool has_image_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

/// Names of the class folders in byte order.
std::vector<std::string> class_folders(const fs::path& split) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(split)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Image files below a class folder, relative to it; folder by folder, names in byte order.
std::vector<std::string> image_files(const fs::path& folder) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const fs::directory_entry& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink)) {
    if (!has_image_extension(entry.path()) || entry.is_directory()) continue;
    const fs::path relative = entry.path().lexically_relative(folder);
    found.emplace_back(relative.parent_path().string(), relative.filename().string());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> files;
  files.reserve(found.size());
  for (const auto& [parent, name] : found) files.push_back(parent.empty() ? name : parent + "/" + name);
  return files;
}

class ImageFolder final : public Dataset {
 public:
  ImageFolder(const std::string& name, std::int64_t expected_classes, const DatasetOptions& options) {
    root_ = find_folder(name, options, {"."}, {"train"});
    (void)find_folder(name, options, {"."}, {"val"});
    info_.name = name;
    info_.image_size = checked_image_size(options.image_size, kDefaultSize);
    try {
      info_.class_names = class_folders(root_ / "train");
      scan(Split::train);
      scan(Split::val);
    } catch (const fs::filesystem_error& error) {
      throw input_error("cannot read " + error.path1().string() + ": " + error.code().message());
    }
    info_.classes = std::ssize(info_.class_names);
    if (expected_classes != 0 && info_.classes != expected_classes) {
      throw input_error("dataset " + name + ": " + (root_ / "train").string() + " has " +
                            std::to_string(info_.classes) + " class folders, expected " +
                            std::to_string(expected_classes),
                        "use --dataset imagefolder for a set of your own");
    }
  }

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t size(Split split) const override {
    return split == Split::test ? 0 : std::ssize(part(split).files);
  }

  std::int64_t load(Split split, std::int64_t index, bool augment, RandomStream& random, float* out) const override {
    thread_local Decoded decoded;
    thread_local Image scaled;
    thread_local Resizer resizer;
    const std::int64_t size = info_.image_size;
    PictureFile file(path(split, index));
    Region region{0, 0, file.width(), file.height()};
    Window window;
    if (augment) {
      region = random_resized_crop(file.width(), file.height(), random);
      window.flip = random.below(2) == 1;
      file.decode(region, size, size, decoded);
      resizer.resize(decoded.image, decoded.locate(region), {.width = size, .height = size}, scaled);
    } else {
      const Target target = centre_crop(file.width(), file.height(), size);
      file.decode(region_behind(file.width(), file.height(), target), size, size, decoded);
      resizer.resize(decoded.image, decoded.locate(region), target, scaled);
    }
    write_planes(scaled, window, size, normalisation_, out);
    return part(split).labels[static_cast<std::size_t>(index)];
  }

  std::int64_t pixels(Split split, std::int64_t index, Image& out) const override {
    PictureFile(path(split, index)).decode(out);
    return part(split).labels[static_cast<std::size_t>(index)];
  }

  /// Hashes every relative path, but the content of a few files only: a million files are not read for a name.
  [[nodiscard]] nlohmann::ordered_json fingerprint() const override {
    nlohmann::ordered_json json;
    json["name"] = info_.name;
    json["classes"] = info_.classes;
    Sha256 names;
    Sha256 samples;
    for (const Split split : {Split::train, Split::val}) {
      json[split_name(split)] = size(split);
      const std::int64_t step = std::max<std::int64_t>(1, size(split) / 8);
      for (std::int64_t i = 0; i < size(split); ++i) {
        const fs::path file = path(split, i);
        const std::string relative = file.lexically_relative(root_).string();
        names.update(relative.c_str(), relative.size() + 1);
        if (i % step != 0) continue;
        const std::string content = read_file(file);
        samples.update(content.data(), content.size());
      }
    }
    json["names_sha256"] = names.hex();
    json["samples_sha256"] = samples.hex();
    return json;
  }

 private:
  struct Part {
    std::vector<std::string> files;  ///< relative to the folder of their class
    std::vector<std::int32_t> labels;
  };
  [[nodiscard]] const Part& part(Split split) const { return split == Split::train ? train_ : val_; }
  [[nodiscard]] fs::path path(Split split, std::int64_t index) const {
    const auto i = static_cast<std::size_t>(index);
    const auto label = static_cast<std::size_t>(part(split).labels[i]);
    return root_ / split_name(split) / info_.class_names[label] / part(split).files[i];
  }

  void scan(Split split) {
    const fs::path folder = root_ / split_name(split);
    Part& to = split == Split::train ? train_ : val_;
    const std::vector<std::string> classes = class_folders(folder);
    if (classes.empty()) {
      throw input_error(folder.string() + ": no class folders",
                        "move every image into " + std::string(split_name(split)) + "/<class>/");
    }
    for (const std::string& name : classes) {
      const auto known = std::lower_bound(info_.class_names.begin(), info_.class_names.end(), name);
      if (known == info_.class_names.end() || *known != name) {
        throw input_error((folder / name).string() + ": there is no class of this name in train");
      }
      const auto label = static_cast<std::int32_t>(known - info_.class_names.begin());
      std::vector<std::string> files = image_files(folder / name);
      if (files.empty()) {
        throw input_error((folder / name).string() + ": no images in this class folder",
                          "remove the folder or put images into it");
      }
      to.labels.insert(to.labels.end(), files.size(), label);
      std::move(files.begin(), files.end(), std::back_inserter(to.files));
    }
  }

  DatasetInfo info_;
  fs::path root_;
  Part train_;
  Part val_;
  Normalisation normalisation_{{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};
};

}  // namespace

std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options) {
  return std::make_unique<ImageFolder>("imagefolder", 0, options);
}

std::unique_ptr<Dataset> open_imagenet(const DatasetOptions& options) {
  return std::make_unique<ImageFolder>("imagenet", 1000, options);
}

}  // namespace denseshift::data
