#include "results_db/database.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "results_db/migrations.h"
#include "results_db/run_view.h"
#include "results_db/sqlite_error.h"
#include "results_db/statement.h"

namespace denseshift::results_db {
namespace {

constexpr int kBusyMilliseconds = 15000;

/// The files that connections of this process have open. Closing any descriptor of a file releases every lock that the
/// process holds on it (POSIX; https://www.sqlite.org/howtocorrupt.html, 2.2), and another process would then take the
/// write-ahead log away from under a connection. So nothing but SQLite opens a file that is listed here.
struct OpenFiles {
  std::mutex mutex;  ///< held from the look at a file until its connection is listed
  std::map<FileId, int> connections;
};

OpenFiles& open_files() {
  static OpenFiles files;
  return files;
}

/// Device and number of a file, whatever its name; nothing when it does not exist.
std::optional<FileId> id_of(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

Error newer_schema(const std::filesystem::path& path, std::int64_t version) {
  return input_error(path.string() + " has schema version " + std::to_string(version) + "; this program knows up to " +
                         std::to_string(latest_schema_version()),
                     "update denseshift, or choose another file with --db; nothing was changed");
}

Error foreign(const std::filesystem::path& path) {
  return input_error(path.string() + " is not a results database but some other program's SQLite file",
                     "choose another file with --db");
}

/// Looks at the file's first bytes (https://www.sqlite.org/fileformat.html) before SQLite does, because opening may
/// already write: recovering a journal or a write-ahead log changes the file.
void check_header(const std::filesystem::path& path, OpenMode mode) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (std::filesystem::is_directory(status)) {
    throw input_error(path.string() + " is a directory, not a results database", "name a file with --db");
  }
  if (status.type() == std::filesystem::file_type::not_found) {
    if (mode == OpenMode::create) return;
    throw input_error("there is no results database " + path.string(),
                      "a first `denseshift train` makes one; name another with --db or DENSESHIFT_DB");
  }
  constexpr std::size_t kHeader = 100;
  std::array<char, kHeader> header{};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw input_error("cannot read " + path.string() + ": " + std::strerror(errno));
  file.read(header.data(), kHeader);
  const auto size = static_cast<std::size_t>(file.gcount());
  if (size == 0) return;  // new, or its first transaction is still being written
  if (size < kHeader || std::memcmp(header.data(), "SQLite format 3", 16) != 0) {
    throw input_error(path.string() + " is not a results database", "choose another file with --db");
  }
  const auto big_endian = [&](std::size_t offset) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(header.at(offset + i));
    return number;
  };
  const std::uint32_t version = big_endian(60);
  const std::uint32_t application = big_endian(68);
  if (application != 0 && application != kApplicationId) throw foreign(path);
  if (application == kApplicationId && version > static_cast<std::uint32_t>(latest_schema_version())) {
    throw newer_schema(path, version);
  }
}

}  // namespace

int latest_schema_version() { return static_cast<int>(migrations().size()); }

Database::Database(const std::filesystem::path& path, OpenMode mode) : path_(path), mode_(mode) {
  try {
    {
      OpenFiles& files = open_files();
      const std::scoped_lock lock(files.mutex);
      const std::optional<FileId> found = id_of(path_);
      if (!found || !files.connections.contains(*found)) check_header(path_, mode_);
      open_file();
      file_ = id_of(path_);
      if (file_) ++files.connections[*file_];
    }
    const bool empty = check_content();
    if (empty && mode_ != OpenMode::create) {
      throw input_error(path_.string() + " is empty, not a results database", "choose another file with --db");
    }
    if (mode_ != OpenMode::read_only) {
      enable_wal();
      migrate(*this);
      execute("PRAGMA foreign_keys=ON");
    }
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    create_run_view(*this);
  } catch (...) {
    close();
    throw;
  }
}

Database::~Database() { close(); }

void Database::close() noexcept {
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
  if (!file_) return;
  OpenFiles& files = open_files();
  const std::scoped_lock lock(files.mutex);
  if (--files.connections[*file_] == 0) files.connections.erase(*file_);
  file_.reset();
}

void Database::open_file() {
  const bool writable = mode_ != OpenMode::read_only;
  int flags = writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  if (mode_ == OpenMode::create) flags |= SQLITE_OPEN_CREATE;
  int code = sqlite3_open_v2(path_.c_str(), &handle_, flags | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) throw_database_error(handle_, path_, code);
  if (writable && sqlite3_db_readonly(handle_, "main") == 1) throw_database_error(handle_, path_, SQLITE_READONLY);
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
  // Until the schema is known to be ours, closing must not move a write-ahead log into the file.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);  // no SQL can rewrite the schema's own table
  if (writable) return;

  // In a directory that cannot be written, or on a full disk, SQLite cannot make the shared-memory file of a WAL
  // database. When there is no log left to read, the file by itself is complete and may be read without.
  code = sqlite3_exec(handle_, "SELECT 1 FROM sqlite_schema", nullptr, nullptr, nullptr);
  std::error_code ignored;
  const std::filesystem::path log = path_.string() + "-wal";
  const int primary = code & 0xff;
  const bool no_shared_memory = primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY || primary == SQLITE_FULL ||
                                (primary == SQLITE_IOERR && sqlite3_system_errno(handle_) == ENOSPC);
  if (!no_shared_memory || (std::filesystem::exists(log, ignored) && std::filesystem::file_size(log, ignored) > 0)) {
    return;
  }
  close();
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path_).string()) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.';
    uri += plain ? std::string(1, c) : std::string{'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  code = sqlite3_open_v2((uri + "?immutable=1").c_str(), &handle_,
                         flags | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) throw_database_error(handle_, path_, code);
}

bool Database::check_content() {
  execute("BEGIN");  // one snapshot: another process may be creating the schema
  bool empty = false;
  {
    Statement tables(*this, "SELECT count(*) FROM sqlite_schema");
    Statement application(*this, "PRAGMA application_id");
    tables.step();
    application.step();
    const int version = schema_version();
    if (application.integer(0) == 0 && version == 0 && tables.integer(0) == 0) {
      empty = true;
    } else if (application.integer(0) != kApplicationId) {
      throw foreign(path_);
    } else if (version > latest_schema_version()) {
      throw newer_schema(path_, version);
    }
  }
  execute("COMMIT");
  return empty;
}

void Database::enable_wal() {
  // SQLite does not call the busy handler for this change when several processes make it at once.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyMilliseconds);
  while (true) {
    try {
      Statement(*this, "PRAGMA journal_mode=WAL").run();
      break;
    } catch (const BusyError&) {
      if (std::chrono::steady_clock::now() > limit) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  // With a log, NORMAL cannot damage the file; a power cut may only take back the newest transactions.
  execute("PRAGMA synchronous=NORMAL");
}

int Database::schema_version() const {
  Statement version(*this, "PRAGMA user_version");
  version.step();
  return static_cast<int>(version.integer(0));
}

void Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw_database_error(handle_, path_, code);
}

void Database::rollback() noexcept {
  if (sqlite3_get_autocommit(handle_) == 0) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Database open_for_reading(const std::filesystem::path& path) {
  const auto version = [&] { return Database(path, OpenMode::read_only).schema_version(); };
  // An empty file has no schema yet: it is read as it is.
  if (const int found = version(); found > 0 && found < latest_schema_version()) {
    const Database migrated(path, OpenMode::write);
  }
  return Database(path, OpenMode::read_only);
}

}  // namespace denseshift::results_db
