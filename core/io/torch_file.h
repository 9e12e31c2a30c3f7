#pragma once
// State dictionaries of PyTorch (.pth, .pt) without LibTorch and without Python. Both formats of torch.save are read;
// nothing in a file is ever executed.

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/io/safetensors.h"
#include "core/io/torch_container.h"

namespace denseshift::io {

/// What TorchFile::normalise_names() did.
struct TorchNames {
  std::string taken;                  ///< the nested dictionary that was taken, for example "state_dict"; may be empty
  bool module_prefix = false;         ///< whether "module." (DataParallel) was stripped from every name
  std::vector<std::string> left_out;  ///< tensors outside the dictionary that was taken, by their dotted names
};

/// The tensors of a file, contiguous and in row-major order, under dotted names: nested dictionaries are flattened by
/// their keys ("state_dict.layer1.0.conv1.weight"). Every violation is an input error that names the file: damage,
/// code (a saved module, any global that is not on the list of pickle_objects.cpp), tensors that reach outside their
/// storage, two tensors of one name. The file is read into memory; besides it, views that are not contiguous take their
/// own size and a pickle about a hundred times its own, both limited (to four times the file and to a million values).
/// Data need not be aligned to its element: copy it with memcpy. Views point into this object.
class TorchFile {
 public:
  explicit TorchFile(const std::filesystem::path& path);
  TorchFile(const TorchFile&) = delete;
  TorchFile& operator=(const TorchFile&) = delete;

  [[nodiscard]] const std::map<std::string, TensorView>& tensors() const noexcept { return tensors_; }
  /// Throws an input error naming the file when the tensor is missing.
  [[nodiscard]] const TensorView& at(const std::string& name) const;
  /// What is neither a tensor nor a dictionary, for example "epoch (a number)" or "optimizer.param_groups (a list)".
  [[nodiscard]] const std::vector<std::string>& skipped() const noexcept { return skipped_; }
  [[nodiscard]] TorchFormat format() const noexcept { return format_; }

  /// Makes the names those of the network: takes the first of the nested dictionaries state_dict, model, model_state,
  /// model_state_dict, net that holds tensors, and drops the rest; then strips a "module." that all names begin with.
  TorchNames normalise_names();

 private:
  std::filesystem::path path_;
  std::string content_;
  TorchFormat format_ = TorchFormat::zip;
  std::vector<std::unique_ptr<std::byte[]>> copies_;  ///< of views that are not contiguous
  std::map<std::string, TensorView> tensors_;
  std::vector<std::string> skipped_;
  std::vector<std::string> dictionaries_;  ///< the outermost ones, by their keys
};

}  // namespace denseshift::io
