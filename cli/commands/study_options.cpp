#include "cli/commands/study_options.h"

#include <algorithm>
#include <cstdlib>

#include "cli/commands/runs_common.h"
#include "core/util/error.h"
#include "core/util/shell_line.h"

namespace denseshift::cli {

namespace po = boost::program_options;
using experiments::Study;

void add_study_options(po::options_description& group) {
  group.add_options()("study", po::value<std::vector<std::string>>()->value_name("STUDY"), "names of studies, or all")(
      "seeds", po::value<int>()->value_name("N"), "seeds 1 to N for every cell [the scale's number]")(
      "studies", po::value<std::string>()->value_name("DIR"),
      "folder of study files that replace or extend the program's own (environment DENSESHIFT_STUDIES)");
}

std::string studies_folder(const po::variables_map& values) {
  if (values.count("studies") > 0) return values["studies"].as<std::string>();
  const char* environment = std::getenv("DENSESHIFT_STUDIES");
  return environment != nullptr ? environment : "";
}

int seeds_option(const po::variables_map& values) {
  constexpr int kMost = 1000;
  if (values.count("seeds") == 0) return 0;
  const int seeds = values["seeds"].as<int>();
  if (seeds < 1 || seeds > kMost) throw usage_error("--seeds: use a value from 1 to 1000");
  return seeds;
}

std::vector<const Study*> chosen_studies(const experiments::StudyCatalog& catalog, const po::variables_map& values) {
  if (values.count("study") == 0) throw usage_error("no study given", "`denseshift report --list` lists them");
  std::vector<const Study*> studies;
  const auto add = [&](const Study& study) {
    if (std::ranges::find(studies, &study) == studies.end()) studies.push_back(&study);
  };
  for (const std::string& name : values["study"].as<std::vector<std::string>>()) {
    if (name != "all") {
      add(catalog.get(name));
      continue;
    }
    for (const Study& study : catalog.studies()) add(study);
  }
  return studies;
}

std::string fill_options(const po::variables_map& values) {
  std::vector<std::string> words;
  for (const char* name : {"studies", "db"}) {
    if (values.count(name) > 0) words.insert(words.end(), {std::string("--") + name, text_option(values, name)});
  }
  if (values.count("seeds") > 0) words.insert(words.end(), {"--seeds", std::to_string(values["seeds"].as<int>())});
  return shell_line(words);
}

}  // namespace denseshift::cli
