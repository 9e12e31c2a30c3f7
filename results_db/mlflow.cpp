#include "results_db/mlflow.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>

#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"
#include "results_db/mlflow_run.h"
#include "results_db/process.h"
#include "results_db/query.h"

namespace denseshift::results_db {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestMeta = std::size_t{1} << 20;
/// MLflow takes every folder for an experiment, except those whose name ends like this.
constexpr std::string_view kPassedOver = ".trash";
constexpr std::string_view kStaging = ".denseshift-";

void check_written(const std::error_code& code, const fs::path& path) {
  if (code) throw work_error("cannot write " + path.string() + ": " + code.message());
}

void make_directories(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  check_written(code, path);
}

/// A file in a folder that nobody else sees yet: it needs no temporary name of its own.
void write_text(const fs::path& path, const std::string& text) {
  make_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw work_error("cannot write " + path.string(), "is the disk full?");
}

std::string file_uri(const fs::path& path) {
  std::string uri = "file://";
  for (const char c : path.string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::strchr("/-._~", c) != nullptr;
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

/// Value of `key` in the flat YAML that MLflow and we write: plain, in single or in double quotes.
std::string yaml_value(const std::string& text, const std::string& key) {
  const std::string start = key + ":";
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    std::string line = text.substr(from, end - from);
    from = end + 1;
    if (line.compare(0, start.size(), start) != 0) continue;
    std::string value = line.substr(std::min(line.find_first_not_of(' ', start.size()), line.size()));
    if (value.size() >= 2 && value.front() == '"') {
      const auto json = nlohmann::json::parse(value, nullptr, false);
      return json.is_string() ? json.get<std::string>() : value;
    }
    if (value.size() < 2 || value.front() != '\'') return value;
    value = value.substr(1, value.size() - 2);
    for (std::size_t i = 0; (i = value.find("''", i)) != std::string::npos; ++i) value.erase(i, 1);
    return value;
  }
  return {};
}

std::string meta_of(const fs::path& folder) {
  const fs::path file = folder / "meta.yaml";
  return fs::is_regular_file(file) ? read_file(file, kLargestMeta) : std::string();
}

bool is_staging(const std::string& name) { return name.starts_with(kStaging) && name.ends_with(kPassedOver); }

/// A folder of MLflow's layout while runs are written into it.
class MlflowFolder {
 public:
  explicit MlflowFolder(const fs::path& directory) {
    std::error_code code;
    directory_ = fs::absolute(directory, code).lexically_normal();
    if (directory_.filename().empty()) directory_ = directory_.parent_path();
    require_usable();
    make_directories(directory_);
    remove_leftovers();
    staging_ = directory_ / fmt::format("{}{}{}", kStaging, ::getpid(), kPassedOver);
    make_directories(staging_);
  }
  ~MlflowFolder() {
    std::error_code ignored;
    fs::remove_all(staging_, ignored);
  }
  MlflowFolder(const MlflowFolder&) = delete;
  MlflowFolder& operator=(const MlflowFolder&) = delete;

  /// Id of the experiment of this name, which is made when it is missing.
  std::string experiment(const std::string& name) {
    if (const auto found = experiments_.find(name); found != experiments_.end()) return found->second;
    std::string id = existing_experiment(name);
    if (id.empty()) {
      id = stable_id(name);
      if (fs::exists(directory_ / kPassedOver / id)) {
        throw input_error(fmt::format("{}: the experiment '{}' was deleted in MLflow", directory_.string(), name),
                          "restore it there, empty MLflow's trash, or choose another name with --experiment");
      }
      const std::string now = fmt::format("{}", static_cast<std::int64_t>(utc_seconds(utc_now()) * 1000));
      const std::string meta = fmt::format(
          "artifact_location: {}\ncreation_time: {}\nexperiment_id: '{}'\nlast_update_time: {}\n"
          "lifecycle_stage: active\nname: {}\n",
          yaml_text(file_uri(directory_ / id)), now, id, now, yaml_text(name));
      write_text(staging_ / id / "meta.yaml", meta);
      rename_to(staging_ / id, directory_ / id);
    }
    experiments_[name] = id;
    return id;
  }

  /// The folder in which this run is prepared; empty, with the artifacts of its earlier export.
  fs::path begin(const MlflowRun& run) {
    const fs::path folder = staging_ / run.uuid;
    for (const char* part : {"metrics", "params", "tags", "artifacts"}) make_directories(folder / part);
    if (const fs::path earlier = find(run.uuid); !earlier.empty()) keep_artifacts(earlier / "artifacts", folder);
    return folder;
  }

  /// Puts a prepared run into its place. Returns whether it replaced an earlier one.
  bool commit(const MlflowRun& run, const std::string& experiment) {
    const fs::path earlier = find(run.uuid);
    const fs::path place = directory_ / experiment / run.uuid;
    const fs::path prepared = staging_ / run.uuid;
    // The exchange leaves no moment without the run. Not every file system can do it.
    const bool exchanged =
        earlier == place && ::renameat2(AT_FDCWD, prepared.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) == 0;
    if (!exchanged) {
      if (!earlier.empty()) rename_to(earlier, staging_ / "old");
      rename_to(prepared, place);
    }
    std::error_code ignored;
    fs::remove_all(prepared, ignored);
    fs::remove_all(staging_ / "old", ignored);
    return !earlier.empty();
  }

  [[nodiscard]] std::string artifact_uri(const MlflowRun& run, const std::string& experiment) const {
    return file_uri(directory_ / experiment / run.uuid / "artifacts");
  }

 private:
  static std::string stable_id(const std::string& name) {
    // MLflow's own ids are numbers of 18 digits.
    constexpr std::uint64_t kDigits = 900'000'000'000'000'000;
    std::uint64_t number = 0;
    const std::string digest = sha256(name.data(), name.size()).substr(0, 16);
    (void)std::from_chars(digest.data(), digest.data() + digest.size(), number, 16);
    return fmt::format("{}", kDigits / 9 + number % kDigits);
  }

  static void rename_to(const fs::path& from, const fs::path& to) {
    std::error_code code;
    fs::rename(from, to, code);
    check_written(code, to);
  }

  [[nodiscard]] std::vector<fs::path> folders() const {
    std::vector<fs::path> found;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(directory_, code)) {
      if (entry.is_directory() && !entry.path().filename().string().ends_with(kPassedOver))
        found.push_back(entry.path());
    }
    return found;
  }

  void require_usable() const {
    std::error_code code;
    if (!fs::exists(directory_, code)) return;
    const Error other =
        input_error(directory_.string() + " is not a folder of MLflow", "give an empty or a new folder");
    if (!fs::is_directory(directory_, code)) throw other;
    bool only_traces = true;
    for (const auto& entry : fs::directory_iterator(directory_, code)) {
      only_traces = only_traces && entry.path().filename().string().ends_with(kPassedOver);
    }
    if (code) throw input_error(directory_.string() + ": " + code.message());
    const auto all = folders();
    const bool store =
        std::ranges::any_of(all, [](const fs::path& p) { return !yaml_value(meta_of(p), "experiment_id").empty(); });
    if (!only_traces && !store) throw other;
  }

  /// What exports that were killed left behind.
  void remove_leftovers() const {
    std::error_code code;
    std::vector<fs::path> leftovers;
    for (const auto& entry : fs::directory_iterator(directory_, code)) {
      const std::string name = entry.path().filename().string();
      if (!is_staging(name)) continue;
      const int pid = std::atoi(name.c_str() + kStaging.size());
      if (pid == ::getpid() || (::kill(pid, 0) != 0 && errno == ESRCH)) leftovers.push_back(entry.path());
    }
    for (const fs::path& path : leftovers) fs::remove_all(path, code);
  }

  [[nodiscard]] std::string existing_experiment(const std::string& name) const {
    // Names are compared as they are written: without control characters.
    const std::string wanted = yaml_value("name: " + yaml_text(name), "name");
    for (const fs::path& folder : folders()) {
      if (yaml_value(meta_of(folder), "name") == wanted) return folder.filename().string();
    }
    return {};
  }

  /// Folder of a run in any experiment; empty when there is none.
  [[nodiscard]] fs::path find(const std::string& uuid) const {
    for (const fs::path& folder : folders()) {
      if (fs::is_directory(folder / uuid)) return folder / uuid;
    }
    return {};
  }

  /// Links what others put beside our copies, so that a replaced run loses nothing and no byte is written twice.
  static void keep_artifacts(const fs::path& from, const fs::path& folder) {
    std::error_code code;
    for (const auto& entry : fs::recursive_directory_iterator(from, code)) {
      if (!entry.is_regular_file()) continue;
      const fs::path to = folder / "artifacts" / entry.path().lexically_relative(from);
      make_directories(to.parent_path());
      fs::create_hard_link(entry.path(), to, code);
      if (code) fs::copy_file(entry.path(), to, code);
      check_written(code, to);
    }
  }

  fs::path directory_;
  fs::path staging_;
  std::map<std::string, std::string> experiments_;  ///< name -> id
};

std::string run_meta(const MlflowRun& run, const std::string& experiment, const std::string& artifact_uri) {
  return fmt::format(
      "artifact_uri: {}\nend_time: {}\nentry_point_name: ''\nexperiment_id: '{}'\nlifecycle_stage: active\n"
      "run_id: '{}'\nrun_name: {}\nrun_uuid: '{}'\nsource_name: ''\nsource_type: 4\nsource_version: ''\n"
      "start_time: {}\nstatus: {}\ntags: []\nuser_id: {}\n",
      yaml_text(artifact_uri), run.end < 0 ? "null" : std::to_string(run.end), experiment, run.uuid,
      yaml_text(run.name), run.uuid, run.start, run.status, yaml_text(run.user));
}

void copy_artifacts(const Database& database, std::int64_t id, const fs::path& folder, MlflowReport& report) {
  const fs::path target = folder / "artifacts" / "denseshift";
  std::error_code code;
  fs::remove_all(target, code);  // of the earlier export
  const RunRecord record = load_run(database, id);
  for (const Artifact& artifact : load_current_artifacts(database, id)) {
    const fs::path source = fs::path(record.run_dir) / artifact.path;
    if (!fs::is_regular_file(source, code)) {
      report.missing.push_back(source.string());
      continue;
    }
    make_directories(target);
    fs::path to = target / source.filename();
    if (fs::exists(to)) to = target / (mlflow_key(artifact.kind) + "-" + source.filename().string());
    fs::copy_file(source, to, fs::copy_options::overwrite_existing, code);
    check_written(code, to);
    ++report.copied;
  }
}

}  // namespace

MlflowReport export_mlflow(const Database& database, const std::vector<std::int64_t>& runs,
                           const MlflowOptions& options) {
  MlflowReport report;
  MlflowFolder target(options.directory);
  for (const std::int64_t id : runs) {
    const MlflowRun run = mlflow_run(database, id);
    const std::string name = options.experiment.empty() ? run.experiment : options.experiment;
    const std::string experiment = target.experiment(name);
    const fs::path folder = target.begin(run);
    write_text(folder / "meta.yaml", run_meta(run, experiment, target.artifact_uri(run, experiment)));
    for (const auto& [key, text] : run.metrics) write_text(folder / "metrics" / key, text);
    for (const auto& [key, text] : run.params) write_text(folder / "params" / key, text);
    for (const auto& [key, text] : run.tags) write_text(folder / "tags" / key, text);
    if (options.copy_artifacts) copy_artifacts(database, id, folder, report);
    ++(target.commit(run, experiment) ? report.updated : report.added);
    if (std::ranges::find(report.experiments, name) == report.experiments.end()) report.experiments.push_back(name);
  }
  return report;
}

}  // namespace denseshift::results_db
