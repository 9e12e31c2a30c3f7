#pragma once
// Progress of long work on stderr: a bar that redraws itself on a terminal, plain lines a few times a minute otherwise.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace denseshift::cli {

/// Where a training or evaluation stands.
struct ProgressState {
  std::string phase = "train";   ///< word in front: "train", "val"
  std::int64_t epoch = 1;        ///< counted from 1
  std::int64_t epochs = 1;       ///< 1 hides the epoch
  std::int64_t step = 0;         ///< steps done in this epoch
  std::int64_t steps = 1;        ///< steps per epoch
  double loss = 0;               ///< running mean; NaN hides it
  std::string metric = "acc";    ///< name of `accuracy`
  double accuracy = 0;           ///< running mean in percent; NaN hides it
  double images_per_second = 0;  ///< 0 hides it
  double seconds_left = -1;      ///< negative hides it; Progress fills it in
};

/// One line of text for `state`, with a bar of `bar_width` cells when that is above 0.
[[nodiscard]] std::string progress_text(const ProgressState& state, int bar_width);

/// "1:05" or "2:03:59".
[[nodiscard]] std::string duration_text(double seconds);

/// Reports to stderr. Not thread-safe: one thread reports.
class Progress {
 public:
  /// `quiet` prints nothing at all.
  explicit Progress(bool quiet);
  /// Clears an unfinished bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows the state; draws at most ten times a second on a terminal, prints a line every ten seconds otherwise.
  /// The time left is estimated from the steps seen since the first call of the same phase.
  void update(ProgressState state);
  /// The same for work that is no training: draws `text` on a terminal, prints it every ten seconds otherwise.
  void show(const std::string& text);
  /// Prints a line that stays (end of an epoch, a warning); the bar continues below it. Silent when quiet.
  void line(std::string_view text);
  /// Removes the bar.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  void draw(std::string text);
  [[nodiscard]] bool is_time(Clock::time_point now) const;
  [[nodiscard]] double estimate(const ProgressState& state, Clock::time_point now);

  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  std::string phase_;
  Clock::time_point first_time_;
  std::int64_t first_done_ = 0;
  Clock::time_point last_output_;
};

}  // namespace denseshift::cli
