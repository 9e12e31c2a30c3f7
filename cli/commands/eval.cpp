// denseshift eval: a recorded run or a checkpoint file on a dataset.

#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/commands/eval_predictions.h"
#include "cli/commands/runs_common.h"
#include "cli/config_options.h"
#include "cli/torch_module.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;

OptionParser eval_parser() {
  OptionParser parser({
      "eval (--run RUN | --checkpoint FILE | --predictions FILE --annotations FILE) [--audio FILE...] [options]",
      "Evaluates trained weights on the validation split; what is not given is taken from the run or the checkpoint.\n"
      "With --audio, says what the network hears in recordings; that needs no dataset. With --predictions, evaluates\n"
      "detections of any origin by COCO's rules.",
      "denseshift eval --run 7\n"
      "denseshift eval --checkpoint denseshift-runs/7/best.safetensors --limit-val 1000 --json\n"
      "denseshift eval --run last --confusion confusion.svg\n"
      "denseshift eval --run last --audio one.wav two.wav\n"
      "denseshift eval --predictions results.json --annotations instances_val2017.json",
  });
  parser.group("Weights").add_options()("run", po::value<std::string>()->value_name("RUN"),
                                        "a recorded run: id, name or `last`")(
      "checkpoint", po::value<std::string>()->value_name("FILE"), "checkpoint file")(
      "best", po::bool_switch(), "of a run: its best checkpoint (default)")("last", po::bool_switch(),
                                                                            "of a run: its last checkpoint");
  parser.group("Predictions")
      .add_options()("predictions", po::value<std::string>()->value_name("FILE"),
                     "detections in COCO's results format")("annotations", po::value<std::string>()->value_name("FILE"),
                                                            "the truth in COCO's instances format");
  parser.group("Weights").add_options()("split", po::value<std::string>()->value_name("NAME"),
                                        "samples: train, val or test [val, and test where there is one]");
  parser.group("Recordings")
      .add_options()("audio", po::value<std::vector<std::string>>()->composing()->multitoken()->value_name("FILE..."),
                     "WAV or FLAC files: print the most probable intents of each (--json: all)");
  parser.group("Output").add_options()("draw", po::value<std::int64_t>()->value_name("N"),
                                       "draw boxes or classes into the first N pictures, as PNG files")(
      "draw-out", po::value<std::string>()->default_value("drawn")->value_name("DIR"), "folder of those pictures")(
      "draw-score", po::value<double>()->default_value(0.3, "0.3")->value_name("X"),
      "least score of a box that is drawn")("predictions-out", po::value<std::string>()->value_name("DIR"),
                                            "write results.json (detection), palette PNGs (segmentation) or "
                                            "confusion.csv (speech) into this folder")(
      "confusion", po::value<std::string>()->value_name("FILE"),
      "speech: which intent was taken for which, as .csv or .svg; of the test split in FILE with -test in its name");
  add_config_options(parser, {"dataset", "data", "limit_val", "resample", "feature_cache", "batch_size", "device",
                              "threads", "workers"});
  parser.group("Run").add_options()(
      "record", po::value<bool>()->implicit_value(true, "")->default_value(true, "")->value_name("true|false"),
      "record the result in the database [true]")("quiet", po::bool_switch(), "no progress")(
      "verbose", po::bool_switch(), "say more on stderr");
  parser.add_database_option();
  parser.add_json_option();
  return parser;
}

/// Options of an evaluation mean nothing for recordings.
void check_alone(const po::variables_map& values) {
  for (const char* option : {"split", "dataset", "data", "limit-val", "batch-size", "feature-cache", "draw",
                             "predictions-out", "confusion"}) {
    if (values.count(option) > 0)
      throw usage_error(fmt::format("--audio needs no dataset: --{} does not go with it", option));
  }
}

int run_eval(const std::vector<std::string>& arguments) {
  OptionParser parser = eval_parser();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  const bool has_run = values.count("run") > 0;
  const bool has_checkpoint = values.count("checkpoint") > 0;
  const bool has_predictions = values.count("predictions") > 0;
  if (has_predictions != (values.count("annotations") > 0)) {
    throw usage_error(has_predictions ? "--annotations is missing" : "--predictions is missing",
                      "give both --predictions FILE and --annotations FILE");
  }
  if (has_predictions) {
    if (has_run || has_checkpoint || values.count("audio") > 0) {
      throw usage_error("--predictions evaluates a file: --run, --checkpoint and --audio do not go with it");
    }
    return eval_predictions(values["predictions"].as<std::string>(), values["annotations"].as<std::string>(),
                            values["json"].as<bool>());
  }
  if (has_run == has_checkpoint) {
    throw usage_error(has_run ? "--run and --checkpoint exclude each other" : "nothing to evaluate",
                      "give --run RUN or --checkpoint FILE; `denseshift runs list` shows the runs");
  }
  const bool has_audio = values.count("audio") > 0;
  if (has_audio) check_alone(values);
  const bool last = values["last"].as<bool>();
  if (last && values["best"].as<bool>()) throw usage_error("--best and --last exclude each other");
  const GivenConfig given = read_config(values, "");
  experiments::validate(given.config);

  std::vector<std::string> words = {"denseshift", "eval"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run_in_module(
      "eval", {{"run", has_run ? values["run"].as<std::string>() : ""},
               {"checkpoint", has_checkpoint ? values["checkpoint"].as<std::string>() : ""},
               {"which", last ? "last" : "best"},
               {"audio", has_audio ? values["audio"].as<std::vector<std::string>>() : std::vector<std::string>()},
               {"confusion", text_option(values, "confusion")},
               {"config", experiments::to_json(given.config)},
               {"overrides", given.keys},
               {"record", values["record"].as<bool>()},
               {"split", text_option(values, "split")},
               {"draw", values.count("draw") > 0 ? values["draw"].as<std::int64_t>() : 0},
               {"draw_out", values["draw-out"].as<std::string>()},
               {"draw_score", values["draw-score"].as<double>()},
               {"predictions_out", text_option(values, "predictions-out")},
               {"db", database_path(values)},
               {"quiet", values["quiet"].as<bool>()},
               {"verbose", values["verbose"].as<bool>()},
               {"json", values["json"].as<bool>()},
               {"command_line", shell_line(words)}});
}

}  // namespace

Command eval_command() { return {"eval", "evaluate a run or a checkpoint", run_eval}; }

}  // namespace denseshift::cli
