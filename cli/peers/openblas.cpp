// OpenBLAS: sgemv for one sample, sgemm otherwise. It has no form to prepack weights in.

#include <cblas.h>

#include <algorithm>

#include "cli/peers/peer.h"

namespace denseshift::peers {
namespace {

class BlasCase : public Case {
 public:
  explicit BlasCase(const Problem& problem) : problem_(problem), y_(output_count(problem)) {
    openblas_set_num_threads(problem.threads);
    for (std::size_t i = 0; i < std::max<std::size_t>(problem.copies, 1); ++i) {
      weights_.emplace_back(problem.w, problem.w + weight_count(problem));
    }
  }

  void call(std::size_t copy) override {
    const auto m = static_cast<int>(problem_.m);
    const auto n = static_cast<int>(problem_.n);
    const auto k = static_cast<int>(problem_.k);
    const float* w = weights_[copy].data();
    if (m == 1) {
      cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1.0F, w, k, problem_.x, 1, 0.0F, y_.data(), 1);
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0F, problem_.x, k, w, k, 0.0F, y_.data(), n);
    }
  }

  double output(float* y) override {
    std::copy(y_.begin(), y_.end(), y);
    return 1;
  }

 private:
  Problem problem_;
  std::vector<float> y_;
  std::vector<std::vector<float>> weights_;
};

}  // namespace

Library openblas() {
  const char* config = openblas_get_config();
  return {"openblas",
          std::string(config) + ", kernels for " + openblas_get_corename(),
          "libopenblas-dev",
          "OPENBLAS_CORETYPE",
          {{"f32", "f32", "OpenBLAS sgemv and sgemm",
            [](const Problem& problem) -> std::unique_ptr<Case> { return std::make_unique<BlasCase>(problem); }}},
          {}};
}

}  // namespace denseshift::peers
