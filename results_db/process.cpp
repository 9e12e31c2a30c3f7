#include "results_db/process.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace denseshift::results_db {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Start time of a process in clock ticks after boot; 0 when there is none. A zombie counts as gone.
std::int64_t start_of(std::int64_t pid) {
  const std::string stat = first_line("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t end_of_name = stat.rfind(')');  // the name may itself hold blanks and parentheses
  if (end_of_name == std::string::npos) return 0;
  std::istringstream fields(stat.substr(end_of_name + 1));
  std::string field;
  constexpr int kState = 3;
  constexpr int kStartTime = 22;
  for (int index = kState; index <= kStartTime; ++index) {
    if (!(fields >> field)) return 0;
    if (index == kState && (field == "Z" || field == "X")) return 0;
  }
  return std::strtoll(field.c_str(), nullptr, 10);
}

}  // namespace

ProcessIdentity current_process() {
  ProcessIdentity process;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) process.host = name.data();
  process.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  std::error_code code;
  process.pid_namespace = std::filesystem::read_symlink("/proc/self/ns/pid", code).string();
  process.pid = ::getpid();
  process.start = start_of(process.pid);
  return process;
}

bool process_alive(const ProcessIdentity& process, std::string_view heartbeat_at) {
  const ProcessIdentity self = current_process();
  if (process.host == self.host && process.boot_id != self.boot_id) return false;
  if (process.host == self.host && process.pid_namespace == self.pid_namespace) {
    const std::int64_t start = start_of(process.pid);
    if (start != 0) return start == process.start;
    // Where /proc hides other users' processes only their existence can be asked for, so the heartbeat decides.
    const bool hidden = ::kill(static_cast<::pid_t>(process.pid), 0) != 0 && errno == EPERM;
    if (!hidden || std::filesystem::exists("/proc/" + std::to_string(process.pid))) return false;
  }
  const double heartbeat = utc_seconds(heartbeat_at);
  return std::isfinite(heartbeat) && utc_seconds(utc_now()) - heartbeat <= kHeartbeatLimit;
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now - std::chrono::system_clock::from_time_t(seconds));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds.count());
}

double utc_seconds(std::string_view text) {
  std::tm parts{};
  double seconds = 0;
  int used = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2dT%2d:%2d:%lfZ%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &seconds, &used) != 6 ||
      used != static_cast<int>(copy.size())) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<double>(::timegm(&parts)) + seconds;
}

}  // namespace denseshift::results_db
