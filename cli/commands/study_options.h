#pragma once
// What `ablate` and `report` share: which studies, from where, how many seeds.

#include <string>
#include <vector>

#include "cli/command.h"
#include "experiments/studies/study.h"

namespace denseshift::cli {

/// Adds STUDY..., --seeds and --studies to the group.
void add_study_options(boost::program_options::options_description& group);

/// Folder of the user's study files: --studies, else DENSESHIFT_STUDIES, else empty.
[[nodiscard]] std::string studies_folder(const boost::program_options::variables_map& values);

/// Value of --seeds; 0 when it was not given. Throws a usage error outside 1 to 1000.
[[nodiscard]] int seeds_option(const boost::program_options::variables_map& values);

/// The studies named on the command line in that order, each once; `all` stands for every one. Throws usage errors for
/// unknown names (with the nearest) and when there is none.
[[nodiscard]] std::vector<const experiments::Study*> chosen_studies(
    const experiments::StudyCatalog& catalog, const boost::program_options::variables_map& values);

/// Options that `denseshift ablate STUDY --scale SCALE` needs to mean the same studies, seeds and database, quoted for
/// a shell.
[[nodiscard]] std::string fill_options(const boost::program_options::variables_map& values);

}  // namespace denseshift::cli
