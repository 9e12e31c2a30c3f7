#pragma once
// A connection to the results database: WAL, busy time-out, versioned schema.

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

struct sqlite3;

namespace denseshift::results_db {

enum class OpenMode {
  create,     ///< read and write; made when missing; older schemas are migrated forward
  write,      ///< read and write; must exist
  read_only,  ///< must exist; nothing is changed, not even the schema
};

/// Device and number of a file.
using FileId = std::pair<dev_t, ino_t>;

/// An open results database.
class Database {
 public:
  /// Throws an input error naming the file when it is missing (unless created), corrupt, not a database, not writable,
  /// or of a newer schema than this program knows (never overwritten).
  Database(const std::filesystem::path& path, OpenMode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] sqlite3* handle() const noexcept { return handle_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] OpenMode mode() const noexcept { return mode_; }
  /// Schema version found (after migration).
  [[nodiscard]] int schema_version() const;
  /// Runs SQL without results. Throws a translated error (full disk, busy, read-only, corrupt).
  void execute(const std::string& sql);
  /// Ends the open transaction without its changes; does nothing when there is none.
  void rollback() noexcept;

 private:
  void open_file();
  /// Refuses what is not a results database of a known schema. Returns whether the file has no content yet.
  bool check_content();
  void enable_wal();
  void close() noexcept;

  std::filesystem::path path_;
  OpenMode mode_;
  sqlite3* handle_ = nullptr;
  std::optional<FileId> file_;  ///< while it is listed as open in this process
};

/// Opens read-only; a database of an older schema is migrated forward first, for readers use what is new in it.
/// Throws as the constructor does.
[[nodiscard]] Database open_for_reading(const std::filesystem::path& path);

/// The schema version this program writes.
[[nodiscard]] int latest_schema_version();

}  // namespace denseshift::results_db
