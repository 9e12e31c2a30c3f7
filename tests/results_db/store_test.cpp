// One run's life: what is stored, summaries, resume, death.

#include "results_db/store.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

#include "results_db/process.h"
#include "results_db/query.h"
#include "tests/results_db/fixture.h"

namespace denseshift::results_db {
namespace {

using ::testing::HasSubstr;

class StoreTest : public ResultsTest {
 protected:
  Database database_{path(), OpenMode::create};
  RunStore store_{database_};
};

TEST_F(StoreTest, ConfigurationKeysBecomeColumns) {
  const std::int64_t run = store_.create(example_run(3));
  const RunRecord record = load_run(database_, run);
  EXPECT_EQ(record.column("arch"), Value(std::string("resnet20")));
  EXPECT_EQ(record.column("wbits"), Value(std::int64_t{3}));
  EXPECT_EQ(record.column("lr"), Value(0.1));
  EXPECT_EQ(record.column("nesterov"), Value(std::int64_t{1}));
  EXPECT_EQ(record.column("threads"), Value(std::int64_t{2})) << "the environment tells what was really used";
  EXPECT_EQ(record.column("device"), Value(std::string("cpu")));
  EXPECT_EQ(record.column("cpu"), Value(std::string("Example CPU")));
  EXPECT_EQ(record.config, example_run(3).config);
  EXPECT_EQ(record.environment["torch_version"], "1.13");
  EXPECT_EQ(record.dataset["train"], 50000);
  EXPECT_EQ(record.status, "running");
  EXPECT_EQ(record.uid.size(), 16u);
  EXPECT_EQ(record.tags, std::vector<std::string>{"test"});
  EXPECT_NEAR(utc_seconds(to_text(record.column("started_at"))), static_cast<double>(::time(nullptr)), 5);
}

TEST_F(StoreTest, ConfigurationCannotSetTheStoresOwnColumns) {
  NewRun run = example_run();
  run.config["id"] = 77;
  run.config["status"] = "finished";
  run.config["top1"] = 99;
  run.environment["uid"] = "x";
  const RunRecord record = load_run(database_, store_.create(run));
  EXPECT_EQ(record.id, 1);
  EXPECT_EQ(record.status, "running");
  EXPECT_TRUE(is_null(record.column("top1")));
  EXPECT_EQ(record.uid.size(), 16u);
}

TEST_F(StoreTest, SeedsOf64BitsAreKept) {
  NewRun run = example_run();
  run.config["seed"] = std::numeric_limits<std::uint64_t>::max();
  const RunRecord record = load_run(database_, store_.create(run));
  EXPECT_EQ(record.config["seed"].get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(to_text(record.column("seed")).substr(0, 4), "1844");
}

TEST_F(StoreTest, UnicodeAndQuotesAreOnlyText) {
  const std::string name = "größe 漢字 'x'); DROP TABLE runs; -- \"q\"";
  const std::int64_t run = store_.create(example_run(2, name));
  EXPECT_EQ(load_run(database_, run).name, name);
  EXPECT_EQ(resolve_run(database_, name), run);
  EXPECT_EQ(resolve_run(database_, "größe"), run);
}

/// Last and best over all epochs, computed the obvious way.
void expect_summary_matches(const Database& database, std::int64_t run) {
  std::vector<SummaryRow> expected;
  for (const SummaryRow& row : load_summary(database, run)) {
    const std::vector<MetricRow> all = load_metrics(database, run, row.split, row.name);
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(row.last_epoch, all.back().epoch);
    EXPECT_EQ(row.last, all.back().value);
    std::optional<double> best;
    std::optional<std::int64_t> best_epoch;
    for (const MetricRow& metric : all) {
      if (!metric.value || !std::isfinite(*metric.value)) continue;
      if (!best || (row.name == "loss" ? *metric.value < *best : *metric.value > *best)) {
        best = metric.value;
        best_epoch = metric.epoch;
      }
    }
    EXPECT_EQ(row.best, best);
    EXPECT_EQ(row.best_epoch, best_epoch);
  }
}

TEST_F(StoreTest, SummaryFollowsAnyOrderOfEpochsAndReplacements) {
  const std::int64_t run = store_.create(example_run());
  std::mt19937 random(7);
  const double special[] = {std::nan(""), std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity()};
  for (int step = 0; step < 300; ++step) {
    const auto value = [&] { return random() % 6 == 0 ? special[random() % 3] : static_cast<double>(random() % 20); };
    const std::string split = random() % 2 ? "train" : "val";
    store_.record_metrics(run, random() % 12, split, {{"top1", value()}, {"loss", value()}});
    if (step % 40 == 39) store_.truncate(run, random() % 12);
    if (step % 5 == 0) expect_summary_matches(database_, run);
  }
  const RunRecord record = load_run(database_, run);
  for (const SummaryRow& row : load_summary(database_, run)) {
    if (row.split != "val" || row.name != "top1") continue;
    EXPECT_EQ(record.column("top1"), row.last ? Value(*row.last) : Value());
    EXPECT_EQ(record.column("best_top1"), row.best ? Value(*row.best) : Value());
  }
}

TEST_F(StoreTest, NotANumberIsNullAndInfinityIsKept) {
  const std::int64_t run = store_.create(example_run());
  const double infinity = std::numeric_limits<double>::infinity();
  store_.record_metrics(run, 0, "val", {{"loss", std::nan("")}, {"top1", -infinity}, {"top5", infinity}});
  EXPECT_EQ(load_metrics(database_, run, "val", "loss").at(0).value, std::nullopt);
  EXPECT_EQ(load_metrics(database_, run, "val", "top1").at(0).value, -infinity);
  EXPECT_EQ(load_metrics(database_, run, "val", "top5").at(0).value, infinity);
  EXPECT_TRUE(is_null(load_run(database_, run).column("best_top1")));
}

TEST_F(StoreTest, TruncateForgetsTheEpochsThatAreDoneAgain) {
  const std::int64_t run = store_.create(example_run());
  for (int epoch = 0; epoch < 4; ++epoch) {
    store_.record_metrics(run, epoch, "val", {{"top1", 10.0 * epoch}});
    store_.record_weight_stats(run, epoch, {{"conv1", {1, 2, 3, 4}}});
  }
  store_.truncate(run, 2);
  EXPECT_EQ(load_metrics(database_, run).size(), 2u);
  const RunRecord record = load_run(database_, run);
  EXPECT_EQ(record.column("epoch"), Value(std::int64_t{1}));
  EXPECT_EQ(record.column("best_top1"), Value(10.0));
  EXPECT_EQ(load_last_weight_stats(database_, run).first, 1);
  store_.truncate(run, 0);
  EXPECT_TRUE(load_summary(database_, run).empty());
  EXPECT_TRUE(is_null(load_run(database_, run).column("top1")));
}

TEST_F(StoreTest, ModelArtifactsAndWeightStatisticsComeBack) {
  const std::int64_t run = store_.create(example_run());
  store_.set_directory(run, "/runs/1");
  store_.set_model(run, 11, 7, 100, 5);
  store_.record_artifact(run, {"checkpoint-last", "last.safetensors", 10, "aa"});
  store_.record_artifact(run, {"checkpoint-last", "last.safetensors", 12, "bb"});
  WeightStat stat{"layer1.conv", {5, 6, 7, 8}, 0.5, 0.25, 0.125, 0.75, 1.5, 2};
  store_.record_weight_stats(run, 3, {stat});
  const RunRecord record = load_run(database_, run);
  EXPECT_EQ(record.run_dir, "/runs/1");
  EXPECT_EQ(record.column("quantized_weights"), Value(std::int64_t{7}));
  const std::vector<Artifact> artifacts = load_artifacts(database_, run);
  ASSERT_EQ(artifacts.size(), 1u);
  EXPECT_EQ(artifacts[0].bytes, 12);
  EXPECT_EQ(artifacts[0].sha256, "bb");
  const auto [epoch, stats] = load_last_weight_stats(database_, run);
  EXPECT_EQ(epoch, 3);
  ASSERT_EQ(stats.size(), 1u);
  EXPECT_EQ(stats[0].histogram, stat.histogram);
  EXPECT_EQ(stats[0].jump_size, 2);
}

TEST_F(StoreTest, UnknownRunsAreRefused) {
  EXPECT_EQ(error_of([&] { store_.record_metrics(5, 0, "val", {{"top1", 1}}); }).exit_status(), 2);
  EXPECT_EQ(error_of([&] { store_.finish(5, RunStatus::finished); }).exit_status(), 2);
  EXPECT_EQ(integer(database_, "SELECT count(*) FROM metrics"), 0);
}

TEST_F(StoreTest, FinishStoresStatusMessageAndDuration) {
  const std::int64_t run = store_.create(example_run());
  ::usleep(30000);
  store_.finish(run, RunStatus::failed, "loss is not finite");
  RunRecord record = load_run(database_, run);
  EXPECT_EQ(record.status, "failed");
  EXPECT_EQ(record.message, "loss is not finite");
  const double duration = std::get<double>(record.column("duration"));
  EXPECT_GE(duration, 0.025);
  ::usleep(200000);
  store_.reopen(run);  // the pause is not work
  store_.finish(run, RunStatus::finished);
  record = load_run(database_, run);
  EXPECT_EQ(record.status, "finished");
  EXPECT_EQ(record.message, "");
  EXPECT_GE(std::get<double>(record.column("duration")), duration);
  EXPECT_LT(std::get<double>(record.column("duration")), duration + 0.15);
}

TEST_F(StoreTest, AProcessThatDiedLeavesAKilledRun) {
  ASSERT_EQ(in_child([&] {
              Database database(path(), OpenMode::create);
              RunStore store(database);
              store.create(example_run(2, "dies"));
              ::_exit(9);
            }),
            9);
  const std::int64_t run = resolve_run(database_, "dies");
  EXPECT_EQ(load_run(database_, run).status, "killed");
  EXPECT_EQ(std::get<std::string>(scalar(database_, "SELECT status FROM main.runs")), "running")
      << "reading changes nothing";
  {
    const Database reader(path(), OpenMode::read_only);
    EXPECT_EQ(std::get<std::string>(scalar(reader, "SELECT status FROM runs")), "killed");
  }
  store_.create(example_run());  // the next writer says so in the file
  EXPECT_EQ(std::get<std::string>(scalar(database_, "SELECT status FROM main.runs WHERE id = 1")), "killed");
  EXPECT_FALSE(is_null(scalar(database_, "SELECT ended_at FROM main.runs WHERE id = 1")));
  store_.reopen(run);
  EXPECT_EQ(load_run(database_, run).status, "running");
}

TEST_F(StoreTest, AZombieIsDead) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    Database database(path(), OpenMode::create);
    RunStore(database).create(example_run());
    ::_exit(0);
  }
  ::siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<::id_t>(child), &info, WEXITED | WNOWAIT), 0);  // ended, not collected
  EXPECT_EQ(load_run(database_, 1).status, "killed");
  ::waitpid(child, nullptr, 0);
}

