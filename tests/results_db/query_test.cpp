// Lists, rankings, conditions and SQL typed by users.

#include "results_db/query.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>

#include "results_db/compare.h"
#include "results_db/listing.h"
#include "results_db/run_view.h"
#include "results_db/user_sql.h"
#include "tests/results_db/fixture.h"

namespace denseshift::results_db {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Six finished runs: wbits 2, 3, 4 twice; top1 = 10 * id, loss = 1 / id; run 6 has no metrics.
class QueryTest : public ResultsTest {
 protected:
  QueryTest() {
    record();  // closes the writer, so the log is in the file when the reader opens it
    opened_ = std::make_unique<Database>(path(), OpenMode::read_only);
  }

  void record() {
    Database database(path(), OpenMode::create);
    RunStore store(database);
    for (int i = 1; i <= 6; ++i) {
      const std::int64_t run = store.create(example_run(2 + (i - 1) % 3, "run-" + std::to_string(i)));
      if (i < 6) {
        store.record_metrics(run, 0, "val", {{"top1", 10.0 * i + 5}, {"loss", 2.0 / i}, {"miou", 1.0 * i}});
        store.record_metrics(run, 1, "val", {{"top1", 10.0 * i}, {"loss", 1.0 / i}, {"miou", 0.5 * i}});
      }
      store.finish(run, RunStatus::finished);
    }
  }

  [[nodiscard]] std::vector<std::int64_t> ids(const ListOptions& options) {
    std::vector<std::int64_t> result;
    for (const Row& row : list_runs(*opened_, options).rows) result.push_back(std::get<std::int64_t>(row.at(0)));
    return result;
  }
  [[nodiscard]] std::vector<std::int64_t> where(const std::string& condition) {
    ListOptions options;
    options.where = condition;
    return ids(options);
  }

