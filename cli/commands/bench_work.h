#pragma once
// Our kernels and other libraries on the same problem: measured together, compared with each other and with what the
// machine can do. Shared by `bench gemm` and `bench layers`.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/commands/bench_common.h"
#include "cli/peers_module.h"
#include "core/bench/limits.h"
#include "core/bench/matrix_cases.h"

namespace denseshift::cli {

/// The limits of this machine, each measured once.
class MachineLimits {
 public:
  MachineLimits();
  /// Least seconds that the work can take: the slower of reading the weights and of the multiplications, on `threads`
  /// threads as if each had a core of its own; memory is not divided. `memory` tells which decides.
  [[nodiscard]] double least_seconds(const bench::Work& work, bool cold, int threads, bool& memory);
  /// For the result: peaks and the bandwidths that were asked for.
  [[nodiscard]] nlohmann::ordered_json json() const;

 private:
  std::vector<bench::Peak> peaks_;
  std::map<std::size_t, double> bandwidth_;  ///< bytes per second by bytes of the buffer
};

/// Throws when a library's result, in units of `unit`, is wrong.
using PeerCheck = std::function<void(const PeerKernel& kernel, const std::vector<float>& y, double unit)>;
/// Adds the libraries' cases on this problem, each checked. What one cannot do goes into result["notes"], once.
void append_peers(std::vector<bench::WorkCase>& cases, nlohmann::ordered_json& result, const Peers& peers,
                  const denseshift_peer_problem& problem, std::size_t outputs, const bench::Work& float_work,
                  const PeerCheck& check);

/// Measures the cases and appends a row for each to result["rows"], with the members of `place` in front, and metrics
/// named KEY/CASE/`suffix`; a row of ours has its speed-up over the float baseline (the fastest FP32 that is not ours)
/// and over every other library. Appends what was slower to result["losses"].
void measure_work(const std::vector<bench::WorkCase>& cases, const nlohmann::ordered_json& place,
                  const std::string& suffix, const BenchSettings& settings, MachineLimits& limits,
                  nlohmann::ordered_json& result, BenchMetrics& metrics);

/// Text of one table: rows whose `place` has this text.
void print_work_table(const nlohmann::ordered_json& result, const std::string& place);
/// Limits, libraries, losses and how to read the tables.
void print_work_legend(const nlohmann::ordered_json& result);
/// result["peers"] and result["notes"] from the libraries.
void put_peers(nlohmann::ordered_json& result, const Peers& peers, const BenchSettings& settings);

}  // namespace denseshift::cli
