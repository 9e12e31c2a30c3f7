// Opening: migration, and everything that is not a usable results database.

#include "results_db/database.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "results_db/migrations.h"
#include "results_db/query.h"
#include "tests/results_db/fixture.h"

namespace denseshift::results_db {
namespace {

using ::testing::HasSubstr;

/// Runs SQL on a file without any code of ours.
void raw_sql(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  char* message = nullptr;
  ASSERT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_close(handle);
}

/// Whether this process holds SQLite's shared lock on the file, as another process sees it.
bool is_locked(const std::filesystem::path& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = 0x40000002;  // bytes of the shared lock: https://www.sqlite.org/lockingv3.html and os.h of SQLite
    lock.l_len = 510;
    const int file = ::open(path.c_str(), O_RDWR);
    ::_exit(::fcntl(file, F_GETLK, &lock) == 0 ? static_cast<int>(lock.l_type != F_UNLCK) : 2);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
    throw std::runtime_error("the child did not look at the lock");
  return WEXITSTATUS(status) == 1;
}

class DatabaseTest : public ResultsTest {};

// A process that loses its lock has its write-ahead log removed by the next process that closes the database: what it
// writes from then on is lost, and the file is damaged.
TEST_F(DatabaseTest, AFurtherConnectionOfAProcessKeepsTheLockOfTheFirst) {
  const Database first(path(), OpenMode::create);
  ASSERT_TRUE(is_locked(path()));
  for (const OpenMode mode : {OpenMode::create, OpenMode::write, OpenMode::read_only}) {
    const Database further(path(), mode);
    EXPECT_TRUE(is_locked(path()));
  }
  EXPECT_TRUE(is_locked(path()));
  std::filesystem::create_symlink(path(), path("link.db"));
  { const Database further(path("link.db"), OpenMode::write); }
  EXPECT_TRUE(is_locked(path())) << "the same file by another name";
}

TEST_F(DatabaseTest, CreatesTheLatestSchemaInWalMode) {
  const Database database(path(), OpenMode::create);
  EXPECT_EQ(database.schema_version(), latest_schema_version());
  EXPECT_EQ(std::get<std::string>(scalar(database, "PRAGMA journal_mode")), "wal");
  EXPECT_EQ(integer(database, "PRAGMA application_id"), kApplicationId);
  EXPECT_EQ(integer(database, "PRAGMA foreign_keys"), 1);
  EXPECT_EQ(std::get<std::string>(scalar(database, "PRAGMA integrity_check")), "ok");
}

TEST_F(DatabaseTest, MigratesAnOlderSchemaAndKeepsItsRows) {
  raw_sql(path(), std::string("BEGIN;") + migrations().front().sql +
                      "INSERT INTO runs (uid, status, command, name, started_at, top1) "
                      "VALUES ('abcd', 'finished', 'train', 'old', '2024-01-01T00:00:00.000Z', 70.5);"
                      "INSERT INTO run_documents VALUES (1, '{\"wbits\":2}', '{}', '{}');"
                      "INSERT INTO metrics VALUES (1, 0, 'val', 'top1', 70.5);"
                      "PRAGMA application_id=" +
                      std::to_string(kApplicationId) + "; PRAGMA user_version=1; COMMIT;");
  {
    const Database older(path(), OpenMode::read_only);  // readable as it is, and not migrated
    EXPECT_EQ(older.schema_version(), 1);
    EXPECT_EQ(load_run(older, 1).config["wbits"], 2);
  }
  EXPECT_EQ(open_for_reading(path()).schema_version(), latest_schema_version());
  const Database database(path(), OpenMode::write);
  EXPECT_EQ(database.schema_version(), latest_schema_version());
  EXPECT_GT(latest_schema_version(), 1);
  EXPECT_EQ(std::get<double>(scalar(database, "SELECT top1 FROM epochs WHERE run = 1")), 70.5);
  EXPECT_EQ(load_run(database, 1).name, "old");
}

TEST_F(DatabaseTest, RefusesANewerSchemaWithoutTouchingTheFile) {
  { const Database made(path(), OpenMode::create); }
  raw_sql(path(), "PRAGMA user_version=" + std::to_string(latest_schema_version() + 1));
  const std::string before = file_bytes(path());
  for (const OpenMode mode : {OpenMode::create, OpenMode::write, OpenMode::read_only}) {
    const Error error = error_of([&] { const Database database(path(), mode); });
    EXPECT_EQ(error.exit_status(), 2);
    EXPECT_THAT(error.what(), HasSubstr("schema version " + std::to_string(latest_schema_version() + 1)));
    EXPECT_THAT(error.what(), HasSubstr(path().string()));
  }
  EXPECT_TRUE(file_bytes(path()) == before) << "the file changed";
}

TEST_F(DatabaseTest, RefusesANewerSchemaThatIsStillInTheWriteAheadLog) {
  { const Database made(path(), OpenMode::create); }
  // A process that dies leaves its log behind: the file's own header still shows the old version.
  EXPECT_EQ(in_child([&] {
              sqlite3* handle = nullptr;
              sqlite3_open(path().c_str(), &handle);
              sqlite3_exec(handle, "PRAGMA user_version=999", nullptr, nullptr, nullptr);
              ::_exit(7);
            }),
            7);
  const std::string file = file_bytes(path());
  const std::string log = file_bytes(path().string() + "-wal");
  ASSERT_FALSE(log.empty());
  const Error error = error_of([&] { const Database database(path(), OpenMode::create); });
  EXPECT_THAT(error.what(), HasSubstr("schema version 999"));
  EXPECT_TRUE(file_bytes(path()) == file) << "the file changed";
  EXPECT_TRUE(file_bytes(path().string() + "-wal") == log) << "the file changed";
}

TEST_F(DatabaseTest, MissingFileIsMadeOnlyByCreate) {
  for (const OpenMode mode : {OpenMode::write, OpenMode::read_only}) {
    const Error error = error_of([&] { const Database database(path(), mode); });
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_THAT(error.what(), HasSubstr("there is no results database"));
    EXPECT_FALSE(std::filesystem::exists(path()));
  }
}

TEST_F(DatabaseTest, RefusesWhatIsNotADatabase) {
  const std::string text = "This is a text file. " + std::string(200, 'x');
  write_text(path("text"), text);
  write_text(path("short"), "hello");
  write_text(path("empty"), "");
  std::filesystem::create_directory(path("folder"));
  for (const char* name : {"text", "short", "empty", "folder"}) {
    const Error error = error_of([&] { const Database database(path(name), OpenMode::write); });
    EXPECT_EQ(error.kind(), ErrorKind::input) << name;
    EXPECT_THAT(error.what(), HasSubstr("not a results database")) << name;
  }
  EXPECT_EQ(error_of([&] { const Database database(path("text"), OpenMode::create); }).kind(), ErrorKind::input);
  EXPECT_TRUE(file_bytes(path("text")) == text) << "the file changed";
}

TEST_F(DatabaseTest, RefusesAnotherProgramsDatabase) {
  raw_sql(path(), "CREATE TABLE photos (id INTEGER); INSERT INTO photos VALUES (1);");
  const std::string before = file_bytes(path());
  const Error error = error_of([&] { const Database database(path(), OpenMode::create); });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("some other program's"));
  EXPECT_TRUE(file_bytes(path()) == before) << "the file changed";
}

TEST_F(DatabaseTest, DamagedPagesGiveOneClearLine) {
  {
    Database database(path(), OpenMode::create);
    RunStore store(database);
    for (int i = 0; i < 200; ++i) store.create(example_run());
  }
  const std::string whole = file_bytes(path());
  constexpr std::size_t kPage = 4096;
  std::string broken = whole;
  for (std::size_t i = kPage; i < broken.size(); ++i) broken[i] = static_cast<char>(0x5a);
  write_text(path(), broken);
  Error error = error_of([&] { return load_run(Database(path(), OpenMode::read_only), 1); });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("damaged"));

