#pragma once
// Prepared statements and transactions.

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "results_db/database.h"
#include "results_db/sqlite_error.h"
#include "results_db/value.h"

struct sqlite3_stmt;

namespace denseshift::results_db {

/// One prepared statement of our own SQL. Parameters are numbered from 1, columns from 0.
class Statement {
 public:
  Statement(const Database& database, std::string_view sql);
  template <class... Values>
  Statement(const Database& database, std::string_view sql, const Values&... values) : Statement(database, sql) {
    int index = 0;
    (bind(++index, values), ...);
  }
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int index, std::int64_t value);
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  /// NaN is bound as NULL, as SQLite does.
  void bind(int index, double value);
  void bind(int index, std::string_view value);
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const char* value) { bind(index, std::string_view(value)); }
  void bind(int index, const Value& value);

  /// True while there is a row.
  bool step();
  /// Steps to the end.
  void run();
  /// Makes the statement ready for another run; bound values stay.
  void reset();

  [[nodiscard]] int columns() const;
  [[nodiscard]] std::string column_name(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  /// Text of the column; NULL reads as an empty string.
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] Value value(int column) const;
  [[nodiscard]] Row row() const;

 private:
  const Database& database_;
  sqlite3_stmt* handle_ = nullptr;
};

/// Value of column `column` of a stepped statement.
[[nodiscard]] Value column_value(sqlite3_stmt* statement, int column);

/// Runs `body` between BEGIN IMMEDIATE and COMMIT and returns its result; rolls back when it throws. While other
/// processes hold the lock beyond the busy time-out, everything is tried again, so `body` may run more than once.
template <class Body>
auto in_transaction(Database& database, Body&& body) {
  constexpr int kAttempts = 5;
  struct Scope {
    Database& database;
    bool open = true;
    explicit Scope(Database& d) : database(d) { database.execute("BEGIN IMMEDIATE"); }
    void commit() {
      database.execute("COMMIT");
      open = false;
    }
    ~Scope() {
      if (open) database.rollback();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
  };
  for (int attempt = 1;; ++attempt) {
    try {
      Scope scope(database);
      if constexpr (std::is_void_v<decltype(body())>) {
        body();
        scope.commit();
        return;
      } else {
        auto result = body();
        scope.commit();
        return result;
      }
    } catch (const BusyError&) {
      if (attempt == kAttempts) throw;
      std::random_device entropy;
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + entropy() % 90));
    }
  }
}

}  // namespace denseshift::results_db
