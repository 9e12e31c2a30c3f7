#pragma once
// Invented data for figures. Equal calls give equal data on every machine: no distribution of the standard library.

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "experiments/report/figures/accuracy_bits.h"
#include "experiments/report/figures/curves.h"
#include "experiments/report/figures/dynamics.h"
#include "experiments/report/figures/start.h"

namespace denseshift::experiments::testing {

/// Numbers from -1 to 1.
class Noise {
 public:
  double next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state_ >> 33U) / 1073741824.0 - 1;
  }

 private:
  std::uint64_t state_ = 7;
};

struct SampleRow {
  const char* method;
  const char* init;
  int wbits;
  double paper;
};

inline StudyResult sample_study(bool measured) {
  const std::vector<SampleRow> rows = {
      {"FP32", "R", 32, 69.6},      {"TTQ", "PT", 2, 66.6},          {"LQ-Nets", "R", 2, 68.0},
      {"LQ-Nets", "R", 3, 69.3},    {"LQ-Nets", "R", 4, 70.0},       {"BWN", "R", 1, 60.8},
      {"HWGQ", "R", 1, 61.3},       {"BWHN", "R", 1, 64.3},          {"IR-net", "R", 1, 66.5},
      {"TWN", "R", 2, 61.8},        {"LR-net", "R", 2, 63.5},        {"SQ-TWN", "R", 2, 63.8},
      {"INQ", "PT", 2, 66.02},      {"S3-Shift", "R", 2, 66.37},     {"DenseShift", "LVR", 2, 68.9},
      {"INQ", "PT", 3, 68.08},      {"INQ", "PT", 4, 68.89},         {"INQ", "PT", 5, 68.98},
      {"DeepShift", "R", 5, 65.63}, {"DeepShift", "PT", 4, 69.56},   {"DeepShift", "PT", 5, 69.56},
      {"S3-Shift", "R", 3, 69.82},  {"DenseShift", "LVR", 3, 70.62}, {"STE", "PT", 4, 69.98},
      {"S3-Shift", "R", 4, 70.47},  {"DenseShift", "LVR", 4, 70.94}};
  StudyResult result;
  result.study = "fig1";
  result.title = "Accuracy against bits, ResNet-18";
  result.source = "paper, figure 1 and table 1";
  result.paper_data = "ImageNet";
  result.figure = "accuracy-bits";
  result.scale = "small";
  result.recipe = "CIFAR-10, ResNet-20, 20 epochs";
  result.dataset = "CIFAR-10";
  result.labels = {{"method", "method"}, {"wbits", "W bits"}, {"init", "init"}};
  result.columns = {{"top1", "top-1 accuracy", "%", 2}};
  std::int64_t run = 1;
  for (const SampleRow& row : rows) {
    CellResult cell;
    cell.paper = row.paper;
    if (measured && row.wbits < 5) {
      cell.mean = row.paper * 1.25 - 1.5;
      cell.spread = 0.4;
      cell.runs = {{run, 1, *cell.mean}};
      ++run;
    }
    result.rows.push_back({row.method, {row.method, std::to_string(row.wbits), row.init}, {cell}});
  }
  return result;
}

/// Three humps that move apart.
inline std::vector<WeightHistogram> sample_histograms(int epochs, int bins = 60) {
  std::vector<WeightHistogram> histograms;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    WeightHistogram h{static_cast<double>(epoch), "layer2.0.conv1", "weight", -1, 1, {}};
    const double t = static_cast<double>(epoch) / epochs;
    for (int i = 0; i < bins; ++i) {
      const double x = -1 + 2 * (i + 0.5) / bins;
      const auto hump = [&](double centre, double width) {
        return std::exp(-(x - centre) * (x - centre) / (2 * width * width)) / width;
      };
      h.counts.push_back(std::round(1000 * ((1 - t) * hump(0, 0.3) + t * (hump(0.35, 0.06) + hump(-0.35, 0.06)))));
    }
    histograms.push_back(std::move(h));
  }
  return histograms;
}

/// Random walks from a start of this spread.
inline std::vector<WeightTrace> sample_traces(int count, double spread, int steps) {
  std::vector<WeightTrace> traces;
  Noise noise;
  for (int i = 0; i < count; ++i) {
    WeightTrace trace{"layer2.0.conv1", i, {}};
    double a = spread * noise.next() * 2;
    double b = spread * noise.next() * 2;
    for (int step = 0; step < steps; ++step) {
      trace.points.push_back({step, step / 100.0, 1, {{"w_sign", a}, {"w_1", b}, {"w_2", a - b}}});
      a += 0.004 * noise.next() + 0.0001 * (i % 5 - 2);
      b += 0.004 * noise.next() + 0.0001 * (i % 3 - 1);
    }
    traces.push_back(std::move(trace));
  }
  return traces;
}

inline std::vector<Curve> sample_curves() {
  std::vector<Curve> curves;
  for (int run = 1; run <= 4; ++run) {
    for (const char* split : {"val", "train"}) {
      for (const char* metric : {"top1", "loss"}) {
        Curve curve{run, std::to_string(run) + " resnet20 denseshift W" + std::to_string(run), split, metric, {}};
        for (int epoch = 0; epoch < 20; ++epoch) {
          const double t = 1 - std::exp(-epoch / 5.0);
          const double shift = split[0] == 't' ? 1.05 : 1.0;
          curve.points.emplace_back(
              epoch, metric[0] == 't' ? shift * (40 + 40 * t + run) : 2.3 - 1.5 * t * shift + 0.05 * run);
        }
        curves.push_back(std::move(curve));
      }
    }
  }
  return curves;
}

}  // namespace denseshift::experiments::testing
