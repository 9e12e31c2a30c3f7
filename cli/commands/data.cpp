// denseshift data: the datasets, what is in them, whether they are whole, and the embedded ones as files.

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "core/data/check.h"
#include "core/data/dataset.h"
#include "core/data/export.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;

void print_info(const Json& json) { std::cout << json.dump(2) << '\n'; }

std::string class_count(std::int64_t classes) { return classes == 0 ? "by data" : std::to_string(classes); }

int list_datasets(const std::vector<std::string>& arguments) {
  OptionParser parser({"data list [--json]",
                       "Lists the datasets: task, classes, and what has to be in the folder given by --data.",
                       "denseshift data list"});
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  Json json = Json::array();
  Table table({{"name"}, {"task"}, {"classes", true}, {"on disk"}, {"what"}});
  for (const auto& entry : data::datasets().entries()) {
    const data::DatasetKind& kind = entry.value;
    table.add({entry.name, fmt::format("{}", fmt::join(kind.tasks, ", ")), class_count(kind.classes), kind.needs,
               entry.description});
    json.push_back({{"name", entry.name},
                    {"tasks", kind.tasks},
                    {"classes", kind.classes},
                    {"needs", kind.needs},
                    {"description", entry.description}});
  }
  if (values["json"].as<bool>()) {
    print_info(json);
  } else {
    table.print(std::cout);
  }
  return 0;
}

/// Options that say which dataset: NAME, --data, --image-size, --seed.
void add_dataset_options(OptionParser& parser, bool rendered_only) {
  auto& group = parser.group("Dataset");
  group.add_options()("name", po::value<std::string>()->value_name("NAME"),
                      "dataset; `denseshift data list` lists them");
  if (!rendered_only) {
    group.add_options()("data", po::value<std::string>()->default_value("")->value_name("DIR"),
                        "folder of the dataset (or environment DENSESHIFT_DATA)");
  }
  group.add_options()("task", po::value<std::string>()->default_value("")->value_name("TASK"),
                      "classification, detection, segmentation or speech; empty: the dataset's usual one");
  group.add_options()("image-size", po::value<std::int64_t>()->default_value(0)->value_name("N"),
                      "side of the pictures in pixels, frames of a recording; 0: the dataset's own")(
      "seed", po::value<std::uint64_t>()->default_value(1)->value_name("N"), "seed of rendered samples");
  parser.positional("name", 1);
}

std::string dataset_name(const po::variables_map& values) {
  if (values.count("name") == 0)
    throw usage_error("which dataset? NAME is missing", "`denseshift data list` lists them");
  return values["name"].as<std::string>();
}

data::DatasetOptions dataset_options(const po::variables_map& values) {
  data::DatasetOptions options;
  if (values.count("data") > 0) {
    options.directory = data::resolve_directory(values["data"].as<std::string>(), std::getenv("DENSESHIFT_DATA"));
  }
  options.task = values["task"].as<std::string>();
  options.image_size = values["image-size"].as<std::int64_t>();
  options.seed = values["seed"].as<std::uint64_t>();
  return options;
}

int info(const std::vector<std::string>& arguments) {
  OptionParser parser({"data info NAME [--data DIR]", "Shows sizes, classes and fingerprint of a dataset.",
                       "denseshift data info shapes\ndenseshift data info cifar10 --data ~/data"});
  add_dataset_options(parser, false);
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const auto dataset = data::open_dataset(dataset_name(values), dataset_options(values));
  const data::DatasetInfo& facts = dataset->info();
  const Json fingerprint = dataset->fingerprint();
  if (values["json"].as<bool>()) {
    print_info({{"name", facts.name},
                {"task", facts.task},
                {"train", dataset->size(data::Split::train)},
                {"val", dataset->size(data::Split::val)},
                {"test", dataset->size(data::Split::test)},
                {"channels", facts.channels},
                {"image_size", facts.image_size},
                {"classes", facts.classes},
                {"class_names", facts.class_names},
                {"fingerprint", fingerprint}});
    return 0;
  }
  constexpr std::size_t kShownNames = 20;
  std::string names;
  for (std::size_t i = 0; i < facts.class_names.size() && i < kShownNames; ++i) {
    names += (i > 0 ? ", " : "") + facts.class_names[i];
  }
  if (facts.class_names.size() > kShownNames) names += ", ...";
  fmt::print("name         {}\ntask         {}\ntrain        {}\nval          {}\n", facts.name, facts.task,
             dataset->size(data::Split::train), dataset->size(data::Split::val));
  if (const std::int64_t tests = dataset->size(data::Split::test); tests > 0) fmt::print("test         {}\n", tests);
  if (facts.task == "speech") {
    fmt::print("length       {} frames of 10 ms\n", facts.image_size);
  } else {
    fmt::print("image size   {} px, {} channels\n", facts.image_size, facts.channels);
  }
  fmt::print("classes      {}: {}\nfingerprint  {}\n", facts.classes, names, fingerprint.dump());
  return 0;
}

