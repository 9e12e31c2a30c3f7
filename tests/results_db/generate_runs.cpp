// Makes a large results database for measurements by hand: results_db_generate FILE RUNS EPOCHS.

#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "experiments/config/train_config.h"
#include "experiments/studies/cells.h"
#include "results_db/statement.h"
#include "results_db/store.h"
#include "results_db/summary.h"

namespace {

using namespace denseshift;
using namespace denseshift::results_db;

/// Cells of the studies in turn, every round with another seed: reports have all of these to look at.
experiments::TrainConfig study_config(int index) {
  static const std::vector<experiments::TrainConfig> cells = [] {
    std::vector<experiments::TrainConfig> all;
    const experiments::StudyCatalog catalog;
    for (const experiments::Study& study : catalog.studies()) {
      for (const experiments::StudyScale& scale : study.scales) {
        for (const auto& cell : experiments::study_cells(study, scale, 1)) all.push_back(cell.config);
      }
    }
    return all;
  }();
  const auto number = static_cast<std::size_t>(index);
  experiments::TrainConfig config = cells[number % cells.size()];
  config.seed = 1 + number / cells.size();
  return config;
}

NewRun make_run(int index, int epochs) {
  static const char* const kArchs[] = {"resnet20", "resnet32", "resnet18", "resnet50"};
  static const char* const kDatasets[] = {"cifar10", "cifar100", "shapes"};
  experiments::TrainConfig config;
  if (index % 2 == 0) {
    config = study_config(index / 2);
  } else {
    config.arch = kArchs[index % 4];
    config.dataset = kDatasets[index / 4 % 3];
    config.wbits = 2 + index % 3;
    config.epochs = epochs;
    config.seed = static_cast<std::uint64_t>(index % 5);
  }
  config.name = fmt::format("{}-w{}-{}", config.arch, config.wbits, index);
  NewRun run;
  run.command = "train";
  run.command_line = "denseshift train --arch " + config.arch;
  run.name = config.name;
  run.tags = {index % 2 ? "odd" : "even"};
  run.config = experiments::to_json(config);
  run.config_hash = experiments::config_hash(config);
  run.recipe_hash = experiments::recipe_hash(config);
  run.environment = {{"cpu", "Example CPU"}, {"threads", 2}, {"torch_version", "1.13"}, {"program_version", "0.1.0"}};
  run.dataset = {{"name", config.dataset}, {"files", nlohmann::ordered_json::array({"a", "b", "c"})}};
  return run;
}

/// One transaction for a whole run: the store's one per epoch would take millions of them.
void record_all(Database& database, std::int64_t run, int epochs, std::mt19937& random) {
  const std::vector<std::pair<std::string, std::string>> metrics = {
      {"train", "loss"}, {"train", "top1"}, {"train", "lr"}, {"val", "loss"}, {"val", "top1"}, {"val", "top5"}};
  in_transaction(database, [&] {
    Statement insert(database, "INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", run);
    for (int epoch = 0; epoch < epochs; ++epoch) {
      for (const auto& [split, name] : metrics) {
        const double noise = static_cast<double>(random() % 10000) / 1000;
        insert.bind(2, epoch);
        insert.bind(3, split);
        insert.bind(4, name);
        insert.bind(5, name == "loss" ? 5.0 / (1 + epoch) + noise : 60.0 + noise);
        insert.run();
        insert.reset();
      }
    }
    for (const auto& [split, name] : metrics) rebuild_summary(database, run, split, name);
    refresh_run(database, run);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: results_db_generate FILE RUNS EPOCHS\n";
    return 2;
  }
  try {
    Database database(argv[1], OpenMode::create);
    RunStore store(database);
    std::mt19937 random(1);
    const int runs = std::atoi(argv[2]);
    const int epochs = std::atoi(argv[3]);
    for (int i = 0; i < runs; ++i) {
      const std::int64_t run = store.create(make_run(i, epochs));
      record_all(database, run, epochs, random);
      store.finish(run, i % 50 == 49 ? RunStatus::failed : RunStatus::finished);
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
