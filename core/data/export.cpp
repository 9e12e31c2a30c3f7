#include "core/data/export.h"

#include <fmt/format.h>
#include <png.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
//
#include <jpeglib.h>

#include "core/data/audio/recording.h"
#include "core/data/datasets/speech.h"
#include "core/data/image/label_map.h"
#include "core/util/csv.h"
#include "core/util/error.h"
#include "core/util/suggest.h"

namespace denseshift::data {
namespace {

namespace fs = std::filesystem;

constexpr int kJpegQuality = 95;

/// A folder that gets its name when everything is in it.
class AtomicFolder {
 public:
  explicit AtomicFolder(const fs::path& path) : path_(path) {
    std::error_code code;
    if (fs::exists(path, code) && !(fs::is_directory(path, code) && fs::is_empty(path, code))) {
      throw usage_error(path.string() + " exists and is not an empty folder", "choose another --out");
    }
    temporary_ = fs::absolute(path).lexically_normal();
    if (!temporary_.has_filename()) temporary_ = temporary_.parent_path();
    temporary_ += ".tmp" + std::to_string(::getpid());
    fs::create_directories(temporary_, code);
    if (code) throw work_error("cannot create " + path.string() + ": " + code.message());
  }
  ~AtomicFolder() {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  }
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Writes a file at a path relative to the folder.
  void write(const fs::path& name, const std::string& content) const {
    std::ofstream file(temporary_ / name, std::ios::binary);
    file.write(content.data(), std::ssize(content));
    file.close();
    if (!file) throw work_error("cannot write " + (path_ / name).string() + ": " + std::strerror(errno));
  }
  void make_folder(const fs::path& name) const {
    std::error_code code;
    fs::create_directories(temporary_ / name, code);
    if (code) throw work_error("cannot create " + (path_ / name).string() + ": " + code.message());
  }
  void commit() {
    std::error_code code;
    fs::rename(temporary_, path_, code);
    if (code) throw work_error("cannot create " + path_.string() + ": " + code.message());
    temporary_.clear();
  }

