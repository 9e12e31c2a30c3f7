// runs export.

#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "cli/commands/runs_common.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"
#include "core/util/suggest.h"
#include "results_db/export.h"
#include "results_db/listing.h"
#include "results_db/mlflow.h"
#include "results_db/query.h"

namespace denseshift::cli {
namespace {

namespace po = boost::program_options;
using results_db::Database;

std::vector<std::int64_t> chosen_runs(Database& database, const po::variables_map& values) {
  if (values.count("where") > 0 && text_option(values, "where").empty()) {
    throw usage_error("--where: the condition is empty");
  }
  if (values.count("run") == 0) return results_db::select_runs(database, text_option(values, "where"));
  if (values.count("where") > 0) throw usage_error("give runs or --where, not both");
  std::vector<std::int64_t> ids;
  for (const std::string& reference : values["run"].as<std::vector<std::string>>()) {
    ids.push_back(results_db::resolve_run(database, reference));
  }
  return ids;
}

int export_to_mlflow(const po::variables_map& values) {
  for (const char* option : {"format", "table", "out"}) {
    if (values.count(option) > 0) throw usage_error(fmt::format("--{} does not go with --mlflow", option));
  }
  results_db::MlflowOptions options;
  options.directory = text_option(values, "mlflow");
  options.experiment = text_option(values, "experiment");
  options.copy_artifacts = values["copy-artifacts"].as<bool>();
  if (options.directory.empty()) throw usage_error("--mlflow: which folder?", "--mlflow mlruns");
  if (values.count("experiment") > 0 && options.experiment.empty())
    throw usage_error("--experiment: the name is empty");
  Database database = results_db::open_for_reading(database_path(values));
  const results_db::MlflowReport report = export_mlflow(database, chosen_runs(database, values), options);
  for (const std::string& path : report.missing) std::cerr << "not copied: " << one_line(path) << " is gone\n";
  if (values["json"].as<bool>()) {
    print_json({{"directory", options.directory.string()},
                {"added", report.added},
                {"updated", report.updated},
                {"experiments", report.experiments},
                {"artifacts_copied", report.copied},
                {"artifacts_missing", report.missing}},
               std::cout);
    return 0;
  }
  std::cout << fmt::format("added {} runs and updated {} in {}", report.added, report.updated,
                           one_line(options.directory.string()));
  if (options.copy_artifacts) std::cout << fmt::format(", copied {} files", report.copied);
  // MLflow 3.13 and later read no file store without the variable.
  std::cout << fmt::format("\nnext: MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri {}\n",
                           shell_line({options.directory.string()}));
  return 0;
}

int run_runs_export(const std::vector<std::string>& arguments) {
  OptionParser parser(
      {"runs export [RUN...] [options]",
       "Writes runs for other programs: JSON holds everything, CSV one table, --mlflow a folder that MLflow shows.\n"
       "Without RUN or --where, all runs.",
       "denseshift runs export --format json --out runs.json\n"
       "denseshift runs export --format csv --table epochs --where \"wbits=2\"\n"
       "denseshift runs export --mlflow mlruns"});
  parser.group("Runs").add_options()("run", po::value<std::vector<std::string>>()->value_name("RUN"), "ids or names")(
      "where", po::value<std::string>()->value_name("CONDITION"), "SQL condition, as in `runs list`");
  parser.group("Output").add_options()("format", po::value<std::string>()->value_name("csv|json"), "format [csv]")(
      "table", po::value<std::string>()->value_name("TABLE"),
      "csv: runs, metrics, epochs, summary, artifacts, weight_stats, weight_traces, weight_histograms or tags [runs]")(
      "out", po::value<std::string>()->value_name("FILE"), "write to a file, whole or not at all [standard output]");
  parser.group("MLflow").add_options()("mlflow", po::value<std::string>()->value_name("DIR"),
                                       "write MLflow's file store (mlruns); runs that are there already are updated")(
      "experiment", po::value<std::string>()->value_name("NAME"),
      "one experiment for all runs [one for each dataset and task]")(
      "copy-artifacts", po::bool_switch(), "copy the runs' files, too; otherwise tags hold their paths");
  parser.positional("run", -1);
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;
  if (values.count("mlflow") > 0) return export_to_mlflow(values);
  if (values.count("experiment") > 0) throw usage_error("--experiment belongs to --mlflow DIR");
  if (values["copy-artifacts"].as<bool>()) throw usage_error("--copy-artifacts belongs to --mlflow DIR");
  std::string format = text_option(values, "format");
  if (format.empty()) format = values["json"].as<bool>() ? "json" : "csv";
  if (format != "csv" && format != "json") {
    throw usage_error("--format: unknown format '" + format + "'", suggestion(format, {"csv", "json"}));
  }
  if (format == "json" && values.count("table") > 0) throw usage_error("--table belongs to --format csv");
  if (format == "csv" && values["json"].as<bool>()) throw usage_error("--json and --format csv exclude each other");
  const std::string table = values.count("table") > 0 ? text_option(values, "table") : "runs";
  Database database = results_db::open_for_reading(database_path(values));
  const std::vector<std::int64_t> ids = chosen_runs(database, values);

  std::optional<AtomicFile> file;
  if (values.count("out") > 0) file.emplace(text_option(values, "out"));
  const auto sink = [&](std::string_view text) {
    if (file) {
      file->write(text.data(), text.size());
    } else {
      std::cout << text;
    }
  };
  if (format == "json") {
    results_db::export_json(database, ids, sink);
  } else {
    results_db::export_csv(database, table, ids, sink);
  }
  if (file) {
    file->commit();
    std::cerr << "wrote " << ids.size() << " runs to " << text_option(values, "out") << '\n';
  }
  return 0;
}

}  // namespace

Command runs_export_command() { return {"export", "runs as CSV, JSON, or for MLflow", run_runs_export}; }

}  // namespace denseshift::cli