  std::unique_ptr<Database> opened_;
};

TEST_F(QueryTest, NewestFirstByDefault) {
  EXPECT_THAT(ids({}), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_EQ(list_runs(*opened_, {}).columns, default_list_columns());
}

TEST_F(QueryTest, MetricsOfOtherTasksAreListedOnceTheyAreRecorded) {
  opened_.reset();
  {
    Database database(path(), OpenMode::write);
    RunStore(database).record_metrics(2, 1, "val", {{"mAP", 12.5}});
  }
  opened_ = std::make_unique<Database>(path(), OpenMode::read_only);
  std::vector<std::string> expected = default_list_columns();
  const auto place = expected.insert(std::ranges::find(expected, "loss"), "mAP");
  const auto column = static_cast<std::size_t>(place - expected.begin());
  const ResultTable table = list_runs(*opened_, {});
  EXPECT_EQ(table.columns, expected);
  EXPECT_EQ(std::get<double>(table.rows.at(4).at(column)), 12.5);
  EXPECT_TRUE(is_null(table.rows.at(0).at(column)));
}

TEST_F(QueryTest, ConditionsAreSql) {
  EXPECT_THAT(where("wbits=2 and top1>20"), ElementsAre(4));
  EXPECT_THAT(where("wbits=2 or 1"), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(where("name like 'run-_' and id in (2, 3)"), ElementsAre(3, 2));
  EXPECT_THAT(where("tags = 'test' and (best_top1 between 20 and 30)"), ElementsAre(2));
  EXPECT_THAT(where("config->>'epochs' = 3 and id = 1"), ElementsAre(1));
  EXPECT_THAT(where("name = ';--/*)' or id = 1"), ElementsAre(1)) << "text in quotes is only text";
  EXPECT_EQ(count_runs(*opened_, "wbits = 3"), 2);
  EXPECT_THAT(select_runs(*opened_, "wbits = 3"), ElementsAre(2, 5));
}

TEST_F(QueryTest, SortPutsMissingValuesLast) {
  ListOptions options;
  options.sort = "top1:desc";
  EXPECT_THAT(ids(options), ElementsAre(5, 4, 3, 2, 1, 6));
  options.sort = "top1";
  options.limit = 2;
  EXPECT_THAT(ids(options), ElementsAre(1, 2));
  options.sort = "miou:desc";  // a metric that has no column
  EXPECT_THAT(ids(options), ElementsAre(5, 4));
  options.columns = {"id", "best_miou", "val/loss"};
  EXPECT_EQ(list_runs(*opened_, options).rows.at(0).at(1), Value(5.0));
}

TEST_F(QueryTest, MisspeltNamesGetTheNearest) {
  Error error = error_of([&] { return where("wbit=2"); });
  EXPECT_EQ(error.exit_status(), 2);
  EXPECT_THAT(error.what(), HasSubstr("no such column: wbit"));
  EXPECT_THAT(error.hint(), HasSubstr("wbits"));
  error = error_of([&] { return ids({.columns = {"id", "datset"}, .where = {}, .sort = {}}); });
  EXPECT_THAT(error.hint(), HasSubstr("dataset"));
  error = error_of([&] { return ids({.columns = {}, .where = {}, .sort = "tpo1:desc"}); });
  EXPECT_THAT(error.hint(), HasSubstr("top1"));
  EXPECT_EQ(error_of([&] { return ids({.columns = {}, .where = {}, .sort = "top1:down"}); }).exit_status(), 2);
}

TEST_F(QueryTest, ConditionsCannotDoMoreThanFilter) {
  for (const char* attack : {"1); DELETE FROM runs; --",
                             "1; DROP TABLE runs",
                             "1) UNION SELECT 1,2,3,4,5,6,7,8,9,10,11,12 --",
                             "1) OR (1",
                             "1) --",
                             "1 /*",
                             "'",
                             "1 -- x",
                             "(1",
                             "",
                             "  ",
                             "id = ?",
                             "id = :x",
                             "load_extension('x')",
                             "[id",
                             "\"id",
                             "1 ORDER BY id; ",
                             "(DELETE FROM runs)",
                             "wbits=2 and",
                             "1 LIMIT 1",
                             "name REGEXP 'x'",
                             "sum(top1) > 1"}) {
    if (std::string(attack).empty()) continue;  // no condition at all means every run
    const Error error = error_of([&] { return where(attack); });
    EXPECT_EQ(error.exit_status(), 2) << attack << ": " << error.what();
  }
  const std::string zero("1\0 or", 5);
  EXPECT_EQ(error_of([&] { return where(zero); }).exit_status(), 2);
  // The same on a connection that could write.
  opened_.reset();
  Database writer(path(), OpenMode::write);
  EXPECT_EQ(error_of([&] { return count_runs(writer, "1); DELETE FROM runs; --"); }).exit_status(), 2);
  EXPECT_EQ(integer(writer, "SELECT count(*) FROM main.runs"), 6);
}

TEST_F(QueryTest, BestRanksWithinGroups) {
  const auto best = [&](const std::string& by, std::vector<std::string> per, std::int64_t limit,
                        const std::string& condition) {
    std::vector<std::int64_t> result;
    for (const Row& row : best_runs(*opened_, {by, std::move(per), {}, condition, limit}).rows) {
      result.push_back(std::get<std::int64_t>(row.at(0)));
    }
    return result;
  };
  EXPECT_THAT(best("top1", {}, 1, ""), ElementsAre(5));
  EXPECT_THAT(best("top1", {"wbits"}, 1, ""), ElementsAre(4, 5, 3));
  EXPECT_THAT(best("loss", {"wbits"}, 1, ""), ElementsAre(4, 5, 3)) << "small losses are better";
  EXPECT_THAT(best("best_miou", {"wbits"}, 0, "wbits < 4"), ElementsAre(4, 1, 5, 2));
  EXPECT_THAT(best("top1", {}, 0, "top1 > 1000"), IsEmpty());
  EXPECT_THAT(error_of([&] { return best("topp1", {}, 1, ""); }).hint(), HasSubstr("top1"));
}

TEST_F(QueryTest, ReferencesMeanOneRun) {
  EXPECT_EQ(resolve_run(*opened_, "3"), 3);
  EXPECT_EQ(resolve_run(*opened_, "last"), 6);
  EXPECT_EQ(resolve_run(*opened_, "run-4"), 4);
  const std::string uid = load_run(*opened_, 2).uid;
  EXPECT_EQ(resolve_run(*opened_, uid), 2);
  EXPECT_EQ(resolve_run(*opened_, uid.substr(0, 12)), 2);
  EXPECT_THAT(error_of([&] { return resolve_run(*opened_, "run-"); }).what(), HasSubstr("1, 2, 3, 4, 5, 6"));
  for (const char* unknown : {"7", "", "run-9x", "%", "run_4", "99999999999999999999", "-1", "ru\nn"}) {
    EXPECT_EQ(error_of([&, unknown] {
                try {
                  (void)resolve_run(*opened_, unknown);
                } catch (const Error& error) {
                  throw Error(error.kind(), "refused");
                }
              }).exit_status(),
              2)
        << unknown;
  }
  EXPECT_THAT(error_of([&] { return resolve_run(*opened_, "rum-4"); }).hint(), HasSubstr("run-4"));
}

TEST_F(QueryTest, UserSqlReads) {
  const ResultTable table =
      run_user_sql(*opened_, "SELECT id, id, top1 AS \"a,b\" FROM runs WHERE id = 2; -- done", "query");
  EXPECT_THAT(table.columns, ElementsAre("id", "id_2", "a,b"));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][2], Value(20.0));
  EXPECT_EQ(run_user_sql(*opened_, "SELECT * FROM runs", "query").columns, run_columns(*opened_));
  EXPECT_EQ(run_user_sql(*opened_, "SELECT value FROM json_each('[1,2]')", "query").rows.size(), 2u);
  EXPECT_EQ(
      run_user_sql(*opened_, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5) SELECT i FROM n",
                   "query")
          .rows.size(),
      5u);
  EXPECT_FALSE(run_user_sql(*opened_, "PRAGMA table_info(metrics)", "query").rows.empty());
  EXPECT_EQ(run_user_sql(*opened_, "SELECT top1 FROM epochs WHERE run = 1 AND epoch = 1", "query").rows.at(0).at(0),
            Value(10.0));
  EXPECT_EQ(run_user_sql(*opened_, "SELECT id FROM leaderboard WHERE place = 1", "query").rows.at(0).at(0),
            Value(std::int64_t{5}));
}

