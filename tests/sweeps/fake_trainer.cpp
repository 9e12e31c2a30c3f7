// Stands in for `denseshift train` in tests of plans: records a run as training would, in milliseconds. The note says
// what happens: "fail", "fail once", "crash", "wait" (until told to stop, then interrupted).

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "experiments/config/train_config.h"
#include "experiments/run/stop.h"
#include "results_db/query.h"
#include "results_db/statement.h"
#include "results_db/store.h"

namespace {

using namespace denseshift;

struct Request {
  experiments::TrainConfig config;
  std::string db;
  std::int64_t resume = 0;
};

Request read(int count, char** words) {
  Request request;
  for (int i = 2; i < count; ++i) {
    const std::string word = words[i];
    const std::size_t equals = std::min(word.find('='), word.size());
    std::string key = word.substr(2, equals - 2);
    const std::string value = equals < word.size() ? word.substr(equals + 1) : "";
    std::replace(key.begin(), key.end(), '-', '_');
    if (key == "db") {
      request.db = value;
    } else if (key == "resume") {
      request.resume = std::stoll(value);
    } else if (key != "quiet") {
      experiments::set_field(request.config, key, value);
    }
  }
  return request;
}

int train(const Request& request) {
  results_db::Database database(request.db, results_db::OpenMode::create);
  results_db::RunStore store(database);
  std::int64_t run = request.resume;
  experiments::TrainConfig config = request.config;
  if (run != 0) {
    config = experiments::config_from_json(results_db::load_run(database, run).config);
    store.reopen(run);
  } else {
    results_db::NewRun record;
    record.command = "train";
    record.name = config.name;
    record.config = experiments::to_json(config);
    record.config_hash = experiments::config_hash(config);
    record.recipe_hash = experiments::recipe_hash(config);
    record.dataset = {{"name", "none"}};
    run = store.create(record);
    store.set_directory(run, "/nowhere");
  }
  const std::int64_t runs = [&] {
    results_db::Statement row(database, "SELECT count(*) FROM main.runs WHERE config_hash = ?",
                              experiments::config_hash(config));
    row.step();
    return row.integer(0);
  }();
  if (config.note == "crash") std::raise(SIGKILL);
  if (config.note == "fail" || (config.note == "fail once" && runs == 1)) {
    store.finish(run, results_db::RunStatus::failed, "as the test wants it");
    std::fprintf(stderr, "denseshift: as the test wants it\n");
    return 1;
  }
  if (config.note == "wait" && request.resume == 0) {
    for (int i = 0; i < 600 && experiments::StopSignals::received().empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    store.finish(run, results_db::RunStatus::interrupted, "stopped");
    return 130;
  }
  store.record_metrics(run, config.epochs, "val", {{"top1", static_cast<double>(config.seed) * 10}});
  store.finish(run, results_db::RunStatus::finished);
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const experiments::StopSignals signals;
  try {
    return train(read(count, words));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "denseshift: %s\n", error.what());
    return 2;
  }
}
