// Tables, progress lines and shell quoting, and the bar on a real pseudo-terminal.

#include <gmock/gmock.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <sstream>

#include "cli/terminal/colour.h"
#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"
#include "core/util/shell_line.h"

namespace denseshift::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Table, AlignsColumnsByCharacters) {
  Table table({{"name"}, {"top1", true}});
  table.add({"größe", "9.5"});
  table.add({"x", "70.25"});
  std::ostringstream out;
  table.print(out);
  EXPECT_EQ(out.str(),
            "name    top1\n"
            "größe    9.5\n"
            "x      70.25\n");
}

TEST(Table, RefusesARowOfAnotherLength) {
  Table table({{"a"}, {"b"}});
  EXPECT_THROW(table.add({"1"}), std::logic_error);
}

TEST(Progress, TextShowsWhatIsKnown) {
  ProgressState state{.epoch = 2,
                      .epochs = 5,
                      .step = 30,
                      .steps = 120,
                      .loss = 1.23456,
                      .accuracy = 45.678,
                      .images_per_second = 812.4};
  state.seconds_left = 125;
  EXPECT_EQ(progress_text(state, 0), "train epoch 2/5 step 30/120  loss 1.2346  acc 45.68 %  812 img/s  ETA 2:05");
  EXPECT_THAT(progress_text(state, 8), HasSubstr("[==>     ] step 30/120"));
  state = {.phase = "val", .step = 3, .steps = 4, .loss = std::numeric_limits<double>::quiet_NaN()};
  state.accuracy = state.loss;
  EXPECT_EQ(progress_text(state, 0), "val step 3/4");
}

TEST(Progress, DurationsReadLikeAClock) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(59.6), "1:00");
  EXPECT_EQ(duration_text(3599), "59:59");
  EXPECT_EQ(duration_text(7439), "2:03:59");
}

TEST(ShellLine, QuotesWhatAShellWouldChange) {
  EXPECT_EQ(shell_line({"denseshift", "train", "--lr", "0.1"}), "denseshift train --lr 0.1");
  EXPECT_EQ(shell_line({"--rule", "layer*=fp32", ""}), "--rule 'layer*=fp32' ''");
  EXPECT_EQ(shell_line({"it's"}), "'it'\\''s'");
}

// Runs `body` in a child whose stderr is a pseudo-terminal and returns what appeared there.
template <class Body>
std::string on_terminal(Body body) {
  int master = -1;
  winsize size{24, 100, 0, 0};
  const pid_t child = forkpty(&master, nullptr, nullptr, &size);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    body();
    _exit(0);
  }
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t count = 0; (count = read(master, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  close(master);
  waitpid(child, nullptr, 0);
  return text;
}

void report_twice(bool quiet) {
  Progress progress(quiet);
  for (int step = 1; step <= 2; ++step) {
    usleep(120000);
    progress.update({.step = step, .steps = 4, .loss = 1, .accuracy = 50});
  }
  progress.line("epoch 1 done");
}

TEST(Progress, DrawsABarThatALineReplacesOnATerminal) {
  const std::string text = on_terminal([] { report_twice(false); });
  EXPECT_THAT(text, HasSubstr("\rtrain [============>"));
  EXPECT_THAT(text, HasSubstr("ETA 0:00"));
  EXPECT_THAT(text, HasSubstr("\r\033[Kepoch 1 done"));
}

TEST(Progress, QuietPrintsNothing) {
  EXPECT_THAT(on_terminal([] { report_twice(true); }), IsEmpty());
}

TEST(Colour, OnATerminalUnlessNoColorIsSet) {
  const auto show = [] {
    std::string text = styled("error", Style::red, 2);
    (void)!write(2, text.data(), text.size());
  };
  EXPECT_EQ(on_terminal([&] {
              unsetenv("NO_COLOR");
              show();
            }),
            "\033[31merror\033[0m");
  EXPECT_EQ(on_terminal([&] {
              setenv("NO_COLOR", "1", 1);
              show();
            }),
            "error");
  EXPECT_THAT(styled("error", Style::plain, 2), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace denseshift::cli