  write_text(path(), whole.substr(0, whole.size() / 2));  // cut off, as an interrupted copy is
  error = error_of([&] {
    const Database database(path(), OpenMode::read_only);
    for (int i = 1; i <= 200; ++i) static_cast<void>(load_run(database, i));
  });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("damaged"));
}

TEST_F(DatabaseTest, DirectoryThatCannotBeWrittenIsNamed) {
  // /proc refuses new files even to the superuser.
  const Error error = error_of([] { const Database database("/proc/results.db", OpenMode::create); });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("/proc/results.db"));
  EXPECT_EQ(error_of([&] { const Database database(path("no/such/folder.db"), OpenMode::create); }).kind(),
            ErrorKind::input);
}

TEST_F(DatabaseTest, FullDiskIsAWorkErrorAndLosesNothing) {
  Database database(path(), OpenMode::create);
  RunStore store(database);
  const std::int64_t run = store.create(example_run());
  store.record_metrics(run, 0, "val", {{"top1", 10}});
  // SQLite's page limit gives the same SQLITE_FULL as a file system without space.
  const std::int64_t pages = integer(database, "PRAGMA page_count");
  database.execute("PRAGMA max_page_count=" + std::to_string(pages));
  const Error error = error_of([&] {
    for (int epoch = 1; epoch < 10000; ++epoch) store.record_metrics(run, epoch, "val", {{"top1", 20}, {"loss", 1}});
  });
  EXPECT_EQ(error.kind(), ErrorKind::work);
  EXPECT_THAT(error.what(), HasSubstr("disk is full"));
  EXPECT_EQ(std::get<std::string>(scalar(database, "PRAGMA integrity_check")), "ok");
  EXPECT_EQ(load_metrics(database, run, "val", "top1").front().value, 10);
  database.execute("PRAGMA max_page_count=1000000");
  store.finish(run, RunStatus::finished);  // goes on when there is space again
}

}  // namespace
}  // namespace denseshift::results_db
