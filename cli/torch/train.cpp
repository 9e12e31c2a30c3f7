// denseshift train, the part that needs LibTorch.

#include <fmt/format.h>

#include <iostream>

#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "cli/torch/score_text.h"
#include "cli/torch/verbs.h"
#include "cli/version.h"
#include "core/util/error.h"
#include "experiments/run/train_run.h"

namespace denseshift::cli {
namespace {

using experiments::EpochView;
using experiments::StepView;
using experiments::TrainResult;

/// Shows the training on stderr.
class ProgressHook final : public experiments::Hook {
 public:
  explicit ProgressHook(Progress& progress) : progress_(progress) {}

  void on_start(const experiments::Setup& setup, std::int64_t) override { epochs_ = setup.config.epochs; }

  void on_step(const StepView& view) override {
    epoch_ = view.epoch + 1;
    ProgressState state;
    state.phase = "train";
    state.epoch = epoch_, state.epochs = epochs_, state.step = view.step, state.steps = view.steps;
    show_score(*view.score, view.primary, state);
    state.images_per_second = view.images_per_second;
    progress_.update(state);
  }

  void on_evaluation_step(std::int64_t batch, std::int64_t batches, const experiments::Score& score,
                          const std::string& primary) override {
    ProgressState state;
    state.phase = "val";
    state.epoch = epoch_, state.epochs = epochs_, state.step = batch, state.steps = batches;
    show_score(score, primary, state);
    progress_.update(state);
  }

  void on_message(const std::string& text) override { progress_.line(text); }

  void on_epoch(const EpochView& view) override {
    progress_.line(fmt::format("epoch {}/{}  train {}  val {}{}  lr {:.3g}  {:.{}f} img/s  {}", view.epoch + 1, epochs_,
                               short_text(*view.train, view.primary), short_text(*view.val, view.primary),
                               view.best ? " (best)" : "", view.lr, view.images_per_second,
                               view.images_per_second < 10 ? 1 : 0, duration_text(view.seconds)));
  }

 private:
  Progress& progress_;
  std::int64_t epochs_ = 1;
  std::int64_t epoch_ = 1;
};

std::string size_text(std::int64_t bytes) {
  return bytes >= 1000000 ? fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6)
                          : fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3);
}

nlohmann::ordered_json result_json(const TrainResult& r) {
  const auto& position = r.outcome.position;
  nlohmann::ordered_json json = {{"run", r.run},
                                 {"status", r.outcome.finished ? "finished" : "interrupted"},
                                 {"run_dir", r.directory},
                                 {"epochs_done", position.epoch},
                                 {"parameters", r.facts.parameters},
                                 {"quantized_weights", r.facts.quantized_weights},
                                 {"macs", r.facts.macs},
                                 {"model_bytes", r.facts.bytes},
                                 {"model_bytes_fp32", r.facts.bytes_fp32}};
  if (position.epoch > 0 && r.outcome.val.samples > 0) {
    json["val"] = metrics_json(r.outcome.val);
    json["train"] = metrics_json(r.outcome.train);
  }
  if (position.best_epoch >= 0) json["best"] = {{r.outcome.primary, position.best}, {"epoch", position.best_epoch + 1}};
  return json;
}

void print_summary(const TrainResult& r) {
  const auto& c = r.config;
  const auto& position = r.outcome.position;
  fmt::print("run {}{}: {} {} on {}, {}\n", r.run, c.name.empty() ? "" : " (" + c.name + ")", c.arch,
             c.method == "fp32" ? "fp32" : fmt::format("{} {}-bit", c.method, c.wbits), c.dataset,
             r.outcome.finished ? fmt::format("{} epochs", position.epoch) : "stopped by " + r.outcome.stop_reason);
  if (r.outcome.val.samples > 0) {
    fmt::print("  validation  {}\n", metrics_text(r.outcome.val));
    if (const std::string classes = class_text(r.outcome.val); !classes.empty())
      fmt::print("  by class    {}\n", classes);
  }
  if (position.best_epoch >= 0)
    fmt::print("  best        {} {:.2f} % in epoch {}\n", metric_title(r.outcome.primary), position.best,
               position.best_epoch + 1);
  fmt::print("  size        {} at the given bits, {} in fp32 ({:.1f}x); {} of {} parameters are quantized\n",
             size_text(r.facts.bytes), size_text(r.facts.bytes_fp32),
             static_cast<double>(r.facts.bytes_fp32) / static_cast<double>(r.facts.bytes), r.facts.quantized_weights,
             r.facts.parameters);
  fmt::print("  files       {}\n", r.directory);
  if (r.outcome.finished) {
    fmt::print("next: denseshift runs show {0}    denseshift eval --run {0}    denseshift runs list\n", r.run);
  } else {
    fmt::print("next: denseshift train --resume {}\n", r.run);
  }
}

}  // namespace

int train_verb(const nlohmann::json& json) {
  experiments::TrainRequest request;
  request.command = json.value("command", "train");
  request.config = experiments::config_from_json(json.at("config"));
  request.given = json.at("overrides").get<std::vector<std::string>>();
  request.db = json.at("db").get<std::string>();
  request.run_dir = json.at("run_dir").get<std::string>();
  request.resume = json.at("resume").get<std::string>();
  request.command_line = json.at("command_line").get<std::string>();
  request.program = {{"program_version", program_version()}, {"source_revision", source_revision()}};

  Progress progress(json.at("quiet").get<bool>());
  ProgressHook hook(progress);
  const auto started = [&](const experiments::RunStarted& run) {
    const auto& c = run.setup->config;
    progress.line(fmt::format("run {}: {} {} {} bits on {}, {} epochs, {} threads, {}{}", run.run, c.arch, c.method,
                              c.wbits, c.dataset, c.epochs, run.setup->threads, run.directory,
                              run.position.epoch + run.position.step == 0
                                  ? ""
                                  : fmt::format(", from epoch {} step {}", run.position.epoch + 1, run.position.step)));
    if (!run.start.empty()) progress.line(run.start);
  };
  const auto warn = [](const std::string& text) { fmt::print(stderr, "denseshift: warning: {}\n", text); };
  const TrainResult result = experiments::run_training(request, {&hook}, started, warn);
  progress.clear();
  if (json.at("json").get<bool>()) {
    std::cout << result_json(result).dump(2) << std::endl;
  } else {
    print_summary(result);
  }
  return result.outcome.finished ? 0 : 130;
}

}  // namespace denseshift::cli
