#pragma once
// The differences between the LibTorch versions we build with (1.13 of Debian, 2.x wheels), in one place.

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/version.h>

#include <string>

namespace denseshift::compat {

#define DENSESHIFT_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

/// Switches bf16 autocast for the device's kind on or off.
inline void set_autocast_bf16(at::DeviceType device, bool on) {
#if DENSESHIFT_TORCH_AT_LEAST(2, 4)
  at::autocast::set_autocast_dtype(device, at::kBFloat16);
  at::autocast::set_autocast_enabled(device, on);
#else
  if (device == at::kCUDA) {
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
    at::autocast::set_enabled(on);
  } else {
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(on);
  }
#endif
  if (!on) at::autocast::clear_cache();
}

/// Autocast for the life of the object, when `on`.
class AutocastBf16 {
 public:
  AutocastBf16(at::DeviceType device, bool on) : device_(device), on_(on) {
    if (on_) set_autocast_bf16(device_, true);
  }
  ~AutocastBf16() {
    if (on_) set_autocast_bf16(device_, false);
  }
  AutocastBf16(const AutocastBf16&) = delete;
  AutocastBf16& operator=(const AutocastBf16&) = delete;

 private:
  at::DeviceType device_;
  bool on_;
};

/// "1.13" or "2.11": only major and minor mean something, packagers change the rest.
inline std::string torch_version() {
  return std::to_string(TORCH_VERSION_MAJOR) + "." + std::to_string(TORCH_VERSION_MINOR);
}

}  // namespace denseshift::compat
