#include "core/bench/matrix_cases.h"

#include <algorithm>
#include <cmath>

#include "core/bench/memory.h"
#include "core/bench/random_data.h"
#include "core/kernels/shift_codes.h"
#include "core/util/error.h"

namespace denseshift::bench {
namespace {

constexpr double kMostScalarMacs = 64e6;  // scalar paths make about one multiply-accumulate in a nanosecond

/// Weights in one of our forms, as many copies as the mode wants, with inputs and output.
template <class Weights>
struct MatrixData {
  std::vector<Weights> weights;
  kernels::A8Matrix x8;
  std::vector<float> y;
  std::shared_ptr<const MatrixProblem> problem;

  MatrixData(const std::shared_ptr<const MatrixProblem>& given, const Weights& form, bool cold)
      : y(given->m * given->n), problem(given) {
    weights.assign(cold ? copies_beyond_cache(form.tiles.size(), cache_sizes()) : 1, form);
    kernels::quantize_a8(given->x.data(), given->m, given->k, x8);
  }
  [[nodiscard]] const Weights& copy(std::size_t call) const { return weights[call % weights.size()]; }
  [[nodiscard]] double bytes() const { return static_cast<double>(weights.front().tiles.size()); }
};

void run_f32(MatrixData<kernels::F32Weights>& data, std::size_t call, int threads) {
  const MatrixProblem& problem = *data.problem;
  if (problem.m == 1) {
    kernels::gemv_f32(data.copy(call), problem.x.data(), data.y.data(), {}, threads);
  } else {
    kernels::gemm_f32(data.copy(call), problem.x.data(), problem.m, data.y.data(), {}, threads);
  }
}

void run_a8(MatrixData<kernels::A8Weights>& data, std::size_t call, int threads) {
  if (data.problem->m == 1) {
    kernels::gemv_a8(data.copy(call), data.x8, data.y.data(), {}, threads);
  } else {
    kernels::gemm_a8(data.copy(call), data.x8, data.y.data(), {}, threads);
  }
}

void check(const MatrixProblem& problem, const std::vector<float>& y, bool integer, const std::string& name) {
  for (const auto& [row, column] : checked_outputs(problem.m, problem.n)) {
    const double got = y[row * problem.n + column];
    const double expected =
        integer ? static_cast<double>(problem.x_scale) * static_cast<double>(problem.centred_sum(row, column))
                : problem.float_sum(row, column);
    const double allowed = integer ? std::fabs(expected) * 1e-6 + 1e-30
                                   : problem.magnitude(row, column) * static_cast<double>(problem.k) * 0x1p-24;
    if (std::fabs(got - expected) <= allowed) continue;
    throw work_error(name + " computes " + std::to_string(got) + " instead of " + std::to_string(expected) +
                     " at output " + std::to_string(column) + " of sample " + std::to_string(row));
  }
}

double macs_of(const MatrixProblem& problem) {
  return static_cast<double>(problem.m) * static_cast<double>(problem.n) * static_cast<double>(problem.k);
}

}  // namespace

double MatrixProblem::float_sum(std::size_t row, std::size_t column) const {
  double sum = 0;
  for (std::size_t i = 0; i < k; ++i)
    sum += static_cast<double>(x[row * k + i]) * static_cast<double>(w[column * k + i]);
  return sum;
}

std::int64_t MatrixProblem::byte_sum(std::size_t row, std::size_t column) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < k; ++i) sum += static_cast<std::int64_t>(w8[column * k + i]) * x8[row * k + i];
  return sum;
}

std::int64_t MatrixProblem::centred_sum(std::size_t row, std::size_t column) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < k; ++i) {
    sum += static_cast<std::int64_t>(w[column * k + i]) * (static_cast<std::int64_t>(x8[row * k + i]) - 128);
  }
  return sum;
}

double MatrixProblem::magnitude(std::size_t row, std::size_t column) const {
  double sum = 0;
  for (std::size_t i = 0; i < k; ++i) {
    sum += std::fabs(static_cast<double>(x[row * k + i]) * static_cast<double>(w[column * k + i]));
  }
  return sum;
}

std::shared_ptr<const MatrixProblem> make_matrix_problem(std::size_t m, std::size_t n, std::size_t k, int bits) {
  Random random(m + n + k);
  auto problem = std::make_shared<MatrixProblem>();
  problem->m = m;
  problem->n = n;
  problem->k = k;
  problem->bits = bits;
  std::vector<std::uint8_t> codes(n * k);
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random.below(std::uint64_t{1} << bits));
  for (const std::uint8_t code : codes) {
    const float weight = kernels::weight_of_packed(code, bits);
    problem->w.push_back(weight);
    problem->w8.push_back(static_cast<std::int8_t>(std::clamp(weight, -127.0F, 127.0F)));
  }
  problem->packed = kernels::pack_matrix(bits, n, k, codes, std::vector<float>(n, 1.0F));
  problem->x = random_values(m * k, random);
  kernels::A8Matrix quantized;
  kernels::quantize_a8(problem->x.data(), m, k, quantized);
  problem->x_scale = quantized.scale;
  for (std::size_t row = 0; row < m; ++row) {
    const std::uint8_t* bytes = quantized.data.data() + row * quantized.stride;
    problem->x8.insert(problem->x8.end(), bytes, bytes + k);
  }
  return problem;
}