TEST_F(StoreTest, ALiveRunIsNeitherReopenedNorDeleted) {
  const std::int64_t run = store_.create(example_run());
  EXPECT_EQ(in_child([&] {
              Database database(path(), OpenMode::write);
              RunStore store(database);
              const Error reopened = error_of([&] { store.reopen(run); });
              const Error removed = error_of([&] { store.remove(run); });
              const bool clear = std::string(reopened.what()).find("still running") != std::string::npos;
              ::_exit(clear && reopened.exit_status() == 2 && removed.exit_status() == 2 ? 3 : 4);
            }),
            3);
  EXPECT_EQ(load_run(database_, run).status, "running");
  store_.finish(run, RunStatus::finished);
  store_.remove(run);
  EXPECT_EQ(integer(database_,
                    "SELECT (SELECT count(*) FROM main.runs) + (SELECT count(*) FROM run_documents) + "
                    "(SELECT count(*) FROM tags)"),
            0);
}

TEST_F(StoreTest, AReusedPidIsNotTheSameProcess) {
  const std::int64_t run = store_.create(example_run());
  database_.execute("UPDATE main.runs SET process_start = process_start - 1");
  EXPECT_EQ(load_run(database_, run).status, "killed");
}

TEST_F(StoreTest, ARebootEndsAllRunsOfThisHost) {
  const std::int64_t run = store_.create(example_run());
  database_.execute("UPDATE main.runs SET boot_id = 'another boot'");
  EXPECT_EQ(load_run(database_, run).status, "killed");
}

