// A program that is started, watched and asked to stop.

#include "cli/child_program.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "core/util/error.h"

namespace denseshift::cli {
namespace {

ProgramEnd shell(const std::string& script, const std::function<bool(int)>& enough = {}) {
  return run_child_program("/bin/sh", {"-c", script}, enough);
}

TEST(ChildProgram, CollectsOutputAndStatus) {
  const ProgramEnd end = shell("echo one; cat; echo two; exit 3");
  EXPECT_TRUE(end.exited);
  EXPECT_EQ(end.status, 3);
  EXPECT_EQ(end.output, "one\ntwo\n") << "standard input is empty";
  EXPECT_FALSE(end.interrupted);
  EXPECT_FALSE(end.asked_to_stop);
}

TEST(ChildProgram, LargeOutputDoesNotBlock) {
  EXPECT_EQ(shell("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done")
                .output.size(),
            3000u * 41);
}

TEST(ChildProgram, DeathByASignalIsNoExit) {
  const ProgramEnd end = shell("kill -KILL $$");
  EXPECT_FALSE(end.exited);
  EXPECT_EQ(end.status, SIGKILL);
}

TEST(ChildProgram, IsAskedToStopOnce) {
  int asked = 0;
  const ProgramEnd end = shell("trap 'echo stopped; exit 130' INT; while :; do sleep 0.05; done", [&](int pid) {
    EXPECT_GT(pid, 0);
    return ++asked == 3;
  });
  EXPECT_TRUE(end.asked_to_stop);
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(end.status, 130);
  EXPECT_EQ(end.output, "stopped\n");
  EXPECT_FALSE(end.interrupted);
}

TEST(ChildProgram, PassesOnTheSignalsThatReachUs) {
  // $PPID is this test; its handlers are put back afterwards.
  const ProgramEnd end = shell("trap 'echo term; exit 5' TERM; kill -TERM $PPID; while :; do sleep 0.05; done");
  EXPECT_TRUE(end.interrupted);
  EXPECT_EQ(end.status, 5);
  EXPECT_EQ(end.output, "term\n");
}

TEST(ChildProgram, AMissingProgramIsAWorkError) {
  try {
    (void)run_child_program("/no/such/program", {});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::work);
  }
}

}  // namespace
}  // namespace denseshift::cli
