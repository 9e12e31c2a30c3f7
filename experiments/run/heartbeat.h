#pragma once
// A sign of life in the results database while a run works.

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace denseshift::experiments {

/// Updates the run's heartbeat every ten seconds from a thread with a connection of its own. Failures are ignored: the
/// worst that happens is that another host takes the run for dead while it lives.
class Heartbeat {
 public:
  Heartbeat(std::string db, std::int64_t run);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace denseshift::experiments