TEST_F(StoreTest, OtherHostsAreJudgedByTheirHeartbeat) {
  const std::int64_t run = store_.create(example_run());
  database_.execute("UPDATE main.runs SET host = 'elsewhere', boot_id = 'its boot', pid = 1");
  EXPECT_EQ(load_run(database_, run).status, "running");
  EXPECT_EQ(error_of([&] { store_.reopen(run); }).exit_status(), 2);
  database_.execute("UPDATE main.runs SET heartbeat_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-119 seconds')");
  EXPECT_EQ(load_run(database_, run).status, "running");
  database_.execute("UPDATE main.runs SET heartbeat_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-121 seconds')");
  EXPECT_EQ(load_run(database_, run).status, "killed");
  // Without a heartbeat of its own process nothing brings it back ...
  store_.mark_killed();
  store_.heartbeat(run);
  EXPECT_EQ(load_run(database_, run).status, "killed");
  store_.reopen(run);
  EXPECT_EQ(load_run(database_, run).status, "running");
}

TEST_F(StoreTest, AHeartbeatBringsBackARunTakenForDead) {
  const std::int64_t run = store_.create(example_run());
  database_.execute("UPDATE main.runs SET status = 'killed', message = 'the process is gone', ended_at = heartbeat_at");
  store_.heartbeat(run);
  EXPECT_EQ(load_run(database_, run).status, "running");
  store_.finish(run, RunStatus::finished);
  store_.heartbeat(run);
  EXPECT_EQ(load_run(database_, run).status, "finished") << "a late heartbeat must not wake a finished run";
}

