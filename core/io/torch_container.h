#pragma once
// The two containers of torch.save: a zip archive (PyTorch 1.6 and later) and a chain of pickles with the raw storages
// after them (before 1.6, and still on request).

#include <string>
#include <string_view>
#include <vector>

#include "core/io/pickle.h"

namespace denseshift::io {

enum class TorchFormat { zip, legacy };

/// A file taken apart: the object that was saved and the bytes of its storages.
struct TorchContent {
  TorchFormat format = TorchFormat::zip;
  Pickle pickle;
  std::vector<std::string_view> storages;  ///< parallel to pickle.storages, each exactly as large as its elements
};

/// Takes `content` apart; the result points into it. Another format, big-endian data, a storage that is missing or has
/// another size and all damage are input errors that begin with `where`, the file's name.
[[nodiscard]] TorchContent open_torch_content(std::string_view content, const std::string& where);

}  // namespace denseshift::io
