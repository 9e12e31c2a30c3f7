// denseshift doctor: what was found on this machine, and what to do about what is missing.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "cli/child_process.h"
#include "cli/commands/commands.h"
#include "cli/cpu_info.h"
#include "cli/terminal/colour.h"
#include "cli/torch_module.h"
#include "cli/version.h"
#include "core/data/dataset.h"
#include "core/kernels/isa.h"
#include "core/util/error.h"
#include "results_db/database.h"

namespace denseshift::cli {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr double kModuleSeconds = 60;
constexpr std::uintmax_t kLittleSpace = std::uintmax_t{2} << 30;

enum class Health { ok, missing, broken };

/// One finding. `advice` says what to do; empty when nothing needs doing.
struct Finding {
  std::string subject;
  Health health = Health::ok;
  std::string detail;
  std::string advice;
};

const char* word(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::missing:
      return "missing";
    case Health::broken:
      break;
  }
  return "broken";
}

Finding program() {
  return {"program", Health::ok, fmt::format("denseshift {}, revision {}", program_version(), source_revision()), ""};
}

Finding processor() {
  const CpuInfo cpu = cpu_info();
  return {"CPU", Health::ok, fmt::format("{}, {} threads, {}", cpu.model, cpu.threads, fmt::join(cpu.features, " ")),
          ""};
}

// What dispatch of the inference kernels takes here, and why nothing higher. Levels of other architectures are no news.
Finding instruction_sets() {
  std::string refused;
  for (const kernels::IsaStatus& level : kernels::isa_levels()) {
    if (level.supported || level.reason == "another architecture") continue;
    refused += fmt::format("; not {}: {}", kernels::isa_name(level.isa), level.reason);
  }
  try {
    const std::string chosen(kernels::isa_name(kernels::best_isa()));
    const char* variable = std::getenv("DENSESHIFT_ISA");
    const bool asked = variable != nullptr && *variable != '\0';
    return {"kernels", Health::ok, fmt::format("{}{}{}", chosen, asked ? " (DENSESHIFT_ISA)" : "", refused), ""};
  } catch (const Error& error) {
    return {"kernels", Health::broken, error.what(), "unset DENSESHIFT_ISA, or choose a level that this CPU has"};
  }
}

