#include "cli/terminal/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "cli/terminal/colour.h"

namespace denseshift::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlainLine{10};
constexpr int kLargestBar = 24;

// Columns of the terminal behind stderr; 80 when it does not say.
int terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string bar_text(double share, int width) {
  const int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width));
  std::string bar = "[";
  for (int i = 0; i < width; ++i) bar += i < full ? '=' : (i == full ? '>' : ' ');
  return bar + "] ";
}

bool is_smart_terminal() {
  const char* name = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && !(name != nullptr && std::string_view(name) == "dumb");
}

}  // namespace

std::string duration_text(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  const std::int64_t hours = total / 3600;
  const std::int64_t minutes = total / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{}:{:02}", minutes, total % 60);
}

std::string progress_text(const ProgressState& state, int bar_width) {
  std::string text = state.phase + " ";
  if (state.epochs > 1) text += fmt::format("epoch {}/{} ", state.epoch, state.epochs);
  const double share = state.steps > 0 ? static_cast<double>(state.step) / static_cast<double>(state.steps) : 0;
  if (bar_width > 0) text += bar_text(share, bar_width);
  text += fmt::format("step {}/{}", state.step, state.steps);
  if (!std::isnan(state.loss)) text += fmt::format("  loss {:.4f}", state.loss);
  if (!std::isnan(state.accuracy)) text += fmt::format("  {} {:.2f} %", state.metric, state.accuracy);
  if (state.images_per_second > 0) text += fmt::format("  {:.0f} img/s", state.images_per_second);
  if (state.seconds_left >= 0) text += "  ETA " + duration_text(state.seconds_left);
  return text;
}

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(is_smart_terminal()), last_output_(Clock::now()) {}

Progress::~Progress() { clear(); }

double Progress::estimate(const ProgressState& state, Clock::time_point now) {
  const std::int64_t done = (state.epoch - 1) * state.steps + state.step;
  if (state.phase != phase_) {
    phase_ = state.phase;
    first_time_ = now;
    first_done_ = done;
  }
  const std::int64_t seen = done - first_done_;
  if (seen <= 0) return -1;
  const double per_step = std::chrono::duration<double>(now - first_time_).count() / static_cast<double>(seen);
  return per_step * static_cast<double>(state.epochs * state.steps - done);
}

void Progress::update(ProgressState state) {
  if (quiet_) return;
  const Clock::time_point now = Clock::now();
  state.seconds_left = estimate(state, now);
  if (!is_time(now)) return;
  last_output_ = now;
  if (!terminal_) {
    std::cerr << progress_text(state, 0) << '\n';
    return;
  }
  const int columns = terminal_columns();
  const int room = columns - 1 - static_cast<int>(progress_text(state, 0).size()) - 3;
  draw(progress_text(state, room >= 5 ? std::min(room, kLargestBar) : 0));
}

bool Progress::is_time(Clock::time_point now) const {
  return now - last_output_ >= (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine));
}

void Progress::draw(std::string text) {
  text.resize(std::min(text.size(), static_cast<std::size_t>(std::max(1, terminal_columns() - 1))));
  std::cerr << '\r' << text << "\033[K" << std::flush;
  drawn_ = true;
}

void Progress::show(const std::string& text) {
  const Clock::time_point now = Clock::now();
  if (quiet_ || !is_time(now)) return;
  last_output_ = now;
  if (terminal_) {
    draw(text);
  } else {
    std::cerr << text << '\n';
  }
}

void Progress::line(std::string_view text) {
  if (quiet_) return;
  clear();
  std::cerr << text << '\n';
}

void Progress::clear() {
  if (!drawn_) return;
  std::cerr << "\r\033[K" << std::flush;
  drawn_ = false;
}

}  // namespace denseshift::cli
