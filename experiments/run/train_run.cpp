#include "experiments/run/train_run.h"

#include <chrono>
#include <memory>

#include "core/util/atomic_file.h"
#include "experiments/hooks/recorder.h"
#include "experiments/hooks/weight_stats.h"
#include "experiments/hooks/weight_trace.h"
#include "experiments/logs/event_file.h"
#include "experiments/logs/text_log.h"
#include "experiments/run/environment.h"
#include "experiments/run/heartbeat.h"
#include "experiments/run/pretrained.h"
#include "experiments/run/run_directory.h"
#include "experiments/run/stop.h"
#include "results_db/query.h"
#include "results_db/store.h"

namespace denseshift::experiments {
namespace {

using results_db::RunStatus;

/// Keys that may differ between the parts of one run: they do not decide the result. More epochs continue a finished
/// run.
TrainConfig resumed_config(const results_db::RunRecord& record, const TrainRequest& request) {
  TrainConfig config = config_from_json(record.config);
  const nlohmann::ordered_json wanted = to_json(request.config);
  nlohmann::json changes = nlohmann::json::object();
  visit_fields(config, [&](const std::string& key, const auto&, FieldGroup group, const char*) {
    if (std::find(request.given.begin(), request.given.end(), key) == request.given.end()) return;
    if (group != FieldGroup::environment && group != FieldGroup::record && key != "epochs" &&
        wanted.at(key) != to_json(config).at(key)) {
      throw usage_error(key + ": cannot change when a run is resumed", "start a new run, or leave --" + key + " out");
    }
    changes[key] = wanted.at(key);
  });
  return config_from_json(changes, config);
}

void check_same_data(const results_db::RunRecord& record, const Setup& setup) {
  if (record.dataset != setup.dataset->fingerprint()) {
    throw input_error(
        "dataset " + setup.config.dataset + " is not the one that run " + std::to_string(record.id) + " was trained on",
        "point --data at the same files");
  }
}

void warn_about_environment(const Checkpoint& checkpoint, const nlohmann::ordered_json& now,
                            const std::function<void(const std::string&)>& warn) {
  for (const char* key : {"threads", "cpu_capability", "torch_version", "device", "cpu", "impl"}) {
    const auto before = checkpoint.info().environment.find(key);
    if (before == checkpoint.info().environment.end() || *before == now.at(key)) continue;
    warn(std::string(key) + " was " + before->dump() + " and is " + now.at(key).dump() +
         ": the result will not be the same to the bit");
  }
}

std::unique_ptr<RunDirectory> new_directory(const TrainRequest& request, std::int64_t run) {
  if (!request.run_dir.empty()) return std::make_unique<RunDirectory>(request.run_dir, RunDirectory::Use::fresh);
  // Another database may have used this number here.
  const std::filesystem::path base = std::filesystem::path("denseshift-runs") / std::to_string(run);
  std::filesystem::path path = base;
  for (int i = 2; std::filesystem::exists(path); ++i) path = base.string() + "-" + std::to_string(i);
  return std::make_unique<RunDirectory>(path, RunDirectory::Use::fresh);
}

std::function<std::string()> stop_question(double minutes) {
  const auto start = std::chrono::steady_clock::now();
  return [start, minutes]() -> std::string {
    if (std::string signal = StopSignals::received(); !signal.empty()) return signal;
    const double spent = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 60;
    return minutes > 0 && spent >= minutes ? "the time budget" : "";
  };
}

/// One run from its record to its end.
class RecordedRun {
 public:
  RecordedRun(const TrainRequest& request, const std::function<void(const std::string&)>& warn)
      : request_(request), warn_(warn) {}

  TrainResult execute(const std::vector<Hook*>& hooks, const std::function<void(const RunStarted&)>& started) {
    const StopSignals signals;
    if (request_.resume.empty()) {
      begin_new();
    } else {
      begin_resumed();
    }
    try {
      return train(hooks, started);
    } catch (const std::exception& error) {
      end(RunStatus::failed, error.what());
      throw;
    }
  }

 private:
  void open_database(results_db::OpenMode mode) {
    database_ = std::make_unique<results_db::Database>(request_.db, mode);
    store_ = std::make_unique<results_db::RunStore>(*database_);
  }

  void begin_new() {
    // The database is made only when everything else about the input is known to be good.
    setup_ = build_setup(resolve(request_.config, request_.given));
    check_trainable(setup_);
    check_logs();
    environment_ = describe_environment(setup_, request_.program);
    start_network();
    open_database(results_db::OpenMode::create);
    // A folder named by the user is claimed before anything is recorded.
    if (!request_.run_dir.empty()) directory_ = new_directory(request_, 0);
    results_db::NewRun record;
    record.command = setup_.config.backbone.empty() ? request_.command : "finetune";
    record.task = setup_.config.task;
    record.command_line = request_.command_line;
    record.name = setup_.config.name;
    record.note = setup_.config.note;
    record.tags = setup_.config.tag;
    record.config = to_json(setup_.config);
    record.config_hash = config_hash(setup_.config);
    record.recipe_hash = recipe_hash(setup_.config);
    record.environment = environment_;
    record.dataset = setup_.dataset->fingerprint();
    record.parent = parent_;
    run_ = store_->create(record);
    try {
      if (!directory_) directory_ = new_directory(request_, run_);
      store_->set_directory(run_, directory_->path().string());
      store_->set_model(run_, setup_.facts.parameters, setup_.facts.quantized_weights, setup_.facts.macs,
                        setup_.facts.bytes);
      write_file(directory_->path() / "config.json", to_json(setup_.config).dump(2) + "\n");
    } catch (const std::exception& error) {
      end(RunStatus::failed, error.what());
      throw;
    }
  }

