#include "experiments/run/stop.h"

#include <csignal>

namespace denseshift::experiments {
namespace {

volatile std::sig_atomic_t received_signal = 0;

void remember(int signal) {
  if (received_signal != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  received_signal = signal;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  // A second signal arrives while the first is being handled only if it is not blocked.
  action.sa_flags = SA_RESTART | SA_NODEFER;
  sigaction(signal, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  received_signal = 0;
  handle(SIGINT, remember);
  handle(SIGTERM, remember);
}

StopSignals::~StopSignals() {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
}

std::string StopSignals::received() {
  return received_signal == 0 ? "" : received_signal == SIGINT ? "Ctrl-C" : "SIGTERM";
}

}  // namespace denseshift::experiments