// The module answers the verb "doctor" with one JSON object; its values are shown as they are.
std::string described(const nlohmann::ordered_json& facts) {
  std::string text;
  for (const auto& [key, value] : facts.items()) {
    text += (text.empty() ? "" : ", ") + key + " " + (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

Finding torch() {
  const fs::path path = torch_module_path();
  if (path.empty()) {
    return {"LibTorch", Health::missing, "this program was built without it",
            "run scripts/build.sh to build with LibTorch; train, eval, models and bench train need it"};
  }
  const ChildResult child =
      run_in_child([] { return guarded([] {
                          return run_in_module("doctor", {{"json", true}});
                        }); }, kModuleSeconds);
  if (!child.finished) {
    return {"LibTorch", Health::broken, fmt::format("{} stopped with signal {}", path.string(), child.status),
            "rebuild with scripts/build.sh; a LibTorch made for a newer CPU stops this way"};
  }
  if (child.status != 0)
    return {"LibTorch", Health::broken, child.errors, "run scripts/setup.sh, then scripts/build.sh"};
  const auto facts = nlohmann::ordered_json::parse(child.output, nullptr, false);
  if (!facts.is_object())
    return {"LibTorch", Health::broken, path.string() + " gives no account of itself", "rebuild with scripts/build.sh"};
  return {"LibTorch", Health::ok, described(facts), ""};
}

Finding sqlite() { return {"SQLite", Health::ok, sqlite_version(), ""}; }

std::string quick_check(const results_db::Database& database) {
  sqlite3_stmt* statement = nullptr;
  std::string answer = sqlite3_errmsg(database.handle());
  if (sqlite3_prepare_v2(database.handle(), "PRAGMA quick_check(1)", -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    answer = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  }
  sqlite3_finalize(statement);
  return answer;
}

Finding database(const std::string& path) {
  std::error_code failed;
  if (!fs::exists(path, failed)) {
    return {"database", Health::missing, path + " does not exist yet",
            "the first `denseshift train` makes it; --db chooses another"};
  }
  try {
    const results_db::Database opened(path, results_db::OpenMode::read_only);
    const std::string answer = quick_check(opened);
    if (answer != "ok")
      return {"database", Health::broken, path + ": " + answer,
              "restore a copy, or save what is left with `denseshift runs export`"};
    return {"database", Health::ok,
            fmt::format("{}, schema {} of {}, {:.1f} MB, integrity ok", path, opened.schema_version(),
                        results_db::latest_schema_version(), static_cast<double>(fs::file_size(path)) / 1e6),
            ""};
  } catch (const Error& error) {
    return {"database", Health::broken, error.what(), error.hint()};
  }
}

// Every dataset that reads files, tried on the folder a run would take.
std::vector<Finding> datasets(const std::string& option) {
  const std::string folder = data::resolve_directory(option, std::getenv("DENSESHIFT_DATA"));
  std::vector<Finding> findings;
  if (folder.empty()) {
    return {{"datasets", Health::ok, "shapes is built in; no folder given for others",
             "set DENSESHIFT_DATA or give --data DIR"}};
  }
  std::string absent;
  for (const auto& entry : data::datasets().entries()) {
    if (entry.value.needs == "nothing") continue;
    try {
      data::DatasetOptions options;
      options.directory = folder;
      const auto opened = data::open_dataset(entry.name, options);
      findings.push_back({"dataset " + entry.name, Health::ok,
                          fmt::format("{} training and {} validation samples", opened->size(data::Split::train),
                                      opened->size(data::Split::val)),
                          ""});
    } catch (const Error&) {
      absent += (absent.empty() ? "" : ", ") + entry.name;
    }
  }
  if (!absent.empty()) {
    findings.push_back({"datasets", Health::missing, "not in " + folder + ": " + absent,
                        "`denseshift data check --dataset NAME` says what is expected"});
  }
  return findings;
}

Finding disk() {
  std::error_code failed;
  const fs::space_info space = fs::space(".", failed);
  if (failed)
    return {"disk", Health::broken, "the current folder cannot be read: " + failed.message(),
            "change to a folder that exists"};
  const bool little = space.available < kLittleSpace;
  return {"disk", little ? Health::missing : Health::ok,
          fmt::format("{:.1f} GB free here", static_cast<double>(space.available) / 1e9),
          little ? "runs keep their checkpoints below this folder: make room, or give --run-dir" : ""};
}

void print_doctor(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.subject.size());
  for (const Finding& finding : findings) {
    const Style style = finding.health == Health::ok        ? Style::green
                        : finding.health == Health::missing ? Style::yellow
                                                            : Style::red;
    std::cout << fmt::format("{:<{}}  ", finding.subject, width)
              << styled(fmt::format("{:<7}", word(finding.health)), style, 1) << "  " << finding.detail << '\n';
    if (!finding.advice.empty()) std::cout << std::string(width + 11, ' ') << "to do: " << finding.advice << '\n';
  }
}

int run_doctor(const std::vector<std::string>& arguments) {
  OptionParser parser({
      "doctor [options]",
      "Says what was found: program, LibTorch and devices, CPU, SQLite, database, datasets, disk; and what to do about "
      "what is missing.\n"
      "The exit status is 1 when something is broken.",
      "denseshift doctor\nDENSESHIFT_DATA=cifar-10 denseshift doctor --json",
  });
  parser.group("Data").add_options()("data", po::value<std::string>()->default_value("", "")->value_name("DIR"),
                                     "folder of datasets (environment DENSESHIFT_DATA)");
  parser.add_database_option();
  parser.add_json_option();
  po::variables_map values;
  if (!parser.parse(arguments, values)) return 0;

  std::vector<Finding> findings = {program(),          torch(),  processor(),
                                   instruction_sets(), sqlite(), database(database_path(values))};
  for (Finding& finding : datasets(values["data"].as<std::string>())) findings.push_back(std::move(finding));
  findings.push_back(disk());

  bool broken = false;
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    broken = broken || finding.health == Health::broken;
    json.push_back({{"subject", finding.subject},
                    {"status", word(finding.health)},
                    {"detail", finding.detail},
                    {"advice", finding.advice}});
  }
  if (values["json"].as<bool>()) {
    std::cout << json.dump(2) << '\n';
  } else {
    print_doctor(findings);
  }
  return broken ? 1 : 0;
}

}  // namespace

Command doctor_command() { return {"doctor", "what was found on this machine, and what is missing", run_doctor}; }

}  // namespace denseshift::cli