int check(const std::vector<std::string>& arguments) {
  OptionParser parser(
      {"data check NAME --data DIR",
       "Reads every sample completely and reports the broken ones by path. Exit status 2 if there are any.",
       "denseshift data check imagefolder --data ~/photos --workers 8"});
  add_dataset_options(parser, false);
  parser.group("Work").add_options()("workers", po::value<std::int64_t>()->default_value(1)->value_name("N"),
                                     "threads that read");
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const bool as_json = values["json"].as<bool>();
  const auto dataset = data::open_dataset(dataset_name(values), dataset_options(values));
  Progress progress(as_json);
  const auto broken =
      data::check_dataset(*dataset, values["workers"].as<std::int64_t>(), [&](std::int64_t done, std::int64_t total) {
        ProgressState state;
        state.phase = "check";
        state.step = done;
        state.steps = total;
        state.loss = state.accuracy = std::nan("");
        progress.update(state);
      });
  progress.clear();
  const std::int64_t total =
      dataset->size(data::Split::train) + dataset->size(data::Split::val) + dataset->size(data::Split::test);
  if (as_json) {
    Json list = Json::array();
    for (const auto& entry : broken) {
      list.push_back({{"split", data::split_name(entry.split)}, {"index", entry.index}, {"message", entry.message}});
    }
    print_info({{"name", dataset->info().name}, {"samples", total}, {"broken", list}});
  } else {
    for (const auto& entry : broken) fmt::print("{}\n", entry.message);
    fmt::print("{}: {} samples read, {} broken\n", dataset->info().name, total, broken.size());
  }
  return broken.empty() ? 0 : 2;
}

/// The dataset that reads what export_dataset() writes.
std::string reading_dataset(const std::string& task, data::ExportFormat format) {
  if (task == "detection") return "coco";
  if (task == "segmentation") return "voc";
  if (task == "speech") return "fsc";
  return format == data::ExportFormat::cifar10 ? "cifar10" : "imagefolder";
}

int synth(const std::vector<std::string>& arguments) {
  OptionParser parser({"data synth NAME --out DIR",
                       "Writes a rendered dataset to disk in a real format. DIR must not exist or be empty; it appears "
                       "complete or not at all.",
                       "denseshift data synth shapes --out shapes-png\n"
                       "denseshift data synth shapes --task detection --out shapes-coco\n"
                       "denseshift data synth shapes --out shapes-cifar --format cifar10\n"
                       "denseshift data synth tones --out tones-wav"});
  add_dataset_options(parser, true);
  parser.group("Output").add_options()("out", po::value<std::string>()->value_name("DIR"), "folder to write")(
      "format", po::value<std::string>()->default_value("")->value_name("FORMAT"),
      "pictures: png (default) or jpeg in the layout of the task, or cifar10 (the binary files, 32 px, 50000 + 10000); "
      "recordings: wav in the layout of Fluent Speech Commands")(
      "train", po::value<std::int64_t>()->default_value(0)->value_name("N"),
      "training samples; 0: the format's or dataset's own")(
      "val", po::value<std::int64_t>()->default_value(0)->value_name("N"),
      "validation samples, also of a test split; 0: likewise");
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const std::string name = dataset_name(values);
  if (values.count("out") == 0) throw usage_error("where to? --out DIR is missing");
  const data::DatasetKind& kind = data::datasets().get(name);
  if (kind.needs != "nothing") throw usage_error("dataset " + name + " is not a rendered one", "use shapes or tones");
  data::DatasetOptions options = dataset_options(values);
  const std::string task = options.task.empty() ? kind.tasks.front() : options.task;
  const std::string asked = values["format"].as<std::string>();
  const data::ExportFormat format = data::export_format(!asked.empty() ? asked : task == "speech" ? "wav" : "png");
  options.train_size = values["train"].as<std::int64_t>();
  options.val_size = values["val"].as<std::int64_t>();
  if (options.train_size < 0 || options.val_size < 0) throw usage_error("--train and --val must not be negative");
  if (format == data::ExportFormat::cifar10) {
    if (options.image_size == 0) options.image_size = 32;
    if (options.train_size == 0) options.train_size = 50000;
    if (options.val_size == 0) options.val_size = 10000;
  }
  if (options.task == "detection" || options.task == "segmentation") {
    options.transform = "square";  // boxes and maps at the size of the pictures
  }
  const auto dataset = data::open_dataset(name, options);
  const std::string out = values["out"].as<std::string>();
  data::export_dataset(*dataset, format, out);
  const std::string reader = reading_dataset(dataset->info().task, format);
  const std::int64_t tests = dataset->size(data::Split::test);
  if (values["json"].as<bool>()) {
    print_info({{"out", out},
                {"dataset", reader},
                {"train", dataset->size(data::Split::train)},
                {"val", dataset->size(data::Split::val)},
                {"test", tests}});
  } else {
    fmt::print("wrote {} + {}{} {} to {}\nuse them with --dataset {} --data {}\n", dataset->size(data::Split::train),
               dataset->size(data::Split::val), tests > 0 ? fmt::format(" + {}", tests) : "",
               task == "speech" ? "recordings" : "pictures", out, reader, out);
  }
  return 0;
}

int run_data(const std::vector<std::string>& arguments) {
  static const std::vector<Command> table = {
      {"list", "what datasets there are", list_datasets},
      {"info", "sizes, classes and fingerprint of one", info},
      {"check", "read every sample, name the broken ones", check},
      {"synth", "write a rendered dataset to disk", synth},
  };
  return dispatch("data", "Datasets: what there is, whether it is whole.", table, arguments);
}

}  // namespace

Command data_command() { return {"data", "datasets: list, info, check, synth", run_data}; }

}  // namespace denseshift::cli