 private:
  fs::path path_;
  fs::path temporary_;
};

/// "red disc" -> "red_disc".
std::string folder_name(std::string name) {
  for (char& c : name) {
    if (c == ' ' || c == '/') c = '_';
  }
  return name;
}

std::string picture_name(std::int64_t index, ExportFormat format) {
  return fmt::format("{:06}.{}", index, format == ExportFormat::png ? "png" : "jpg");
}

std::string encode_picture(const Image& image, ExportFormat format) {
  return format == ExportFormat::png ? encode_png(image) : encode_jpeg(image, kJpegQuality);
}

void write_image_folder(const Dataset& dataset, ExportFormat format, const AtomicFolder& folder) {
  const bool png = format == ExportFormat::png;
  Image image;
  for (const Split split : {Split::train, Split::val}) {
    for (const std::string& name : dataset.info().class_names) {
      folder.make_folder(fs::path(split_name(split)) / folder_name(name));
    }
    for (std::int64_t i = 0; i < dataset.size(split); ++i) {
      const auto label = static_cast<std::size_t>(dataset.pixels(split, i, image));
      const fs::path file = fs::path(split_name(split)) / folder_name(dataset.info().class_names[label]) /
                            fmt::format("{:05}.{}", i, png ? "png" : "jpg");
      folder.write(file, encode_picture(image, format));
    }
  }
}

std::string cifar_records(const Dataset& dataset, Split split, std::int64_t first, std::int64_t count) {
  std::string content;
  content.reserve(static_cast<std::size_t>(count) * 3073);
  Image image;
  for (std::int64_t i = first; i < first + count; ++i) {
    content.push_back(static_cast<char>(dataset.pixels(split, i, image)));
    for (int c = 0; c < 3; ++c) {
      for (const Pixel pixel : image.pixels) content.push_back(static_cast<char>(channel_of(pixel, c)));
    }
  }
  return content;
}

void write_cifar10(const Dataset& dataset, const AtomicFolder& folder) {
  constexpr std::int64_t kRecords = 10000;
  if (dataset.info().image_size != 32 || dataset.info().classes != 10 || dataset.size(Split::train) != 5 * kRecords ||
      dataset.size(Split::val) != kRecords) {
    throw usage_error("the cifar10 format holds 50000 + 10000 pictures of 32 pixels in 10 classes");
  }
  const fs::path batches = "cifar-10-batches-bin";
  folder.make_folder(batches);
  for (std::int64_t b = 0; b < 5; ++b) {
    folder.write(batches / fmt::format("data_batch_{}.bin", b + 1),
                 cifar_records(dataset, Split::train, b * kRecords, kRecords));
  }
  folder.write(batches / "test_batch.bin", cifar_records(dataset, Split::val, 0, kRecords));
  std::string names;
  for (const std::string& name : dataset.info().class_names) names += name + "\n";
  folder.write(batches / "batches.meta.txt", names);
}

void write_coco(const Dataset& dataset, ExportFormat format, const AtomicFolder& folder) {
  folder.make_folder("annotations");
  Image image;
  for (const Split split : {Split::train, Split::val}) {
    const metrics::BoxTruth truth = dataset.truth(split);
    folder.make_folder(split_name(split));
    nlohmann::ordered_json json{{"images", nlohmann::ordered_json::array()},
                                {"annotations", nlohmann::ordered_json::array()},
                                {"categories", nlohmann::ordered_json::array()}};
    for (std::int64_t i = 0; i < dataset.size(split); ++i) {
      (void)dataset.pixels(split, i, image);
      const std::string name = picture_name(i, format);
      folder.write(fs::path(split_name(split)) / name, encode_picture(image, format));
      json["images"].push_back({{"id", truth.images[static_cast<std::size_t>(i)]},
                                {"width", image.width},
                                {"height", image.height},
                                {"file_name", name}});
    }
    for (const metrics::TruthBox& box : truth.boxes) {
      json["annotations"].push_back({{"id", std::ssize(json["annotations"]) + 1},
                                     {"image_id", box.image},
                                     {"category_id", box.category},
                                     {"bbox", box.xywh},
                                     {"area", box.area},
                                     {"iscrowd", box.crowd ? 1 : 0},
                                     {"segmentation", nlohmann::ordered_json::array()}});
    }
    for (const auto& [id, name] : truth.categories) json["categories"].push_back({{"id", id}, {"name", name}});
    folder.write(fs::path("annotations") / fmt::format("instances_{}.json", split_name(split)), json.dump());
  }
}

/// Writes the class maps of samples that are the pictures themselves, not resized.
void write_voc(const Dataset& dataset, ExportFormat format, const AtomicFolder& folder) {
  for (const char* name : {"JPEGImages", "SegmentationClass", "ImageSets/Segmentation"}) folder.make_folder(name);
  std::string classes;
  for (const std::string& name : dataset.info().class_names) classes += name + "\n";
  folder.write("classes.txt", classes);
  Image image;
  Sample sample;
  for (const Split split : {Split::train, Split::val}) {
    std::string list;
    for (std::int64_t i = 0; i < dataset.size(split); ++i) {
      RandomStream unused(0);
      (void)dataset.pixels(split, i, image);
      dataset.load_sample(split, i, false, unused, sample);
      if (sample.info.width != image.width || sample.info.height != image.height) {
        throw usage_error("class maps are written at the size of the pictures", "use the transform square");
      }
      const std::string name = fmt::format("{}_{}", split_name(split), picture_name(i, format));
      const std::string stem = fs::path(name).stem().string();
      folder.write(fs::path("JPEGImages") / name, encode_picture(image, format));
      folder.write(fs::path("SegmentationClass") / (stem + ".png"),
                   encode_label_png({image.width, image.height, sample.info.mask}));
      list += stem + "\n";
    }
    folder.write(fs::path("ImageSets/Segmentation") / fmt::format("{}.txt", split_name(split)), list);
  }
}

/// One speaker for each split: as in the real set, none speaks in two of them.
void write_recordings(const SpeechDataset& dataset, const AtomicFolder& folder) {
  const Intents& intents = *dataset.intents();
  folder.make_folder("data");
  for (const Split split : {Split::train, Split::val, Split::test}) {
    const std::string name = split == Split::val ? "valid" : split_name(split);
    const std::string speaker = dataset.info().name + "_" + name;
    folder.make_folder(fs::path("wavs/speakers") / speaker);
    std::string table = ",path,speakerId,transcription";
    for (const std::string& slot : intents.slots) table += "," + csv_field(slot);
    table += "\n";
    for (std::int64_t i = 0; i < dataset.size(split); ++i) {
      const std::string file = fmt::format("wavs/speakers/{}/{:05}.wav", speaker, i);
      folder.write(file, encode_wav(dataset.recording(split, i), dataset.front_end().rate));
      std::string words;
      std::string values;
      for (const std::string& value : intents.combination(dataset.label(split, i))) {
        words += (words.empty() ? "" : ", ") + value;
        values += "," + csv_field(value);
      }
      table += fmt::format("{},{},{},{}{}\n", i, file, speaker, csv_field(words), values);
    }
    folder.write(fmt::format("data/{}_data.csv", name), table);
  }
}

/// Three bytes a pixel, as the encoders want them.
std::vector<std::uint8_t> packed_rgb(const Image& image) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(image.pixels.size() * 3);
  for (const Pixel pixel : image.pixels) {
    for (int c = 0; c < 3; ++c) bytes.push_back(channel_of(pixel, c));
  }
  return bytes;
}

}  // namespace

