// The folder that MLflow reads. Its own program is not a dependency: the layout here is what MLflow 3.17 was seen to
// read back through its Python interface and its web page.

#include "results_db/mlflow.h"

#include <gmock/gmock.h>

#include <limits>
#include <set>

#include "core/util/hash.h"
#include "results_db/mlflow_run.h"
#include "results_db/process.h"
#include "results_db/query.h"
#include "tests/results_db/fixture.h"

namespace denseshift::results_db {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class MlflowTest : public ResultsTest {
 protected:
  std::int64_t trained(const std::string& name, RunStatus status = RunStatus::finished) {
    NewRun run = example_run(2, name);
    run.note = "a note\nof two lines";
    const std::int64_t id = store_.create(run);
    fs::create_directories(path("files"));
    store_.set_directory(id, path("files").string());
    store_.set_model(id, 1000, 900, 5000, 250);
    for (int epoch = 1; epoch <= 2; ++epoch) {
      store_.record_metrics(id, epoch, "val",
                            {{"top1", 10.0 / 3 * epoch}, {"loss", epoch == 1 ? std::nan("") : infinity_}});
    }
    write_text(path("files/last-0002-000000.safetensors"), "tensors");
    store_.record_artifact(id, {"checkpoint-last", path("files/last-0001-000000.safetensors"), 7, "aa"});
    store_.record_artifact(id, {"checkpoint-last", path("files/last-0002-000000.safetensors"), 7, "bb"});
    store_.record_artifact(id, {"traces", "gone.json", 7, "cc"});
    if (status != RunStatus::running) store_.finish(id, status);
    return id;
  }
  MlflowReport write(const std::vector<std::int64_t>& runs, const std::string& experiment = {}, bool copy = false) {
    return export_mlflow(database_, runs, {path("mlruns"), experiment, copy});
  }
  /// Folder of a run, wherever it is; fails when it is in several places.
  fs::path folder(std::int64_t run) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(path("mlruns"))) {
      if (entry.path().filename() == mlflow_uuid(load_run(database_, run).uid)) found.push_back(entry.path());
    }
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? fs::path() : found.front();
  }
  static std::set<std::string> names(const fs::path& directory) {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory)) found.insert(entry.path().filename().string());
    return found;
  }

  static constexpr double infinity_ = std::numeric_limits<double>::infinity();
  Database database_{path(), OpenMode::create};
  RunStore store_{database_};
};

TEST_F(MlflowTest, WritesTheFileStoreLayout) {
  const std::int64_t id = trained("a \"quoted\" näme");
  const MlflowReport report = write({id});
  EXPECT_EQ(report.added, 1);
  EXPECT_THAT(report.experiments, ElementsAre("cifar10 classification"));
  EXPECT_THAT(names(path("mlruns")), SizeIs(1)) << "nothing but the experiment";
  const fs::path run = folder(id);
  EXPECT_THAT(run.filename().string(), MatchesRegex("[0-9a-f]{32}"));
  const std::string experiment = run.parent_path().filename().string();
  EXPECT_THAT(experiment, MatchesRegex("[1-9][0-9]{17}"));
  EXPECT_THAT(file_bytes(run.parent_path() / "meta.yaml"),
              AllOf(HasSubstr("experiment_id: '" + experiment + "'\n"), HasSubstr("name: \"cifar10 classification\"\n"),
                    HasSubstr("lifecycle_stage: active\n")));
  EXPECT_THAT(names(run), UnorderedElementsAre("meta.yaml", "metrics", "params", "tags", "artifacts"));
  const auto start =
      static_cast<std::int64_t>(utc_seconds(to_text(load_run(database_, id).column("started_at"))) * 1000);
  EXPECT_THAT(
      file_bytes(run / "meta.yaml"),
      AllOf(HasSubstr("status: 3\n"), HasSubstr("run_name: \"a \\\"quoted\\\" näme\"\n"),
            HasSubstr("start_time: " + std::to_string(start)), HasSubstr("file://" + run.string() + "/artifacts")));
  EXPECT_EQ(file_bytes(run / "params/lr"), "0.1");
  EXPECT_EQ(file_bytes(run / "params/nesterov"), "true");
  EXPECT_EQ(names(run / "params").size(), example_run().config.size());
  EXPECT_EQ(file_bytes(run / "tags/mlflow.note.content"), "a note\nof two lines");
  EXPECT_EQ(file_bytes(run / "tags/denseshift.tags"), "test");
  EXPECT_EQ(file_bytes(run / "tags/denseshift.environment.cpu"), "Example CPU");
  EXPECT_EQ(file_bytes(run / "tags/denseshift.sha256.checkpoint-last"), "bb") << "the newest of a kind";
}

