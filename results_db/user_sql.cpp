#include "results_db/user_sql.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string_view>
#include <utility>

#include "core/util/suggest.h"
#include "results_db/run_view.h"
#include "results_db/sqlite_error.h"
#include "results_db/statement.h"

namespace denseshift::results_db {
namespace {

/// While it lives, the connection compiles nothing but reading. The file is usually opened read-only as well; this also
/// keeps other files, temporary tables and settings of the connection out of reach, and explains why.
class ReadingOnly {
 public:
  explicit ReadingOnly(Database& database) : handle_(database.handle()) {
    sqlite3_set_authorizer(handle_, decide, this);
  }
  ~ReadingOnly() { sqlite3_set_authorizer(handle_, nullptr, nullptr); }
  ReadingOnly(const ReadingOnly&) = delete;
  ReadingOnly& operator=(const ReadingOnly&) = delete;

  [[nodiscard]] bool denied() const { return denied_; }

 private:
  static int decide(void* self, int action, const char* first, const char* second, const char*, const char*) {
    bool allowed = false;
    if (action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE) {
      allowed = true;
    } else if (action == SQLITE_UPDATE) {
      // What SQLite asks when it declares json_each and its like; a real change of this table it refuses by itself.
      allowed = std::string_view(first) == "sqlite_master";
    } else if (action == SQLITE_FUNCTION) {
      allowed = std::string_view(second) != "load_extension";
    } else if (action == SQLITE_PRAGMA) {
      constexpr std::array<std::string_view, 7> kTables = {"table_info", "table_xinfo", "table_list",      "index_list",
                                                           "index_info", "index_xinfo", "foreign_key_list"};
      constexpr std::array<std::string_view, 7> kFacts = {"user_version",   "application_id", "database_list",
                                                          "page_count",     "page_size",      "journal_mode",
                                                          "compile_options"};
      allowed = std::ranges::find(kTables, first) != kTables.end() ||
                (second == nullptr && std::ranges::find(kFacts, first) != kFacts.end());
    }
    if (!allowed) static_cast<ReadingOnly*>(self)->denied_ = true;
    return allowed ? SQLITE_OK : SQLITE_DENY;
  }

  sqlite3* handle_;
  bool denied_ = false;
};

Error only_reads(const std::string& what) {
  return usage_error(what + ": only reading is possible here; nothing was changed",
                     "use SELECT; `denseshift runs tag|delete|merge` change the database");
}

/// Statements on `runs` fail before the authorizer is asked, because that name is a view here.
bool wants_to_write(const std::string& sql, const std::string& message) {
  if (message.starts_with("cannot modify ") || message.find("may not be modified") != std::string::npos) return true;
  std::string word;
  for (std::size_t i = sql.find_first_not_of(" \t\r\n"); i < sql.size(); ++i) {
    if (std::isalpha(static_cast<unsigned char>(sql[i])) == 0) break;
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(sql[i])));
  }
  constexpr std::array<std::string_view, 8> kVerbs = {"INSERT", "UPDATE", "DELETE", "REPLACE",
                                                      "DROP",   "ALTER",  "CREATE", "VACUUM"};
  return std::ranges::find(kVerbs, word) != kVerbs.end() && message.find("syntax error") == std::string::npos;
}

std::vector<std::string> names(const Database& database, const std::string& sql) {
  std::vector<std::string> result;
  Statement statement(database, sql);
  while (statement.step()) result.push_back(statement.text(0));
  return result;
}

/// The nearest right name when SQLite's message is about an unknown one.
std::string hint_for(const Database& database, const std::string& message) {
  const auto after = [&](const std::string& prefix) {
    const std::size_t at = message.find(prefix);
    if (at == std::string::npos) return std::string();
    std::string name = message.substr(at + prefix.size());
    const std::size_t dot = name.rfind('.');
    return dot == std::string::npos ? name : name.substr(dot + 1);
  };
  if (const std::string column = after("no such column: "); !column.empty()) {
    std::vector<std::string> candidates = run_columns(database);
    if (nearest(column, candidates).empty()) {
      candidates = names(database,
                         "SELECT DISTINCT c.name FROM main.sqlite_schema AS s, pragma_table_info(s.name) AS c "
                         "WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite_%' ORDER BY 1");
    }
    return suggestion(column, candidates);
  }
  if (const std::string table = after("no such table: "); !table.empty()) {
    return suggestion(table,
                      names(database,
                            "SELECT name FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE "
                            "'sqlite_%' ORDER BY length(name), name"));
  }
  return {};
}

