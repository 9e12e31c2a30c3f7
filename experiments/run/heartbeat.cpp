#include "experiments/run/heartbeat.h"

#include <chrono>

#include "results_db/store.h"

namespace denseshift::experiments {

Heartbeat::Heartbeat(std::string db, std::int64_t run) {
  thread_ = std::thread([this, db = std::move(db), run] {
    try {
      results_db::Database database(db, results_db::OpenMode::write);
      results_db::RunStore store(database);
      std::unique_lock lock(mutex_);
      while (!wake_.wait_for(lock, std::chrono::seconds(10), [this] { return stop_; })) store.heartbeat(run);
    } catch (const std::exception&) {
      // See the class comment.
    }
  });
}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

}  // namespace denseshift::experiments
