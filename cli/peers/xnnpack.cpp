// XNNPACK: fully connected and convolution operators, which pack their weights when they are made.

#include <pthreadpool.h>
#include <xnnpack.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/peers/peer.h"

namespace denseshift::peers {
namespace {

constexpr float kLargest = std::numeric_limits<float>::infinity();

void require(xnn_status status, const char* what) {
  if (status == xnn_status_success) return;
  throw std::runtime_error(std::string(what) + " failed with status " + std::to_string(static_cast<int>(status)));
}

pthreadpool_t thread_pool(int threads) {
  static pthreadpool_t pool = pthreadpool_create(static_cast<std::size_t>(threads));
  return threads > 1 ? pool : nullptr;
}

/// `Value` is float, or int8 with results that are sums divided by scale().
template <class Value>
class XnnCase : public Case {
 public:
  explicit XnnCase(const Problem& problem) : problem_(problem), y_(output_count(problem)) {
    require(xnn_initialize(nullptr), "its start");
    // Inputs may be read beyond their end.
    x_.resize(input_count(problem) + XNN_EXTRA_BYTES);
    for (std::size_t i = 0; i < input_count(problem); ++i) {
      if constexpr (kBytes) {
        x_[i] = static_cast<std::int8_t>(problem.x8[i] - 128);
      } else {
        x_[i] = problem.x[i];
      }
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(problem.copies, 1); ++i) {
      operators_.push_back(is_convolution(problem) ? make_convolution() : make_matrix());
      set_up(operators_.back());
    }
  }
  ~XnnCase() override {
    for (xnn_operator_t one : operators_) xnn_delete_operator(one);
  }
  XnnCase(const XnnCase&) = delete;
  XnnCase& operator=(const XnnCase&) = delete;

  void call(std::size_t copy) override {
    require(xnn_run_operator(operators_[copy], thread_pool(problem_.threads)), "a call");
  }

  double output(float* y) override {
    for (std::size_t i = 0; i < y_.size(); ++i) y[i] = static_cast<float>(y_[i]);
    return kBytes ? static_cast<double>(scale()) : 1;
  }

 private:
  static constexpr bool kBytes = std::is_same_v<Value, std::int8_t>;

  /// So that the largest sum fits a signed byte.
  [[nodiscard]] float scale() const { return static_cast<float>(std::max(1.0, problem_.largest_sum / 127)); }

  [[nodiscard]] xnn_operator_t make_matrix() const {
    xnn_operator_t made = nullptr;
    if constexpr (kBytes) {
      require(xnn_create_fully_connected_nc_qs8(problem_.k, problem_.n, problem_.k, problem_.n, 0, 1, 1, problem_.w8,
                                                nullptr, 0, scale(), -128, 127, 0, &made),
              "making an operator");
    } else {
      require(xnn_create_fully_connected_nc_f32(problem_.k, problem_.n, problem_.k, problem_.n, problem_.w, nullptr,
                                                -kLargest, kLargest, 0, &made),
              "making an operator");
    }
    return made;
  }

  [[nodiscard]] xnn_operator_t make_convolution() const {
    const auto number = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
    const std::uint32_t pad = number(problem_.padding);
    const std::uint32_t step = number(problem_.stride);
    xnn_operator_t made = nullptr;
    if constexpr (kBytes) {
      require(xnn_create_convolution2d_nhwc_qs8(pad, pad, pad, pad, number(problem_.kernel_height),
                                                number(problem_.kernel_width), step, step, 1, 1, 1, problem_.channels,
                                                problem_.outputs, problem_.channels, problem_.outputs, 0, 1, 1,
                                                problem_.w8, nullptr, 0, scale(), -128, 127, 0, &made),
              "making an operator");
    } else {
      require(xnn_create_convolution2d_nhwc_f32(pad, pad, pad, pad, number(problem_.kernel_height),
                                                number(problem_.kernel_width), step, step, 1, 1, 1, problem_.channels,
                                                problem_.outputs, problem_.channels, problem_.outputs, problem_.w,
                                                nullptr, -kLargest, kLargest, 0, &made),
              "making an operator");
    }
    return made;
  }

  void set_up(xnn_operator_t one) {
    pthreadpool_t pool = thread_pool(problem_.threads);
    xnn_status status = xnn_status_success;
    if (is_convolution(problem_)) {
      if constexpr (kBytes) {
        status = xnn_setup_convolution2d_nhwc_qs8(one, problem_.batch, problem_.height, problem_.width, x_.data(),
                                                  y_.data(), pool);
      } else {
        status = xnn_setup_convolution2d_nhwc_f32(one, problem_.batch, problem_.height, problem_.width, x_.data(),
                                                  y_.data(), pool);
      }
    } else if constexpr (kBytes) {
      status = xnn_setup_fully_connected_nc_qs8(one, problem_.m, x_.data(), y_.data(), pool);
    } else {
      status = xnn_setup_fully_connected_nc_f32(one, problem_.m, x_.data(), y_.data(), pool);
    }
    require(status, "setting an operator up");
  }

  Problem problem_;
  std::vector<Value> x_, y_;
  std::vector<xnn_operator_t> operators_;
};

template <class Value>
std::unique_ptr<Case> prepare(const Problem& problem) {
  return std::make_unique<XnnCase<Value>>(problem);
}

}  // namespace

Library xnnpack() {
  return {"xnnpack",
          "built in (it tells no version)",
          "libxnnpack-dev",
          nullptr,
          {{"f32", "f32", "XNNPACK fully connected f32", prepare<float>},
           {"qs8", "s8", "XNNPACK fully connected qs8, results requantized to bytes", prepare<std::int8_t>}},
          {{"f32", "f32", "XNNPACK convolution f32", prepare<float>},
           {"qs8", "s8", "XNNPACK convolution qs8, results requantized to bytes", prepare<std::int8_t>}}};
}

}  // namespace denseshift::peers
