#include "cli/child_process.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>

#include "core/util/clock.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

// Reads both pipes until the child has closed them or the time is up. False: the time is up.
bool collect(std::array<pollfd, 2>& pipes, std::array<std::string*, 2> texts, Clock::time_point end) {
  std::array<char, 4096> buffer;
  while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    if (poll(pipes.data(), pipes.size(), static_cast<int>(left)) < 0 && errno != EINTR) return false;
    for (std::size_t i = 0; i < pipes.size(); ++i) {
      if (pipes[i].fd < 0 || pipes[i].revents == 0) continue;
      const ssize_t count = read(pipes[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      } else {
        close(pipes[i].fd);
        pipes[i].fd = -1;  // poll() passes over negative descriptors
      }
    }
  }
  return true;
}

}  // namespace

ChildResult run_in_child(const std::function<int()>& body, double seconds) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  std::cout.flush();
  if (pipe(out.data()) != 0 || pipe(err.data()) != 0)
    throw work_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) throw work_error(std::string("cannot start a process: ") + std::strerror(errno));
  if (child == 0) {
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    const int status = body();
    std::cout.flush();
    _exit(status);
  }
  close(out[1]);
  close(err[1]);

  ChildResult result;
  std::array<pollfd, 2> pipes = {pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  if (!collect(pipes, {&result.output, &result.errors}, end)) kill(child, SIGKILL);
  for (const pollfd& pipe : pipes) {
    if (pipe.fd >= 0) close(pipe.fd);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.finished = WIFEXITED(status);
  result.status = result.finished ? WEXITSTATUS(status) : WTERMSIG(status);
  result.errors = result.errors.substr(0, result.errors.find('\n'));
  return result;
}

}  // namespace denseshift::cli