std::vector<WorkCase> matrix_cases(const std::shared_ptr<const MatrixProblem>& problem, const CaseOptions& options) {
  const std::string name = "w" + std::to_string(problem->bits);
  const std::string bits = std::to_string(problem->bits) + "-bit weights";
  const int threads = options.threads;
  const double macs = macs_of(*problem);
  auto a8 =
      std::make_shared<MatrixData<kernels::A8Weights>>(problem, kernels::repack_a8(problem->packed), options.cold);
  auto f32 =
      std::make_shared<MatrixData<kernels::F32Weights>>(problem, kernels::repack_f32(problem->packed), options.cold);
  run_a8(*a8, 0, threads);
  check(*problem, a8->y, true, name + "a8");
  run_f32(*f32, 0, threads);
  check(*problem, f32->y, false, name + "f32");

  const auto plain = each_call([a8, threads](std::size_t call) { run_a8(*a8, call, threads); });
  const auto quantizing = each_call([a8, threads](std::size_t call) {
    kernels::quantize_a8(a8->problem->x.data(), a8->problem->m, a8->problem->k, a8->x8);
    run_a8(*a8, call, threads);
  });
  std::vector<WorkCase> cases = {
      {{name + "a8", bits + ", activations are bytes", "", plain}, {macs, a8->bytes(), true}, true},
      {{name + "a8+q", bits + ", quantization of activations included", "", quantizing},
       {macs, a8->bytes(), true},
       true},
      {{name + "f32", bits + ", exact FP32", "",
        each_call([f32, threads](std::size_t call) { run_f32(*f32, call, threads); })},
       {macs, f32->bytes(), false},
       true}};
  if (macs <= kMostScalarMacs) {
    cases.push_back({{name + "a8-scalar", bits + ", plain C++", "", under_scalar(plain, options.isa)},
                     {macs, a8->bytes(), true},
                     true});
  }
  return cases;
}

std::vector<WorkCase> plain_matrix_cases(const std::shared_ptr<const MatrixProblem>& problem,
                                         const CaseOptions& options) {
  if (macs_of(*problem) > kMostScalarMacs) return {};
  const std::size_t bytes = problem->w.size() * sizeof(float);
  const std::size_t copies = options.cold ? copies_beyond_cache(bytes, cache_sizes()) : 1;
  auto weights = std::make_shared<std::vector<std::vector<float>>>(copies, problem->w);
  auto y = std::make_shared<std::vector<float>>(problem->m * problem->n);
  const auto loop = each_call([problem, weights, y](std::size_t call) {
    const float* w = (*weights)[call % weights->size()].data();
    for (std::size_t row = 0; row < problem->m; ++row) {
      for (std::size_t column = 0; column < problem->n; ++column) {
        const float* xs = problem->x.data() + row * problem->k;
        const float* ws = w + column * problem->k;
        float sum = 0;
        for (std::size_t i = 0; i < problem->k; ++i) sum += xs[i] * ws[i];
        (*y)[row * problem->n + column] = sum;
      }
    }
    keep(y->data());
  });
  loop(0, 1);
  check(*problem, *y, false, "the plain loop");
  return {{{"plain-f32", "a plain loop over FP32", "", loop},
           {macs_of(*problem), static_cast<double>(bytes), false},
           false}};
}

std::vector<std::pair<std::size_t, std::size_t>> checked_outputs(std::size_t rows, std::size_t columns) {
  constexpr std::size_t kMost = 64;
  const std::size_t all = rows * columns;
  std::vector<std::pair<std::size_t, std::size_t>> outputs;
  for (std::size_t i = 0; i < std::min(all, kMost); ++i) {
    const std::size_t at = all <= kMost ? i : i * (all - 1) / (kMost - 1);
    outputs.emplace_back(at / columns, at % columns);
  }
  return outputs;
}

std::function<void(std::size_t, std::size_t)> under_scalar(std::function<void(std::size_t, std::size_t)> run,
                                                           std::optional<kernels::Isa> restore) {
  return [run = std::move(run), restore](std::size_t first, std::size_t count) {
    kernels::restrict_isa(kernels::Isa::scalar);
    run(first, count);
    if (restore) {
      kernels::restrict_isa(*restore);
    } else {
      kernels::unrestrict_isa();
    }
  };
}

}  // namespace denseshift::bench
