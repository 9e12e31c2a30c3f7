#include "results_db/summary.h"

#include <cmath>

#include "results_db/metric_direction.h"
#include "results_db/statement.h"

namespace denseshift::results_db {
namespace {

/// Value of a metric in the split that the run's row shows.
std::string shown_metric(const std::string& column, const std::string& name) {
  const auto from = [&](const char* split) {
    return "(SELECT " + column + " FROM summary WHERE run = ?1 AND split = '" + split + "' AND name = '" + name + "')";
  };
  return "coalesce(" + from("val") + ", " + from("test") + ")";
}

}  // namespace

void refresh_run(Database& database, std::int64_t run) {
  static const std::string sql =
      "UPDATE main.runs SET epoch = (SELECT max(last_epoch) FROM summary WHERE run = ?1), "
      "top1 = " +
      shown_metric("last", "top1") + ", top5 = " + shown_metric("last", "top5") +
      ", loss = " + shown_metric("last", "loss") + ", best_top1 = " + shown_metric("best", "top1") +
      ", best_top5 = " + shown_metric("best", "top5") + ", best_loss = " + shown_metric("best", "loss") +
      ", best_epoch = coalesce(" + shown_metric("best_epoch", "top1") + ", " + shown_metric("best_epoch", "loss") +
      ")"
      ", train_loss = (SELECT last FROM summary WHERE run = ?1 AND split = 'train' AND name = 'loss')"
      ", train_top1 = (SELECT last FROM summary WHERE run = ?1 AND split = 'train' AND name = 'top1')"
      ", images_per_second = (SELECT last FROM summary WHERE run = ?1 AND split = 'train' AND name = "
      "'images_per_second')"
      " WHERE id = ?1";
  Statement(database, sql, run).run();
}

void rebuild_summary(Database& database, std::int64_t run, const std::string& split, const std::string& name) {
  Statement(database, "DELETE FROM summary WHERE run = ? AND split = ? AND name = ?", run, split, name).run();
  const std::string order = higher_is_better(name) ? "DESC" : "ASC";
  // Infinities are no best values; the first epoch wins a tie.
  Statement(
      database,
      "INSERT INTO summary (run, split, name, last_epoch, last, best_epoch, best) "
      "SELECT l.run, l.split, l.name, l.epoch, l.value, b.epoch, b.value FROM "
      "(SELECT * FROM metrics WHERE run = ?1 AND split = ?2 AND name = ?3 ORDER BY epoch DESC LIMIT 1) AS l LEFT JOIN "
      "(SELECT * FROM metrics WHERE run = ?1 AND split = ?2 AND name = ?3 AND abs(value) < 9e999 ORDER BY value " +
          order + ", epoch LIMIT 1) AS b",
      run, split, name)
      .run();
}

bool extend_summary(Database& database, std::int64_t run, std::int64_t epoch, const std::string& split,
                    const Metric& metric) {
  const auto& [name, value] = metric;
  Statement old(database, "SELECT last_epoch, best_epoch, best FROM summary WHERE run = ? AND split = ? AND name = ?",
                run, split, name);
  const bool finite = std::isfinite(value);
  if (!old.step()) {
    Statement insert(database, "INSERT INTO summary VALUES (?, ?, ?, ?, ?, ?, ?)", run, split, name, epoch, value);
    if (finite) {
      insert.bind(6, epoch);
      insert.bind(7, value);
    }
    insert.run();
    return true;
  }
  if (epoch <= old.integer(0)) return false;
  const bool better =
      finite && (old.is_null(2) || (higher_is_better(name) ? value > old.real(2) : value < old.real(2)));
  Statement(database, "UPDATE summary SET last_epoch = ?4, last = ?5 WHERE run = ?1 AND split = ?2 AND name = ?3", run,
            split, name, epoch, value)
      .run();
  if (better) {
    Statement(database, "UPDATE summary SET best_epoch = ?4, best = ?5 WHERE run = ?1 AND split = ?2 AND name = ?3",
              run, split, name, epoch, value)
        .run();
  }
  return true;
}

}  // namespace denseshift::results_db
