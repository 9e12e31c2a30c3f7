#pragma once
// The methods that the paper's tables compare with, one file each, and the parts of them that tests look at alone.
// What each computes is described in its file; design decisions where sources are silent are in docs/decisions.md.

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "core/quant/methods.h"

namespace denseshift::quant {

[[nodiscard]] Method twn_method();
[[nodiscard]] Method ttq_method();
[[nodiscard]] Method sq_twn_method();
[[nodiscard]] Method bwn_method();
[[nodiscard]] Method hwgq_method();
[[nodiscard]] Method bwhn_method();
[[nodiscard]] Method ir_net_method();
[[nodiscard]] Method lq_nets_method();
[[nodiscard]] Method lr_net_method();
[[nodiscard]] Method inq_method();
[[nodiscard]] Method deepshift_q_method();
[[nodiscard]] Method deepshift_ps_method();
[[nodiscard]] Method ste_pot_method();
[[nodiscard]] Method lsq_method();
[[nodiscard]] Method apot_method();

/// SQ-TWN's choice: picks `count` rows one after another without replacement, each with probability proportional to its
/// error among those left. `uniform` gives numbers in [0, 1).
[[nodiscard]] std::vector<bool> choose_by_error(const std::vector<double>& errors, std::int64_t count,
                                                const std::function<double()>& uniform);

/// BWN's preparation of the stored weight, in place: centred over the input channels, limited to [-1, 1].
void bwn_centre(at::Tensor weight);

/// BWHN's solution for one filter: minimises |X^T w - alpha X^T b|^2 over b in {-1,+1}^n and alpha >= 0.
struct BinaryFit {
  std::vector<double> b;
  double alpha = 0;
  std::vector<double> history;  ///< objective at the start, then after each update of alpha
};
/// `gram` = X X^T (n x n, row-major); starts from b = sgn(w), alpha = mean|w|, then alternates updates of alpha and
/// sweeps over the coordinates of b until a sweep flips nothing or `sweeps` are done.
[[nodiscard]] BinaryFit bwhn_solve(const std::vector<double>& gram, const std::vector<double>& weight, int sweeps,
                                   bool keep_history);

/// IR-Net's EDE parameters of an epoch: t = 10^(-1 + 2 epoch / epochs), k = max(1/t, 1).
struct EdeParameters {
  double t = 0.1;
  double k = 10;
};
[[nodiscard]] EdeParameters ede_parameters(std::int64_t epoch, std::int64_t epochs);

/// LR-net's output conv(x, mean) + noise * sqrt(conv(x^2, variance) + 0.001); standard normal noise is drawn when
/// `noise` is undefined.
[[nodiscard]] at::Tensor lr_net_convolve(const at::Tensor& input, const at::Tensor& theta_zero,
                                         const at::Tensor& theta_sign, const at::Tensor& noise,
                                         const ConvGeometry& geometry);

/// LR-net's logits (theta_zero, theta_sign) for a full-precision weight that lies about [-1, 1].
[[nodiscard]] std::pair<at::Tensor, at::Tensor> lr_net_hot_start(const at::Tensor& weight);

/// INQ's choice: marks the `count` largest magnitudes among the elements not yet frozen; equal magnitudes in the order
/// of their index. `frozen` is uint8, nonzero where frozen.
[[nodiscard]] std::vector<std::int64_t> inq_select(const at::Tensor& weight, const at::Tensor& frozen,
                                                   std::int64_t count);

/// A list of numbers "0.5,0.75,1" of a method option, each in (0, 1], ascending, the last one 1.
[[nodiscard]] std::vector<double> parse_portions(const std::string& key, const std::string& text);

}  // namespace denseshift::quant