TEST_F(QueryTest, UserSqlCannotWrite) {
  const std::string before = file_bytes(path());
  opened_.reset();
  for (const OpenMode mode : {OpenMode::read_only, OpenMode::write}) {
    Database database(path(), mode);
    const std::string copy = path("copy.db").string();
    for (const std::string& sql : {std::string("DELETE FROM main.runs"),
                                   std::string("DELETE FROM runs"),
                                   std::string("drop table runs"),
                                   std::string("INSERT INTO runs (id) VALUES (9)"),
                                   std::string("WITH x AS (SELECT 1) DELETE FROM runs"),
                                   std::string("UPDATE sqlite_master SET sql = ''"),
                                   std::string("INSERT INTO tags VALUES (1, 'x')"),
                                   std::string("UPDATE tags SET tag = 'x' RETURNING tag"),
                                   std::string("DROP TABLE metrics"),
                                   std::string("CREATE TABLE x (y)"),
                                   std::string("CREATE TEMP TABLE x (y)"),
                                   "ATTACH '" + copy + "' AS c",
                                   "VACUUM INTO '" + copy + "'",
                                   std::string("VACUUM"),
                                   std::string("PRAGMA journal_mode=DELETE"),
                                   std::string("PRAGMA user_version=9"),
                                   std::string("PRAGMA writable_schema=1"),
                                   std::string("BEGIN"),
                                   std::string("COMMIT"),
                                   std::string("PRAGMA wal_checkpoint"),
                                   std::string("REINDEX")}) {
      const Error error = error_of([&] { return run_user_sql(database, sql, "query"); });
      EXPECT_EQ(error.exit_status(), 2) << sql;
      EXPECT_THAT(error.what(), HasSubstr("only reading is possible")) << sql;
    }
    EXPECT_FALSE(std::filesystem::exists(copy));
    EXPECT_EQ(integer(database, "SELECT count(*) FROM main.runs"), 6);
    EXPECT_EQ(integer(database, "SELECT count(*) FROM tags"), 6);
  }
  EXPECT_TRUE(file_bytes(path()) == before) << "the file changed";
}

TEST_F(QueryTest, UserSqlErrorsAreOneLine) {
  const auto message = [&](const std::string& sql) {
    const Error error = error_of([&] { return run_user_sql(*opened_, sql, "query"); });
    EXPECT_EQ(error.exit_status(), 2);
    return std::string(error.what()) + " | " + error.hint();
  };
  EXPECT_THAT(message("SELEC 1"), HasSubstr("near \"SELEC\": syntax error"));
  EXPECT_THAT(message("SELECT 1; SELECT 2"), HasSubstr("one statement"));
  EXPECT_THAT(message("SELECT 1; garbage"), HasSubstr("syntax error"));
  EXPECT_THAT(message("SELECT * FROM run"), HasSubstr("did you mean runs?"));
  EXPECT_THAT(message("SELECT * FROM metric"), HasSubstr("did you mean metrics?"));
  EXPECT_THAT(message("SELECT vaule FROM metrics"), HasSubstr("did you mean value?"));
  EXPECT_THAT(message("SELECT ?"), HasSubstr("parameters"));
  EXPECT_THAT(message("  ;"), HasSubstr("no statement"));
  EXPECT_THAT(message("-- only a comment"), HasSubstr("no statement"));
  EXPECT_THAT(message("SELECT abs(-9223372036854775807 - 1)"), HasSubstr("integer overflow"));
  EXPECT_THAT(message("SELECT 'a\nb"), HasSubstr("unrecognized token"));
}

TEST_F(QueryTest, DiffShowsWhatDiffersOnly) {
  const std::vector<Difference> differences = compare_runs(*opened_, 1, 2);
  std::map<std::string, std::pair<Value, Value>> found;
  for (const Difference& d : differences) found[d.section + ":" + d.key] = {d.a, d.b};
  EXPECT_EQ(found.at("config:wbits"), (std::pair<Value, Value>(std::int64_t{2}, std::int64_t{3})));
  EXPECT_EQ(found.at("metrics:val/top1"), (std::pair<Value, Value>(10.0, 20.0)));
  EXPECT_EQ(found.at("metrics:val/best_top1"), (std::pair<Value, Value>(15.0, 25.0)));
  EXPECT_EQ(found.count("config:arch"), 0u);
  EXPECT_EQ(found.count("environment:host"), 0u);
  for (const Difference& d : compare_runs(*opened_, 3, 3)) ADD_FAILURE() << d.section << ":" << d.key;
}

}  // namespace
}  // namespace denseshift::results_db