TEST_F(StoreTest, HeartbeatMovesForward) {
  const std::int64_t run = store_.create(example_run());
  const std::string before = to_text(load_run(database_, run).column("heartbeat_at"));
  ::usleep(5000);
  store_.heartbeat(run);
  EXPECT_GT(to_text(load_run(database_, run).column("heartbeat_at")), before);
}

TEST_F(StoreTest, TagsAreSetsOfWords) {
  const std::int64_t run = store_.create(example_run());
  store_.add_tag(run, "paper");
  store_.add_tag(run, "paper");
  EXPECT_EQ(load_run(database_, run).tags, (std::vector<std::string>{"paper", "test"}));
  EXPECT_TRUE(store_.remove_tag(run, "test"));
  EXPECT_FALSE(store_.remove_tag(run, "test"));
  EXPECT_EQ(error_of([&] { store_.add_tag(run, "a,b"); }).exit_status(), 2);
}

TEST_F(StoreTest, EightProcessesWriteAtOnce) {
  constexpr int kProcesses = 8;
  constexpr int kRuns = 5;
  constexpr int kEpochs = 10;
  const std::filesystem::path shared = path("shared.db");  // also made by all of them at once
  std::vector<::pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    const ::pid_t child = ::fork();
    if (child == 0) {
      try {
        Database database(shared, OpenMode::create);
        RunStore store(database);
        for (int i = 0; i < kRuns; ++i) {
          const std::int64_t run = store.create(example_run(process, "p" + std::to_string(process)));
          for (int epoch = 0; epoch < kEpochs; ++epoch) {
            store.record_metrics(run, epoch, "train", {{"loss", epoch}, {"lr", 0.1}});
            store.record_metrics(run, epoch, "val", {{"top1", process * 100 + epoch}});
            store.heartbeat(run);
          }
          store.finish(run, RunStatus::finished);
        }
      } catch (const std::exception& error) {
        std::fprintf(stderr, "process %d: %s\n", process, error.what());
        ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const ::pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  const Database database(shared, OpenMode::read_only);
  EXPECT_EQ(integer(database, "SELECT count(*) FROM main.runs WHERE status = 'finished'"), kProcesses * kRuns);
  EXPECT_EQ(integer(database, "SELECT count(DISTINCT uid) FROM main.runs"), kProcesses * kRuns);
  EXPECT_EQ(integer(database, "SELECT count(*) FROM metrics"), kProcesses * kRuns * kEpochs * 3);
  EXPECT_EQ(integer(database, "SELECT count(*) FROM main.runs WHERE top1 <> wbits * 100 + 9"), 0);
  EXPECT_EQ(std::get<std::string>(scalar(database, "PRAGMA integrity_check")), "ok");
}

}  // namespace
}  // namespace denseshift::results_db
