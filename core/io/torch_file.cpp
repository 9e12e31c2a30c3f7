#include "core/io/torch_file.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "core/io/torch_tensors.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"

namespace denseshift::io {
namespace {

constexpr std::size_t kMaxTorchFile = std::size_t{1} << 40;
constexpr std::uint64_t kSmallFile = std::uint64_t{1} << 20;  // may always be used, however small the file
constexpr std::string_view kModulePrefix = "module.";
constexpr const char* kWrappers[] = {"state_dict", "model", "model_state", "model_state_dict", "net"};

/// Moves the tensors whose names begin with `prefix` to their names without it; the names of the others are returned.
std::vector<std::string> keep_under(std::string_view prefix, std::map<std::string, TensorView>& tensors) {
  std::map<std::string, TensorView> kept;
  std::vector<std::string> others;
  for (auto& [name, view] : tensors) {
    if (!name.starts_with(prefix)) {
      others.push_back(name);
      continue;
    }
    view.name = name.substr(prefix.size());
    kept[view.name] = std::move(view);
  }
  tensors = std::move(kept);
  return others;
}

}  // namespace

TorchFile::TorchFile(const std::filesystem::path& path) : path_(path), content_(read_file(path, kMaxTorchFile)) {
  const std::string where = path_.string();
  const TorchContent content = open_torch_content(content_, where);
  TorchTensors flat = flatten_torch(content, 4 * std::uint64_t{content_.size()} + kSmallFile, where);
  format_ = content.format;
  tensors_ = std::move(flat.tensors);
  copies_ = std::move(flat.copies);
  skipped_ = std::move(flat.skipped);
  dictionaries_ = std::move(flat.dictionaries);
}

const TensorView& TorchFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) throw input_error(path_.string() + " has no tensor '" + name + "'");
  return found->second;
}

TorchNames TorchFile::normalise_names() {
  TorchNames result;
  const auto begins = [](std::string_view prefix) {
    return [prefix](const auto& item) { return item.first.starts_with(prefix); };
  };
  for (const std::string wrapper : kWrappers) {
    if (std::ranges::find(dictionaries_, wrapper) == dictionaries_.end()) continue;
    const std::string prefix = wrapper + ".";
    if (std::ranges::none_of(tensors_, begins(prefix))) continue;
    result.left_out = keep_under(prefix, tensors_);
    result.taken = wrapper;
    dictionaries_.clear();  // what is inside is not unwrapped again
    break;
  }
  if (!tensors_.empty() && std::ranges::all_of(tensors_, begins(kModulePrefix))) {
    keep_under(kModulePrefix, tensors_);
    result.module_prefix = true;
  }
  return result;
}

}  // namespace denseshift::io
