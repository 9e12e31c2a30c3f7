#include "results_db/sqlite_error.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace denseshift::results_db {
namespace {

/// SQLite tries again read-only when it may not write, so the error it keeps is about that second try.
std::string reason_not_opened(const std::filesystem::path& path, const std::string& detail) {
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code code;
  if (!std::filesystem::is_directory(directory, code)) return "there is no directory " + directory.string();
  if (::access(directory.c_str(), W_OK) != 0)
    return "the directory cannot be written: " + std::string(std::strerror(errno));
  if (::access(path.c_str(), R_OK) != 0 && errno != ENOENT) return std::strerror(errno);
  return detail;
}

}  // namespace

void throw_database_error(sqlite3* handle, const std::filesystem::path& path, int code) {
  const std::string file = path.string();
  const int system_code = handle != nullptr ? sqlite3_system_errno(handle) : 0;
  const std::string detail = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  const std::string recover =
      "keep a copy; `sqlite3 " + file + " .recover` may save its rows, or choose another file with --db";
  switch (code & 0xff) {
    case SQLITE_FULL:
      throw work_error("cannot write " + file + ": the disk is full",
                       "free some space; what was recorded before is still there");
    case SQLITE_IOERR:
      if (system_code == ENOSPC || system_code == EDQUOT) {
        throw work_error("cannot write " + file + ": the disk is full",
                         "free some space; what was recorded before is still there");
      }
      throw work_error("cannot read or write " + file + ": " +
                       (system_code != 0 ? std::strerror(system_code) : detail));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw BusyError(ErrorKind::work, file + " is locked by another process",
                      "wait for the other process, or choose another file with --db");
    case SQLITE_CORRUPT:
      throw input_error(file + " is damaged: " + detail, recover);
    case SQLITE_NOTADB:
      throw input_error(file + " is not a results database", "choose another file with --db");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw input_error("cannot write " + file + ": it is read-only", "choose another file with --db");
    case SQLITE_CANTOPEN:
      throw input_error("cannot open " + file + ": " + reason_not_opened(path, detail),
                        "check the directory and its permissions, or choose another file with --db");
    case SQLITE_ERROR:  // our own SQL does not fit the tables found
      throw input_error(file + " has an unexpected content: " + detail, recover);
    default:
      throw work_error("cannot use " + file + ": " + detail);
  }
}

}  // namespace denseshift::results_db
