#pragma once
// `init pretrained`: a network that starts from a trained one.

#include <nlohmann/json.hpp>
#include <string>

#include "core/nn/transfer.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {

/// Where a network started from.
struct Pretrained {
  std::string source;    ///< "run 3 (best)" or the file
  std::string sha256;    ///< of the file
  std::int64_t run = 0;  ///< of this database; 0: a file
  std::string arch;      ///< empty when the file does not say
  std::string method;
  std::int64_t wbits = 0;
  double top1 = -1;  ///< best validation top-1 that the source recorded; -1: unknown
  nn::TransferReport report;

  /// One or two lines for people.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] nlohmann::ordered_json to_json() const;
};

/// Loads config.pretrained (a file: .pth or .pt of PyTorch, safetensors, a checkpoint's .json; else a run of the
/// database `db`) into the network. Throws usage and input errors; see nn::transfer().
[[nodiscard]] Pretrained load_pretrained(Setup& setup, const std::string& db);

/// Loads the convolutions and norms of the classifier config.backbone (named as for load_pretrained()) into the
/// backbone of the network, whatever its task; the classifier's last layer and, where the backbone ends earlier, its
/// last stage are left out. What the source lacks starts at random. Throws an input error when nothing fits.
[[nodiscard]] Pretrained load_backbone(Setup& setup, const std::string& db);

}  // namespace denseshift::experiments
