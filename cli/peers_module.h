#pragma once
// Other libraries that `bench` compares with, from libdenseshift_peers.so, which is opened when one is asked for.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/peers/interface.h"
#include "core/kernels/isa.h"

namespace denseshift::cli {

/// A kernel of a library, such as onednn/u8s8.
struct PeerKernel {
  std::string name;
  std::string kind;  ///< f32; u8 (unsigned bytes, sums of 32 bits); s8 (signed bytes, results requantized to bytes)
  std::string label;
};

/// A library that the program knows.
struct PeerLibrary {
  std::string name;
  std::string version;  ///< empty: not built in
  std::string package;  ///< Debian's name
  std::string held;     ///< how it is held to a level; empty: it is not
  std::vector<PeerKernel> matrix, convolution;
};

/// A case that is ready to run.
class PeerCase {
 public:
  /// Throws a work error when a call failed.
  void run(std::size_t first, std::size_t count) const;
  /// The last call's result as floats in plain order, and its unit (see denseshift_peer_output).
  [[nodiscard]] std::pair<std::vector<float>, double> output() const;

 private:
  friend class Peers;
  std::shared_ptr<void> prepared_;
  std::size_t outputs_ = 0;
  std::string name_;
  int (*run_)(void*, std::size_t, std::size_t) = nullptr;
  int (*output_)(void*, float*, double*) = nullptr;
};

/// The libraries that --against asked for.
class Peers {
 public:
  /// `against`: openblas,onednn,xnnpack, or all (those that are there), or none. With a level, the libraries that can
  /// are held to it through their environment variables, which they read when they are loaded. Throws usage errors: an
  /// unknown name (with the nearest), a named library that is not there (with its package).
  Peers(const std::string& against, std::optional<kernels::Isa> level);

  /// Those that are there and asked for.
  [[nodiscard]] const std::vector<PeerLibrary>& libraries() const { return libraries_; }
  /// With `all`: lines about the libraries that are not there.
  [[nodiscard]] const std::vector<std::string>& absent() const { return absent_; }
  /// Nothing, with the reason in `problem`, when the library cannot do it.
  [[nodiscard]] std::optional<PeerCase> prepare(const PeerKernel& kernel, const denseshift_peer_problem& problem,
                                                std::size_t outputs, std::string& reason) const;

 private:
  void open(const std::vector<std::string>& names, bool all);

  std::vector<PeerLibrary> libraries_;
  std::vector<std::string> absent_;
  void* module_ = nullptr;
};

}  // namespace denseshift::cli
