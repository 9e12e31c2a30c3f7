#pragma once
// What libdenseshift_peers.so exports: other libraries' matrix products and convolutions, prepared once and run many
// times. Plain C across the boundary; no exception leaves the module.

#include <cstddef>
#include <cstdint>

extern "C" {

/// A matrix product y[m][n] = sum over k of x[m][k] w[n][k], or, when kernel_height is not 0, a convolution over NHWC
/// images with weights [outputs][kernel_height][kernel_width][channels] and zeros as padding.
struct denseshift_peer_problem {
  std::size_t m, n, k;
  std::size_t batch, height, width, channels, outputs, kernel_height, kernel_width, stride, padding;
  const float* w;
  const std::int8_t* w8;
  const float* x;
  const std::uint8_t* x8;  ///< for unsigned bytes as they are, for signed bytes minus 128
  double largest_sum;      ///< largest magnitude of a sum of bytes, for libraries whose results are bytes
  std::size_t copies;      ///< of the weights; call i uses copy i % copies
  int threads;
};

/// Gets the JSON text that describes the module.
using denseshift_peers_sink = void (*)(void* target, const char* text);

/// What the module has, as JSON: an array of {"name", "version" (null: not built in), "package", "held" (how the
/// library was held to a level, from the environment; null: it cannot be), "matrix": [kernels], "convolution":
/// [kernels]}, a kernel being {"name", "kind": "f32", "u8", "s8" (results are bytes), "label"}. Returns 0.
int denseshift_peers_describe(denseshift_peers_sink sink, void* target);

/// Makes a case of `kernel` ("onednn/f32") ready: weights repacked into the library's own layout, activations in its
/// own form. The problem's data must outlive the case. Returns nullptr with a message in `error` when the library
/// cannot do it.
void* denseshift_peer_prepare(const char* kernel, const denseshift_peer_problem* problem, char* error,
                              std::size_t error_size);
/// Makes `count` calls. Returns 0, or 1 when one failed.
int denseshift_peer_run(void* prepared, std::size_t first, std::size_t count);
/// The result of the last call in plain order ([m][n], or NHWC) as floats. What one unit of it means is in `unit`: sums
/// of kind u8 and s8 are sums of bytes divided by it. Returns 0, or 1 when it failed.
int denseshift_peer_output(void* prepared, float* y, double* unit);
void denseshift_peer_release(void* prepared);
}
