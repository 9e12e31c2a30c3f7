#pragma once
// Errors that reach the user: one line of what, where and what to do, and the exit status that goes with it.

#include <stdexcept>
#include <string>
#include <utility>

namespace denseshift {

/// Decides the exit status of the program (design: 0 success, 1 the work failed, 2 bad usage or input, 130
/// interrupted).
enum class ErrorKind {
  usage,        ///< Wrong command line or configuration: exit status 2.
  input,        ///< A file or database that cannot be used: exit status 2.
  work,         ///< The work itself failed (loss not finite, disk full, child died): exit status 1.
  interrupted,  ///< Stopped on request after everything was saved: exit status 130.
};

/// The one exception type of denseshift. `what()` is a single line without trailing full stop; `hint()` says what to
/// do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {})
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  [[nodiscard]] int exit_status() const noexcept {
    switch (kind_) {
      case ErrorKind::usage:
      case ErrorKind::input:
        return 2;
      case ErrorKind::interrupted:
        return 130;
      case ErrorKind::work:
        break;
    }
    return 1;
  }

 private:
  ErrorKind kind_;
  std::string hint_;
};

/// Wrong option, key or value.
inline Error usage_error(const std::string& message, std::string hint = {}) {
  return {ErrorKind::usage, message, std::move(hint)};
}
/// Unusable file, checkpoint, dataset or database.
inline Error input_error(const std::string& message, std::string hint = {}) {
  return {ErrorKind::input, message, std::move(hint)};
}
/// The work failed.
inline Error work_error(const std::string& message, std::string hint = {}) {
  return {ErrorKind::work, message, std::move(hint)};
}

}  // namespace denseshift
