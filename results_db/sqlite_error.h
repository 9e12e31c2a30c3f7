#pragma once
// SQLite result codes as errors of this program.

#include <filesystem>
#include <string>

#include "core/util/error.h"

struct sqlite3;

namespace denseshift::results_db {

/// The database was locked by others for longer than the busy time-out; the transaction may be tried again.
class BusyError : public Error {
 public:
  using Error::Error;
};

/// Throws the error for `code` on the database at `path`: work errors for a full disk, I/O failures and lasting locks,
/// input errors for a file that is damaged, not a database or cannot be opened. `handle` may be null; it gives the
/// details.
[[noreturn]] void throw_database_error(sqlite3* handle, const std::filesystem::path& path, int code);

}  // namespace denseshift::results_db