[[noreturn]] void throw_user_error(const Database& database, int code, const std::string& what) {
  std::string message = sqlite3_errmsg(database.handle());
  std::ranges::replace(message, '\n', ' ');
  switch (code & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
      throw usage_error(what + ": " + message, hint_for(database, message));
    default:
      throw_database_error(database.handle(), database.path(), code);
  }
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, Finalize>;

StatementHandle prepare(Database& database, const char* sql, const char** tail, const std::string& what,
                        const ReadingOnly& guard) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(database.handle(), sql, -1, &raw, tail);
  StatementHandle statement(raw);
  if (code != SQLITE_OK) {
    if (guard.denied() || wants_to_write(sql, sqlite3_errmsg(database.handle()))) throw only_reads(what);
    throw_user_error(database, code, what);
  }
  return statement;
}

std::vector<std::string> distinct_columns(sqlite3_stmt* statement) {
  std::vector<std::string> columns;
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    const std::string name = sqlite3_column_name(statement, i);
    std::string distinct = name;
    for (int n = 2; std::ranges::find(columns, distinct) != columns.end(); ++n)
      distinct = name + "_" + std::to_string(n);
    columns.push_back(distinct);
  }
  return columns;
}

}  // namespace

void run_user_sql(Database& database, const std::string& sql, const std::string& what,
                  const std::function<void(const std::vector<std::string>& columns)>& head,
                  const std::function<void(Row&& row)>& row) {
  if (sql.find('\0') != std::string::npos) throw usage_error(what + ": the text holds a zero byte");
  const ReadingOnly guard(database);
  const char* tail = nullptr;
  const StatementHandle statement = prepare(database, sql.c_str(), &tail, what, guard);
  if (statement == nullptr)
    throw usage_error(what + ": there is no statement", "for example: SELECT id, top1 FROM runs");
  if (std::string_view(tail).find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    const char* end = nullptr;
    if (prepare(database, tail, &end, what, guard) != nullptr) {
      throw usage_error(what + ": one statement at a time", "give each its own call");
    }
  }
  if (sqlite3_column_count(statement.get()) == 0) throw only_reads(what);
  if (sqlite3_bind_parameter_count(statement.get()) > 0) {
    throw usage_error(what + ": parameters such as ? or :name have no value here", "write the value itself");
  }
  const std::vector<std::string> columns = distinct_columns(statement.get());
  head(columns);
  while (true) {
    const int code = sqlite3_step(statement.get());
    if (code == SQLITE_DONE) return;
    if (code != SQLITE_ROW) {
      if (guard.denied()) throw only_reads(what);
      throw_user_error(database, code, what);
    }
    Row cells;
    cells.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
      cells.push_back(column_value(statement.get(), static_cast<int>(i)));
    row(std::move(cells));
  }
}

ResultTable run_user_sql(Database& database, const std::string& sql, const std::string& what) {
  ResultTable table;
  run_user_sql(
      database, sql, what, [&](const std::vector<std::string>& columns) { table.columns = columns; },
      [&](Row&& row) { table.rows.push_back(std::move(row)); });
  return table;
}

void check_expression(const std::string& text, const std::string& what) {
  const auto wrong = [&](const std::string& reason) {
    return usage_error(what + ": " + reason, "give one condition, for example \"wbits=2 and top1>70\"");
  };
  int depth = 0;
  bool blank = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') blank = false;
    if (c == '\'' || c == '"' || c == '`' || c == '[') {
      const char close = c == '[' ? ']' : c;
      i = text.find(close, i + 1);  // a doubled quote closes and opens again, which comes to the same
      if (i == std::string::npos) throw wrong(std::string("a ") + c + " is not closed");
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      if (--depth < 0) throw wrong("a closing parenthesis too many");
    } else if (c == ';' || c == '\0') {
      throw wrong("only one condition is possible, not several statements");
    } else if ((c == '-' && next == '-') || (c == '/' && next == '*')) {
      throw wrong("comments are not possible");
    }
  }
  if (depth != 0) throw wrong("a parenthesis is not closed");
  if (blank) throw wrong("the condition is empty");
}

}  // namespace denseshift::results_db
