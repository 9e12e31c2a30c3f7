#include "core/bench/conv_cases.h"

#include <algorithm>
#include <cmath>

#include "core/bench/memory.h"
#include "core/bench/random_data.h"
#include "core/kernels/shift_codes.h"
#include "core/util/error.h"

namespace denseshift::bench {
namespace {

/// Calls visit(index into x, index into w) for every tap of an output that lies inside the image.
template <class Visit>
void each_tap(const ConvProblem& problem, std::size_t pixel, std::size_t output, const Visit& visit) {
  const kernels::ConvShape& shape = problem.shape;
  const std::size_t columns = shape.out_width();
  const std::size_t image = pixel / (columns * shape.out_height());
  const std::size_t top = pixel / columns % shape.out_height() * shape.stride;
  const std::size_t left = pixel % columns * shape.stride;
  for (std::size_t i = 0; i < shape.kernel_height; ++i) {
    for (std::size_t j = 0; j < shape.kernel_width; ++j) {
      const std::size_t y = top + i - shape.padding;  // wraps around above the image
      const std::size_t x = left + j - shape.padding;
      if (y >= shape.height || x >= shape.width) continue;
      const std::size_t from = ((image * shape.height + y) * shape.width + x) * shape.channels;
      const std::size_t weight = ((output * shape.kernel_height + i) * shape.kernel_width + j) * shape.channels;
      for (std::size_t c = 0; c < shape.channels; ++c) visit(from + c, weight + c);
    }
  }
}

struct ConvData {
  std::vector<kernels::A8Weights> weights;
  kernels::A8Matrix x;
  std::vector<float> y;
  std::shared_ptr<const ConvProblem> problem;

  void quantize() {
    const kernels::ConvShape& shape = problem->shape;
    kernels::quantize_a8(problem->x.data(), shape.batch * shape.height * shape.width, shape.channels, x);
  }
  void run(std::size_t call, int threads) {
    kernels::conv_a8(weights[call % weights.size()], problem->shape, x, y.data(), {}, threads);
  }
};

void check(const ConvProblem& problem, const std::vector<float>& y, const std::string& name) {
  for (const auto& [pixel, output] : checked_outputs(problem.pixels(), problem.outputs)) {
    const double expected =
        static_cast<double>(problem.x_scale) * static_cast<double>(problem.byte_sum(pixel, output, 128));
    const double got = y[pixel * problem.outputs + output];
    if (std::fabs(got - expected) <= std::fabs(expected) * 1e-6 + 1e-30) continue;
    throw work_error(name + " computes " + std::to_string(got) + " instead of " + std::to_string(expected) +
                     " at channel " + std::to_string(output) + " of pixel " + std::to_string(pixel));
  }
}

}  // namespace

std::size_t ConvProblem::pixels() const { return shape.batch * shape.out_height() * shape.out_width(); }

double ConvProblem::macs() const { return static_cast<double>(pixels()) * static_cast<double>(w.size()); }

double ConvProblem::float_sum(std::size_t pixel, std::size_t output) const {
  double sum = 0;
  each_tap(*this, pixel, output, [&](std::size_t from, std::size_t weight) {
    sum += static_cast<double>(x[from]) * static_cast<double>(w[weight]);
  });
  return sum;
}

std::int64_t ConvProblem::byte_sum(std::size_t pixel, std::size_t output, int zero_point) const {
  std::int64_t sum = 0;
  each_tap(*this, pixel, output, [&](std::size_t from, std::size_t weight) {
    sum += (static_cast<std::int64_t>(x8[from]) - zero_point) * static_cast<std::int64_t>(w[weight]);
  });
  return sum;
}

std::shared_ptr<const ConvProblem> make_conv_problem(const ConvLayer& layer, int bits) {
  auto problem = std::make_shared<ConvProblem>();
  const kernels::ConvShape& shape = layer.shape;
  problem->shape = shape;
  problem->outputs = layer.outputs;
  problem->bits = bits;
  const std::size_t cols = shape.kernel_height * shape.kernel_width * shape.channels;
  Random random(cols);
  std::vector<std::uint8_t> codes(layer.outputs * cols);
  for (std::uint8_t& code : codes) {
    code = static_cast<std::uint8_t>(random.below(std::uint64_t{1} << bits));
    const float weight = kernels::weight_of_packed(code, bits);
    problem->w.push_back(weight);
    problem->w8.push_back(static_cast<std::int8_t>(std::clamp(weight, -127.0F, 127.0F)));
  }
  problem->packed = kernels::pack_matrix(bits, layer.outputs, cols, codes, std::vector<float>(layer.outputs, 1.0F));
  const std::size_t pixels = shape.batch * shape.height * shape.width;
  problem->x = random_values(pixels * shape.channels, random);
  kernels::A8Matrix quantized;
  kernels::quantize_a8(problem->x.data(), pixels, shape.channels, quantized);
  problem->x_scale = quantized.scale;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    const std::uint8_t* bytes = quantized.data.data() + pixel * quantized.stride;
    problem->x8.insert(problem->x8.end(), bytes, bytes + shape.channels);
  }
  return problem;
}

std::vector<WorkCase> conv_cases(const std::shared_ptr<const ConvProblem>& problem, const CaseOptions& options) {
  const std::string name = "w" + std::to_string(problem->bits) + "a8";
  const std::string bits = std::to_string(problem->bits) + "-bit weights";
  const int threads = options.threads;
  auto data = std::make_shared<ConvData>();
  data->problem = problem;
  data->y.resize(problem->pixels() * problem->outputs);
  const kernels::A8Weights weights =
      kernels::repack_a8(problem->packed, problem->shape.kernel_height * problem->shape.kernel_width);
  const auto bytes = static_cast<double>(weights.tiles.size());
  data->weights.assign(options.cold ? copies_beyond_cache(weights.tiles.size(), cache_sizes()) : 1, weights);
  data->quantize();
  data->run(0, threads);
  check(*problem, data->y, name);

  const Work work{problem->macs(), bytes, true};
  return {
      {{name, bits + ", activations are bytes", "",
        each_call([data, threads](std::size_t call) { data->run(call, threads); })},
       work,
       true},
      {{name + "+q", bits + ", quantization of activations included", "", each_call([data, threads](std::size_t call) {
          data->quantize();
          data->run(call, threads);
        })},
       work,
       true}};
}

}  // namespace denseshift::bench