ExportFormat export_format(const std::string& name) {
  if (name == "png") return ExportFormat::png;
  if (name == "jpeg") return ExportFormat::jpeg;
  if (name == "cifar10") return ExportFormat::cifar10;
  if (name == "wav") return ExportFormat::wav;
  throw usage_error("unknown format '" + name + "'", suggestion(name, {"png", "jpeg", "cifar10", "wav"}));
}

void export_dataset(const Dataset& dataset, ExportFormat format, const std::filesystem::path& directory) {
  const auto* speech = dynamic_cast<const SpeechDataset*>(&dataset);
  if ((speech != nullptr) != (format == ExportFormat::wav)) {
    throw usage_error(fmt::format("dataset {} holds {}", dataset.info().name,
                                  speech != nullptr ? "recordings, not pictures" : "pictures, not recordings"),
                      speech != nullptr ? "use --format wav" : "use another format than wav");
  }
  AtomicFolder folder(directory);
  const std::string& task = dataset.info().task;
  if (task != "classification" && format == ExportFormat::cifar10) {
    throw usage_error("the cifar10 format has no place for what " + task + " needs", "use png or jpeg");
  }
  if (task == "detection") {
    write_coco(dataset, format, folder);
  } else if (task == "segmentation") {
    write_voc(dataset, format, folder);
  } else if (speech != nullptr) {
    write_recordings(*speech, folder);
  } else if (format == ExportFormat::cifar10) {
    write_cifar10(dataset, folder);
  } else {
    write_image_folder(dataset, format, folder);
  }
  folder.commit();
}

std::string encode_png(const Image& image) {
  png_image description{};
  description.version = PNG_IMAGE_VERSION;
  description.width = static_cast<png_uint_32>(image.width);
  description.height = static_cast<png_uint_32>(image.height);
  description.format = PNG_FORMAT_RGB;
  const std::vector<std::uint8_t> rgb = packed_rgb(image);
  png_alloc_size_t size = 0;
  std::string bytes;
  if (png_image_write_to_memory(&description, nullptr, &size, 0, rgb.data(), 0, nullptr) != 0) {
    bytes.resize(size);
    if (png_image_write_to_memory(&description, bytes.data(), &size, 0, rgb.data(), 0, nullptr) != 0) {
      bytes.resize(size);
      return bytes;
    }
  }
  throw work_error(std::string("cannot encode PNG: ") + description.message);
}

std::string encode_jpeg(const Image& image, int quality) {
  // Memory is the only thing that can fail with input of our own, so libjpeg's default (message, exit) is never seen.
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  std::vector<std::uint8_t> rgb = packed_rgb(image);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row =
        rgb.data() + static_cast<std::size_t>(info.next_scanline) * static_cast<std::size_t>(image.width) * 3;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::string bytes(reinterpret_cast<const char*>(buffer), size);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return bytes;
}

}  // namespace denseshift::data