TEST_F(MlflowTest, MetricsHaveALineForEachEpoch) {
  const std::int64_t id = trained("metrics");
  write({id});
  const fs::path metrics = folder(id) / "metrics";
  EXPECT_THAT(file_bytes(metrics / "val/top1"),
              MatchesRegex("[0-9]{13} 3\\.3333333333333335 1\n[0-9]{13} 6\\.666666666666667 2\n"));
  EXPECT_THAT(file_bytes(metrics / "val/loss"), MatchesRegex("[0-9]{13} nan 1\n[0-9]{13} inf 2\n"));
  EXPECT_THAT(file_bytes(metrics / "val/best_top1"), MatchesRegex("[0-9]{13} 6\\.666666666666667 2\n"));
  EXPECT_FALSE(fs::exists(metrics / "val/best_loss")) << "it was never finite";
  EXPECT_THAT(file_bytes(metrics / "model/model_bytes"), MatchesRegex("[0-9]{13} 250 0\n"));
}

TEST_F(MlflowTest, StatesOfRuns) {
  const std::vector<std::pair<RunStatus, std::string>> expected = {{RunStatus::finished, "status: 3\n"},
                                                                   {RunStatus::failed, "status: 4\n"},
                                                                   {RunStatus::interrupted, "status: 5\n"},
                                                                   {RunStatus::running, "status: 1\n"}};
  for (const auto& [status, text] : expected) {
    const std::int64_t id = trained("state", status);
    write({id});
    const std::string meta = file_bytes(folder(id) / "meta.yaml");
    EXPECT_THAT(meta, HasSubstr(text));
    EXPECT_EQ(meta.find("end_time: null") != std::string::npos, status == RunStatus::running);
  }
}

TEST_F(MlflowTest, RepeatingUpdatesInPlace) {
  const std::int64_t id = trained("first", RunStatus::running);
  EXPECT_EQ(write({id}).added, 1);
  const fs::path before = folder(id);
  write_text(before / "artifacts/plot.png", "added by someone");
  store_.record_metrics(id, 3, "val", {{"top1", 99}});
  store_.finish(id, RunStatus::finished);
  const MlflowReport again = write({id});
  EXPECT_EQ(again.updated, 1);
  EXPECT_EQ(again.added, 0);
  EXPECT_EQ(folder(id), before);
  EXPECT_THAT(file_bytes(before / "metrics/val/top1"), HasSubstr(" 99 3\n"));
  EXPECT_EQ(file_bytes(before / "artifacts/plot.png"), "added by someone");
  EXPECT_THAT(names(path("mlruns")), SizeIs(1));

  write({id}, "another experiment");
  EXPECT_NE(folder(id), before) << "moved, not doubled";
  EXPECT_EQ(file_bytes(folder(id) / "artifacts/plot.png"), "added by someone");
}

TEST_F(MlflowTest, UsesAnExperimentThatMlflowMade) {
  for (const char* name : {"mine", "'mine'", "\"mine\""}) {
    fs::remove_all(path("mlruns"));
    fs::create_directories(path("mlruns/123"));
    write_text(path("mlruns/123/meta.yaml"),
               std::string("experiment_id: '123'\nlifecycle_stage: active\nname: ") + name);
    const std::int64_t id = trained("x");
    write({id}, "mine");
    EXPECT_EQ(folder(id).parent_path(), path("mlruns/123")) << name;
    EXPECT_THAT(file_bytes(folder(id) / "meta.yaml"), HasSubstr("experiment_id: '123'\n"));
  }
}

