#include "experiments/run/eval_run.h"

#include <fmt/format.h>

#include <memory>

#include "core/util/csv.h"
#include "experiments/run/environment.h"
#include "experiments/run/eval_output.h"
#include "experiments/run/stop.h"
#include "experiments/run/trained_network.h"
#include "results_db/store.h"

namespace denseshift::experiments {
namespace {

/// Intents are numbered by the training table: the same number may mean another intent in another table.
void check_same_intents(const Checkpoint& checkpoint, const data::Dataset& dataset) {
  const std::optional<data::Intents> known = stored_intents(checkpoint);
  if (!known || dataset.intents() == nullptr || *known == *dataset.intents()) return;
  const data::Intents& here = *dataset.intents();
  std::string difference = fmt::format("{} there, {} here", known->size(), here.size());
  for (std::int64_t i = 0; i < known->size(); ++i) {
    if (here.find(known->combination(i)) >= 0) continue;
    difference = fmt::format("it has no '{}'", one_line(known->name(i)));
    break;
  }
  throw input_error(fmt::format("dataset {} does not have the intents that the network was trained on: {}",
                                dataset.info().name, difference),
                    "the intents are those of the training table; `denseshift eval --audio` needs no dataset");
}

std::int64_t record_result(const EvalRequest& request, const EvalResult& result, const Setup& setup) {
  results_db::Database database(request.db, results_db::OpenMode::create);
  results_db::RunStore store(database);
  results_db::NewRun record;
  record.command = "eval";
  record.task = setup.config.task;
  record.command_line = request.command_line;
  record.config = to_json(setup.config);
  record.config["checkpoint"] = result.checkpoint;
  record.config_hash = config_hash(setup.config);
  record.environment = describe_environment(setup, request.program);
  record.dataset = setup.dataset->fingerprint();
  record.parent = result.parent;
  const std::int64_t run = store.create(record);
  store.set_model(run, result.facts.parameters, result.facts.quantized_weights, result.facts.macs, result.facts.bytes);
  for (const auto& [split, score] : result.scores) store.record_metrics(run, result.epoch, split, score.metrics());
  store.finish(run, results_db::RunStatus::finished);
  return run;
}

std::vector<data::Split> splits_of(const EvalRequest& request, const data::Dataset& dataset) {
  std::vector<data::Split> splits;
  for (const data::Split split : {data::Split::train, data::Split::val, data::Split::test}) {
    if (request.split.empty() ? split != data::Split::train : request.split == data::split_name(split))
      splits.push_back(split);
  }
  if (splits.empty()) throw usage_error("split: unknown value '" + request.split + "'", "use train, val or test");
  std::erase_if(splits, [&](data::Split split) { return dataset.size(split) == 0; });
  if (splits.empty()) throw usage_error("dataset " + dataset.info().name + " has no split " + request.split);
  return splits;
}

/// Files of the validation split go into the folder itself, others into one of their name.
void write_output(const EvalRequest& request, const Setup& setup, data::Split split,
                  std::vector<std::filesystem::path>& files) {
  const auto folder = [&](const std::string& base) {
    return split == data::Split::val ? std::filesystem::path(base)
                                     : std::filesystem::path(base) / data::split_name(split);
  };
  const auto add = [&](const std::vector<std::filesystem::path>& more) {
    files.insert(files.end(), more.begin(), more.end());
  };
  if (!request.predictions_out.empty()) add(write_predictions(setup, folder(request.predictions_out)));
  if (!request.confusion.empty()) files.push_back(write_confusion(setup, split, request.confusion));
  if (request.draw > 0) {
    add(draw_predictions(setup, split, request.draw, request.draw_score, folder(request.draw_out)));
  }
}

}  // namespace

EvalResult run_evaluation(const EvalRequest& request, const EvaluationProgress& progress) {
  const StopSignals signals;
  if (!request.confusion.empty()) check_confusion_file(request.confusion);
  const FoundWeights weights = find_weights({request.run, request.checkpoint, request.which, request.db});
  Setup setup = build_setup(evaluation_config(*weights.checkpoint, request.config, request.overrides));
  check_same_intents(*weights.checkpoint, *setup.dataset);
  load_weights(*weights.checkpoint, setup);

  EvalResult result;
  result.parent = weights.parent;
  result.checkpoint = weights.checkpoint->file_name();
  const Position& position = weights.checkpoint->info().position;
  result.epoch = position.best_epoch == position.epoch ? position.epoch + 1 : position.epoch;
  result.config = setup.config;
  result.facts = setup.facts;
  result.primary = setup.task->primary();
  setup.task->predictions.wanted = !request.predictions_out.empty() || request.draw > 0;
  for (const data::Split split : splits_of(request, *setup.dataset)) {
    // Also training samples are taken as they are, in their order.
    data::LoaderOptions options = loader_options(setup.config, data::Split::val);
    options.split = split;
    data::Loader loader(*setup.dataset, options);
    const auto going = [&](std::int64_t batch, std::int64_t batches, const Score& score) {
      return (!progress || progress(batch, batches, score)) && StopSignals::received().empty();
    };
    result.scores.emplace_back(data::split_name(split), evaluate(setup, split, loader, going));
    if (!StopSignals::received().empty()) break;
    write_output(request, setup, split, result.files);
  }
  if (const std::string signal = StopSignals::received(); !signal.empty()) {
    throw Error(ErrorKind::interrupted, "stopped by " + signal + "; nothing was recorded");
  }
  if (request.record) result.run = record_result(request, result, setup);
  return result;
}

}  // namespace denseshift::experiments