  /// A file that cannot be the run's log is an error before anything is recorded.
  void check_logs() const {
    if (!setup_.config.log.empty()) TextLog::check(setup_.config.log);
  }

  void start_network() {
    if (!setup_.config.backbone.empty()) {
      const Pretrained backbone = load_backbone(setup_, request_.db);
      environment_["backbone"] = backbone.to_json();
      parent_ = backbone.run;
      start_ = backbone.text();
    }
    if (setup_.config.init != "pretrained") return;
    const Pretrained pretrained = load_pretrained(setup_, request_.db);
    environment_["pretrained"] = pretrained.to_json();
    parent_ = pretrained.run;
    start_ = pretrained.text();
  }

  void begin_resumed() {
    open_database(results_db::OpenMode::write);
    run_ = results_db::resolve_run(*database_, request_.resume);
    const results_db::RunRecord record = results_db::load_run(*database_, run_);
    if (record.command != "train" && record.command != "finetune")
      throw usage_error("run " + std::to_string(run_) + " is no training (" + record.command + ")");
    if (record.status == "running") throw usage_error("run " + std::to_string(run_) + " is still running");
    // The stored configuration is resolved already: its bits are not a default to be replaced.
    setup_ = build_setup(resolve(resumed_config(record, request_), {"wbits"}));
    check_same_data(record, setup_);
    check_logs();
    environment_ = describe_environment(setup_, request_.program);
    for (const char* start : {"backbone", "pretrained"}) {
      if (record.environment.contains(start)) environment_[start] = record.environment.at(start);
    }
    directory_ = std::make_unique<RunDirectory>(record.run_dir, RunDirectory::Use::resume);
    if (std::filesystem::exists(directory_->checkpoint("last"))) {
      checkpoint_ = std::make_unique<Checkpoint>(directory_->checkpoint("last"));
      if (checkpoint_->info().position.epoch >= setup_.config.epochs) {
        throw usage_error(
            "run " + std::to_string(run_) + " has all its " + std::to_string(setup_.config.epochs) + " epochs",
            "give more with --epochs N");
      }
      warn_about_environment(*checkpoint_, environment_, warn_);
    } else {
      warn_("run " + std::to_string(run_) + " has no checkpoint yet and starts from the beginning");
      start_network();
    }
    store_->reopen(run_);
    // More epochs stretch the schedule: the result is not what a run of that length from the start would give.
    if (setup_.config.epochs != record.config.at("epochs")) store_->change_configuration(run_, to_json(setup_.config));
  }

  TrainResult train(const std::vector<Hook*>& hooks, const std::function<void(const RunStarted&)>& started) {
    const Heartbeat heartbeat(request_.db, run_);
    WeightStatsHook weight_stats(*store_, run_, setup_.config);
    WeightTraceHook weight_trace(*store_, run_);
    RecorderHook recorder(*store_, run_, weight_stats, open_logs());
    std::vector<Hook*> all{&weight_stats, &weight_trace, &recorder};
    all.insert(all.end(), hooks.begin(), hooks.end());
    Trainer trainer(setup_, directory_->path(), environment_, all, stop_question(setup_.config.time_budget));
    if (checkpoint_) {
      trainer.resume(*checkpoint_);
      checkpoint_.reset();
      store_->truncate(run_, trainer.position().epoch + 1, trainer.updates());
    } else {
      store_->truncate(run_, 0);
    }
    if (started) started({run_, directory_->path().string(), &setup_, trainer.position(), start_});

    TrainResult result;
    result.outcome = trainer.run();
    result.run = run_;
    result.directory = directory_->path().string();
    result.config = setup_.config;
    result.facts = setup_.facts;
    if (result.outcome.finished) {
      end(RunStatus::finished, "");
    } else {
      end(RunStatus::interrupted, "stopped by " + result.outcome.stop_reason);
    }
    return result;
  }

  /// Logs beside the database. Call before the checkpoint is let go: it says which epochs are done.
  std::vector<std::unique_ptr<MetricLog>> open_logs() {
    const TrainConfig& config = setup_.config;
    const std::int64_t epochs_done = checkpoint_ ? checkpoint_->info().position.epoch : 0;
    std::vector<std::unique_ptr<MetricLog>> logs;
    if (!config.log.empty()) {
      const std::string uid = results_db::load_run(*database_, run_).uid;
      logs.push_back(std::make_unique<TextLog>(config.log, LogOwner{run_, uid}, epochs_done));
    }
    if (!config.tensorboard.empty()) {
      const bool resumed = !request_.resume.empty();
      logs.push_back(std::make_unique<EventFile>(event_directory(config.tensorboard, config.name, run_, resumed),
                                                 epochs_done, resumed));
    }
    return logs;
  }

  void end(RunStatus status, const std::string& message) {
    try {
      store_->finish(run_, status, message);
    } catch (const std::exception& error) {
      // The failure that brought us here matters more; the record shows the run as killed when this process is gone.
      warn_(std::string("the end of the run could not be recorded: ") + error.what());
    }
  }

  const TrainRequest& request_;
  const std::function<void(const std::string&)>& warn_;
  std::unique_ptr<results_db::Database> database_;
  std::unique_ptr<results_db::RunStore> store_;
  Setup setup_;
  nlohmann::ordered_json environment_;
  std::unique_ptr<RunDirectory> directory_;
  std::unique_ptr<Checkpoint> checkpoint_;
  std::int64_t run_ = 0;
  std::int64_t parent_ = 0;
  std::string start_;
};

}  // namespace

TrainResult run_training(const TrainRequest& request, const std::vector<Hook*>& hooks,
                         const std::function<void(const RunStarted&)>& started,
                         const std::function<void(const std::string&)>& warn) {
  RecordedRun run(request, warn);
  return run.execute(hooks, started);
}

}  // namespace denseshift::experiments
