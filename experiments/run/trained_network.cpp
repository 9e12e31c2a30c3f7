#include "experiments/run/trained_network.h"

#include "core/io/state_dict.h"
#include "results_db/query.h"
#include "results_db/store.h"

namespace denseshift::experiments {

FoundWeights find_weights(const WeightsReference& reference) {
  if (reference.run.empty()) return {std::make_unique<Checkpoint>(reference.checkpoint), 0};
  const results_db::Database database(reference.db, results_db::OpenMode::read_only);
  const std::int64_t run = results_db::resolve_run(database, reference.run);
  const results_db::RunRecord record = results_db::load_run(database, run);
  const std::filesystem::path file = std::filesystem::path(record.run_dir) / (reference.which + ".json");
  if (record.run_dir.empty() || !std::filesystem::exists(file)) {
    throw input_error("run " + std::to_string(run) + " has no " + reference.which + " checkpoint" +
                          (record.run_dir.empty() ? "" : " in " + record.run_dir),
                      "train it further with `denseshift train --resume " + std::to_string(run) + "`");
  }
  return {std::make_unique<Checkpoint>(file), run};
}

TrainConfig stored_config(const Checkpoint& checkpoint) {
  try {
    return config_from_json(checkpoint.info().config);
  } catch (const Error& error) {
    throw input_error(checkpoint.file_name() + ": " + error.what(), error.hint());
  }
}

TrainConfig evaluation_config(const Checkpoint& checkpoint, const TrainConfig& wanted,
                              const std::vector<std::string>& overrides) {
  const nlohmann::ordered_json values = to_json(wanted);
  nlohmann::json changes = nlohmann::json::object();
  for (const std::string& key : overrides) changes[key == "batch_size" ? "eval_batch_size" : key] = values.at(key);
  return resolve(config_from_json(changes, stored_config(checkpoint)), {"wbits"});
}

std::optional<data::Intents> stored_intents(const Checkpoint& checkpoint) {
  const auto found = checkpoint.info().environment.find("intents");
  if (found == checkpoint.info().environment.end()) return std::nullopt;
  return data::intents_from_json(*found, checkpoint.file_name());
}

void load_weights(const Checkpoint& checkpoint, Setup& setup) {
  checkpoint.load("model.", io::state_of(*setup.model));
  io::state_changed(*setup.model);
  if (!checkpoint.has("ema.")) return;
  optim::Ema ema(*setup.model, setup.config.ema > 0 ? setup.config.ema : 0.5);
  checkpoint.load("ema.", ema.state());
  ema.swap();
}

}  // namespace denseshift::experiments
