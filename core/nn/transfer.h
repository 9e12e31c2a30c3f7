#pragma once
// Starting a network from the weights of another one.

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

namespace denseshift::nn {

/// What became of each tensor, by dotted names.
struct TransferReport {
  std::int64_t copied = 0;           ///< tensors taken as they are
  std::int64_t quantized = 0;        ///< weights from which a quantizer started
  std::vector<std::string> fresh;    ///< of the network alone and expected to be: activation quantizers, batch counters
  std::vector<std::string> missing;  ///< of the network, not in the source: random start (partial only)
  std::vector<std::string> unexpected;  ///< of the source, not in the network: ignored (partial only)
  std::vector<std::string> reset;       ///< "name: reason": other shape or type, random start (partial only)
};

/// Copies `source` (names as in the network, see io::state_of) into the network. A layer whose quantizer has all its
/// tensors in the source takes them; else, when the source has a full-precision "weight", the quantizer starts from
/// it. Strict (not `partial`): anything missing, unexpected or of another shape or type is an input error that begins
/// with `source_name` and names the first tensor. In both, a method that cannot start from a full-precision weight is
/// an input error.
[[nodiscard]] TransferReport transfer(torch::nn::Module& network, const std::map<std::string, at::Tensor>& source,
                                      const std::string& source_name, bool partial);

}  // namespace denseshift::nn
