#pragma once
// Which process runs a run, whether it still lives, and the clock of the records.

#include <cstdint>
#include <string>
#include <string_view>

namespace denseshift::results_db {

/// A process that no other can be mistaken for: pids are reused, but not with the same start time in the same boot.
struct ProcessIdentity {
  std::string host;
  std::string boot_id;        ///< /proc/sys/kernel/random/boot_id
  std::string pid_namespace;  ///< target of /proc/self/ns/pid; containers on one host count pids separately
  std::int64_t pid = 0;
  std::int64_t start = 0;  ///< clock ticks after boot; field 22 of /proc/PID/stat

  bool operator==(const ProcessIdentity&) const = default;
};

/// Identity of the calling process.
[[nodiscard]] ProcessIdentity current_process();

/// Seconds without heartbeat after which a run of another host counts as killed.
inline constexpr double kHeartbeatLimit = 120;

/// Whether the process still runs. On this host and boot the process table decides; a boot that is over has no
/// processes; for other hosts and containers a heartbeat younger than kHeartbeatLimit does.
[[nodiscard]] bool process_alive(const ProcessIdentity& process, std::string_view heartbeat_at);

/// Now as ISO 8601 text in UTC with milliseconds: "2024-05-01T12:00:00.000Z".
[[nodiscard]] std::string utc_now();

/// Seconds since 1970 of text written by utc_now(); NaN for anything else.
[[nodiscard]] double utc_seconds(std::string_view text);

}  // namespace denseshift::results_db