TEST_F(MlflowTest, CopiesArtifactsOnRequest) {
  const std::int64_t id = trained("files");
  const MlflowReport report = write({id}, "", true);
  EXPECT_EQ(report.copied, 1);
  EXPECT_THAT(report.missing, ElementsAre(path("files/gone.json").string())) << "replaced checkpoints are not missed";
  const fs::path copy = folder(id) / "artifacts/denseshift/last-0002-000000.safetensors";
  EXPECT_EQ(file_bytes(copy), "tensors");
  write({id});
  EXPECT_EQ(file_bytes(copy), "tensors") << "an export without files keeps them";
  write_text(path("files/last-0002-000000.safetensors"), "others!");
  write({id}, "", true);
  EXPECT_EQ(file_bytes(copy), "others!");
}

TEST_F(MlflowTest, RefusesOtherFolders) {
  const std::int64_t id = trained("x");
  write_text(path("mlruns"), "a file");
  EXPECT_EQ(error_of([&] { return write({id}); }).kind(), ErrorKind::input);
  fs::remove(path("mlruns"));
  fs::create_directories(path("mlruns/sub"));
  write_text(path("mlruns/letter.txt"), "dear");
  EXPECT_THAT(error_of([&] { return write({id}); }).what(), HasSubstr("is not a folder of MLflow"));
  EXPECT_THAT(names(path("mlruns")), UnorderedElementsAre("letter.txt", "sub")) << "and left as it was";
  fs::remove_all(path("mlruns"));
  fs::create_directories(path("mlruns/.trash"));
  EXPECT_EQ(write({id}).added, 1) << "a folder in which MLflow has made its trash only";
}

TEST_F(MlflowTest, ADeletedExperimentIsNotMadeTwice) {
  const std::int64_t id = trained("x");
  write({id});
  fs::create_directories(path("mlruns/.trash"));
  const fs::path experiment = folder(id).parent_path();
  fs::rename(experiment, path("mlruns/.trash") / experiment.filename());
  EXPECT_THAT(error_of([&] { return write({id}); }).what(), HasSubstr("was deleted in MLflow"));
}

TEST_F(MlflowTest, AKilledExportLeavesNothingThatMlflowWouldRead) {
  std::vector<std::int64_t> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(trained("run " + std::to_string(i)));
  for (int attempt = 0; attempt < 10; ++attempt) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      const Database database(path(), OpenMode::read_only);
      static_cast<void>(export_mlflow(database, ids, {path("mlruns"), "", false}));
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(2000 * (attempt + 1)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (!fs::exists(path("mlruns"))) continue;
    for (const auto& experiment : fs::directory_iterator(path("mlruns"))) {
      if (experiment.path().string().ends_with(".trash")) continue;
      EXPECT_TRUE(fs::exists(experiment.path() / "meta.yaml"));
      for (const auto& run : fs::directory_iterator(experiment.path())) {
        if (!run.is_directory()) continue;
        EXPECT_TRUE(fs::exists(run.path() / "meta.yaml")) << run.path();
        EXPECT_TRUE(fs::exists(run.path() / "tags/denseshift.uid")) << run.path();
      }
    }
  }
  const MlflowReport report = write(ids);
  EXPECT_EQ(report.added + report.updated, 20);
  EXPECT_THAT(names(path("mlruns")), SizeIs(1)) << "leftovers are gone";
}

TEST(MlflowNames, KeysAreWhatMlflowAllows) {
  EXPECT_EQ(mlflow_key("top1"), "top1");
  EXPECT_EQ(mlflow_key("a/b:c"), "a_b_c");
  EXPECT_EQ(mlflow_key("mAP@[.5:.95]"), "mAP__.5_.95_");
  EXPECT_EQ(mlflow_key(".."), "___");
  EXPECT_EQ(mlflow_key(""), "_");
  EXPECT_EQ(mlflow_key(std::string(1000, 'x')).size(), 250u);
}

TEST(MlflowNames, YamlTextStaysOnOneLine) {
  EXPECT_EQ(yaml_text("a: \"b\" \\ ü"), "\"a: \\\"b\\\" \\\\ ü\"");
  EXPECT_EQ(yaml_text("a\nb\x7f\xc2\x85\xe2\x80\xa8"), "\"a b   \"");
}

TEST(MlflowNames, UuidDependsOnTheUidAlone) {
  EXPECT_EQ(mlflow_uuid("0123456789abcdef"), sha256("0123456789abcdef", 16).substr(0, 32));
  EXPECT_EQ(mlflow_uuid(std::string(32, 'a')), std::string(32, 'a'));
}

}  // namespace
}  // namespace denseshift::results_db
