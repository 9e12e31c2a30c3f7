#include "core/data/dataset.h"

#include <algorithm>
#include <stdexcept>

#include "core/data/datasets/builtin.h"
#include "core/util/error.h"

namespace denseshift::data {
namespace {

Registry<DatasetKind> builtin_datasets() {
  const std::vector<std::string> task = {"classification"};
  Registry<DatasetKind> r("dataset");
  r.add("shapes", "coloured figures in clutter, rendered from the seed at any size",
        {open_shapes, {"classification", "detection", "segmentation"}, 10, "nothing", 64});
  r.add("cifar10", "32 px photographs of 10 classes",
        {open_cifar10, task, 10, "cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin", 32});
  r.add("cifar100", "32 px photographs of 100 classes",
        {open_cifar100, task, 100, "cifar-100-binary/{train,test}.bin", 32});
  r.add("mnist", "28 px handwritten digits",
        {open_mnist, task, 10, "{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]", 32});
  r.add("fashion-mnist", "28 px pieces of clothing",
        {open_fashion_mnist, task, 10, "{train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz]", 32});
  r.add("imagefolder", "your own photographs, a folder for each class",
        {open_image_folder, task, 0, "train/<class>/* and val/<class>/*", 224});
  r.add("imagenet", "ImageNet (ILSVRC 2012), 1000 classes",
        {open_imagenet, task, 1000, "train/<class>/* and val/<class>/*", 224});
  r.add("coco", "photographs with boxes and regions of objects, COCO's format",
        {open_coco,
         {"detection", "segmentation"},
         0,
         "annotations/instances_{train,val}2017.json, train2017/*, val2017/* (or the same without 2017)",
         300});
  r.add("voc", "photographs with class maps, PASCAL VOC's layout",
        {open_voc,
         {"segmentation"},
         0,
         "ImageSets/Segmentation/{train,val}.txt, JPEGImages/*, SegmentationClass/*.png [classes.txt]",
         480});
  const std::vector<std::string> speech = {"speech"};
  r.add("fsc", "Fluent Speech Commands: spoken commands of 31 intents, or a set in its layout",
        {open_fsc, speech, 0, "data/{train,valid,test}_data.csv and the recordings that they name", 400});
  r.add("fsdd", "spoken digits of the Free Spoken Digit Dataset",
        {open_fsdd, speech, 10, "recordings/<digit>_<speaker>_<take>.wav", 100});
  r.add("tones", "commands of three tones in noise, 31 intents, rendered from the seed",
        {open_tones, speech, 31, "nothing", 78});
  r.add("tones8", "the same with 8 intents that are easy to tell apart", {open_tones8, speech, 8, "nothing", 78});
  return r;
}

}  // namespace

const Registry<DatasetKind>& datasets() {
  static const Registry<DatasetKind> registry = builtin_datasets();
  return registry;
}

std::unique_ptr<Dataset> open_dataset(const std::string& name, DatasetOptions options) {
  const DatasetKind& kind = datasets().get(name);
  if (options.task.empty()) options.task = kind.tasks.front();
  if (!kind.has_task(options.task)) {
    std::string tasks;
    for (const std::string& task : kind.tasks) tasks += (tasks.empty() ? "" : ", ") + task;
    throw usage_error("task: dataset " + name + " is not for " + options.task, "it is for " + tasks);
  }
  return kind.open(options);
}

std::string resolve_directory(const std::string& option, const char* environment) {
  if (!option.empty()) return option;
  return environment != nullptr ? environment : "";
}

const char* split_name(Split split) { return split == Split::train ? "train" : split == Split::val ? "val" : "test"; }

bool DatasetKind::has_task(const std::string& task) const {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

std::int64_t Dataset::load(Split, std::int64_t, bool, RandomStream&, float*) const {
  throw std::logic_error(info().name + ": samples have no fixed size");
}

void Dataset::load_sample(Split split, std::int64_t index, bool augment, RandomStream& random, Sample& out) const {
  const std::int64_t side = info().image_size;
  out.values.resize(static_cast<std::size_t>(info().channels * side * side));
  out.info = {};
  out.info.index = out.info.image = index;
  out.info.height = out.info.width = side;
  out.info.label = load(split, index, augment, random, out.values.data());
}

void Dataset::verify(Split split, std::int64_t index) const {
  Image image;
  (void)pixels(split, index, image);
}

std::filesystem::path find_folder(const std::string& dataset, const DatasetOptions& options,
                                  const std::vector<std::string>& subfolders, const std::vector<std::string>& files) {
  namespace fs = std::filesystem;
  const std::string hint =
      "give the folder with --data DIR or DENSESHIFT_DATA; expected in it: " + datasets().get(dataset).needs;
  if (options.directory.empty()) throw input_error("dataset " + dataset + ": no folder given", hint);
  const fs::path root = options.directory;
  std::error_code code;
  if (!fs::is_directory(root, code)) {
    throw input_error("dataset " + dataset + ": " + root.string() +
                          (fs::exists(root, code) ? " is not a folder" : ": no such folder"),
                      hint);
  }
  for (const std::string& subfolder : subfolders) {
    const fs::path folder = subfolder == "." ? root : root / subfolder;
    for (const std::string& file : files) {
      if (fs::exists(folder / file, code)) return folder;
    }
  }
  throw input_error("dataset " + dataset + ": no " + files.front() + " in " + root.string(), hint);
}

std::int64_t checked_image_size(std::int64_t size, std::int64_t otherwise) {
  if (size == 0) return otherwise;
  if (size < 8 || size > 4096) {
    throw usage_error("image size " + std::to_string(size) + " is out of range", "use 8 to 4096 pixels");
  }
  return size;
}

}  // namespace denseshift::data
