// denseshift eval, the part that needs LibTorch.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/terminal/progress.h"
#include "cli/torch/score_text.h"
#include "cli/torch/verbs.h"
#include "cli/version.h"
#include "experiments/run/eval_run.h"
#include "experiments/run/recognition.h"

namespace denseshift::cli {
namespace {

void print_result(const experiments::EvalResult& r) {
  for (const auto& [split, score] : r.scores) {
    fmt::print("{} {} {} bits on {}{}: {}  ({} {})\n", r.config.arch, r.config.method, r.config.wbits, r.config.dataset,
               split == "val" ? "" : " " + split, metrics_text(score), score.samples,
               r.config.task == "speech" ? "recordings" : "images");
    if (const std::string classes = class_text(score); !classes.empty()) fmt::print("  by class    {}\n", classes);
  }
  fmt::print("  weights     {}, epoch {}\n", r.checkpoint, r.epoch);
  if (!r.files.empty()) {
    fmt::print("  written     {}{}\n", r.files.front().string(),
               r.files.size() == 1 ? "" : fmt::format(" and {} more files", r.files.size() - 1));
  }
  if (r.run != 0)
    fmt::print("  recorded    as run {}{}\n", r.run, r.parent != 0 ? fmt::format(", child of run {}", r.parent) : "");
}

nlohmann::ordered_json result_json(const experiments::EvalResult& r) {
  nlohmann::ordered_json json = {{"run", r.run},     {"parent", r.parent},          {"checkpoint", r.checkpoint},
                                 {"epoch", r.epoch}, {"dataset", r.config.dataset}, {"task", r.config.task}};
  for (const auto& [split, score] : r.scores) {
    nlohmann::ordered_json values = metrics_json(score);
    values["samples"] = score.samples;
    // The values of the validation split, or of the only one, stand at the top level.
    split == "val" || r.scores.size() == 1 ? json.update(values) : void(json[split] = values);
  }
  return json;
}

/// "action: increase  object: heat  location: kitchen".
std::string slots_text(const data::Intents& intents, std::int64_t intent) {
  std::string text;
  const std::vector<std::string> values = intents.combination(intent);
  for (std::size_t i = 0; i < values.size(); ++i) {
    text += fmt::format("{}{}: {}", i > 0 ? "  " : "", intents.slots[i], values[i]);
  }
  return text;
}

void print_recordings(const experiments::RecognitionResult& r) {
  constexpr std::size_t kShown = 3;
  for (const experiments::Recognized& recording : r.recordings) {
    fmt::print("{}  ({:.2f} s{})\n", recording.file, recording.seconds,
               recording.cut ? fmt::format(", of which the first {:.2f} s are heard", r.longest) : "");
    for (std::size_t i = 0; i < std::min(kShown, recording.ranking.size()); ++i) {
      const std::int64_t intent = recording.ranking[i];
      fmt::print("  {:6.2f} %  {}\n", 100 * recording.probabilities[static_cast<std::size_t>(intent)],
                 slots_text(r.intents, intent));
    }
  }
}

nlohmann::ordered_json recordings_json(const experiments::RecognitionResult& r) {
  nlohmann::ordered_json recordings = nlohmann::ordered_json::array();
  for (const experiments::Recognized& recording : r.recordings) {
    nlohmann::ordered_json intents = nlohmann::ordered_json::array();
    for (const std::int64_t intent : recording.ranking) {
      nlohmann::ordered_json slots;
      const std::vector<std::string> values = r.intents.combination(intent);
      for (std::size_t i = 0; i < values.size(); ++i) slots[r.intents.slots[i]] = values[i];
      intents.push_back({{"intent", r.intents.name(intent)},
                         {"slots", slots},
                         {"probability", recording.probabilities[static_cast<std::size_t>(intent)]}});
    }
    recordings.push_back({{"file", recording.file},
                          {"seconds", recording.seconds},
                          {"cut", recording.cut},
                          {"intents", std::move(intents)}});
  }
  return {{"run", r.run}, {"checkpoint", r.checkpoint}, {"recordings", std::move(recordings)}};
}

int recognize_files(const nlohmann::json& json) {
  experiments::RecognitionRequest request;
  request.weights = {json.at("run").get<std::string>(), json.at("checkpoint").get<std::string>(),
                     json.at("which").get<std::string>(), json.at("db").get<std::string>()};
  request.files = json.at("audio").get<std::vector<std::string>>();
  request.config = experiments::config_from_json(json.at("config"));
  request.overrides = json.at("overrides").get<std::vector<std::string>>();
  const experiments::RecognitionResult result = experiments::recognize(request);
  if (json.at("json").get<bool>()) {
    std::cout << recordings_json(result).dump(2) << std::endl;
  } else {
    print_recordings(result);
  }
  return 0;
}

}  // namespace

int eval_verb(const nlohmann::json& json) {
  if (!json.at("audio").empty()) return recognize_files(json);
  experiments::EvalRequest request;
  request.run = json.at("run").get<std::string>();
  request.checkpoint = json.at("checkpoint").get<std::string>();
  request.which = json.at("which").get<std::string>();
  request.config = experiments::config_from_json(json.at("config"));
  request.overrides = json.at("overrides").get<std::vector<std::string>>();
  request.record = json.at("record").get<bool>();
  request.split = json.at("split").get<std::string>();
  request.draw = json.at("draw").get<std::int64_t>();
  request.draw_out = json.at("draw_out").get<std::string>();
  request.draw_score = json.at("draw_score").get<double>();
  request.predictions_out = json.at("predictions_out").get<std::string>();
  request.confusion = json.at("confusion").get<std::string>();
  request.db = json.at("db").get<std::string>();
  request.command_line = json.at("command_line").get<std::string>();
  request.program = {{"program_version", program_version()}, {"source_revision", source_revision()}};

  Progress progress(json.at("quiet").get<bool>());
  const experiments::EvalResult result = experiments::run_evaluation(
      request, [&](std::int64_t batch, std::int64_t batches, const experiments::Score& score) {
        ProgressState state;
        state.phase = "val";
        state.step = batch, state.steps = batches;
        show_score(score, "top1", state);
        progress.update(state);
        return true;
      });
  progress.clear();
  if (json.at("json").get<bool>()) {
    std::cout << result_json(result).dump(2) << std::endl;
  } else {
    print_result(result);
  }
  return 0;
}

}  // namespace denseshift::cli
