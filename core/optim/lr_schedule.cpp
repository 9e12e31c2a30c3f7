#include "core/optim/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/util/error.h"

namespace denseshift::optim {
namespace {

/// Constant within an epoch, as in the papers: epoch e of E has (1 + cos(pi*e/E)) / 2.
double cosine(const LrOptions&, const LrPosition& at) {
  return 0.5 * (1.0 + std::cos(std::numbers::pi * at.epoch / at.epochs));
}

/// lr_gamma to the power of the milestones passed.
double step(const LrOptions& options, const LrPosition& at) {
  constexpr double kUsualInterval = 30;
  if (options.milestones.empty()) return std::pow(options.lr_gamma, std::floor(at.progress / kUsualInterval));
  const auto passed = std::count_if(options.milestones.begin(), options.milestones.end(),
                                    [&](double milestone) { return at.progress >= milestone; });
  return std::pow(options.lr_gamma, static_cast<double>(passed));
}

/// (1 - progress/E) to poly_power, every step its own value.
double poly(const LrOptions& options, const LrPosition& at) {
  return std::pow(1.0 - at.progress / at.epochs, options.poly_power);
}

double constant(const LrOptions&, const LrPosition&) { return 1.0; }

void check(bool good, const std::string& key, const std::string& rule) {
  if (!good) throw usage_error(key + ": " + rule);
}

}  // namespace

const Registry<LrFunction>& lr_schedules() {
  static const Registry<LrFunction> registry = [] {
    Registry<LrFunction> r("schedule");
    r.add("cosine", "half a cosine from lr to 0, one value per epoch", cosine);
    r.add("step", "times lr_gamma at each milestone", step);
    r.add("poly", "(1 - progress)^poly_power, one value per step", poly);
    r.add("constant", "lr throughout", constant);
    return r;
  }();
  return registry;
}

LrSchedule::LrSchedule(LrOptions options)
    : options_(std::move(options)),
      function_(lr_schedules().get(options_.schedule)),
      ahead_(options_.lr_offset == "demo" ? 1.0 : 0.0) {
  check(options_.lr_offset == "demo" || options_.lr_offset == "standard", "lr_offset", "must be standard or demo");
  check(std::isfinite(options_.lr) && options_.lr >= 0, "lr", "must be a number of at least 0");
  check(options_.steps_per_epoch >= 1, "steps_per_epoch", "must be at least 1");
  check(options_.epochs >= 1, "epochs", "must be at least 1");
  check(std::isfinite(options_.warmup_epochs) && options_.warmup_epochs >= 0, "warmup_epochs",
        "must be a number of at least 0");
  check(std::isfinite(options_.lr_gamma) && options_.lr_gamma >= 0, "lr_gamma", "must be a number of at least 0");
  check(std::isfinite(options_.poly_power) && options_.poly_power >= 0, "poly_power", "must be a number of at least 0");
}

double LrSchedule::at(std::int64_t step) const {
  const double epochs = static_cast<double>(options_.epochs);
  const double per_epoch = static_cast<double>(options_.steps_per_epoch);
  LrPosition position;
  position.epochs = epochs;
  position.epoch = std::min(static_cast<double>(step / options_.steps_per_epoch) + ahead_, epochs);
  position.progress = std::min(static_cast<double>(step) / per_epoch + ahead_, epochs);
  const double warmup_steps = options_.warmup_epochs * per_epoch;
  const double warmup = warmup_steps > 0 ? std::min(1.0, static_cast<double>(step + 1) / warmup_steps) : 1.0;
  return options_.lr * function_(options_, position) * warmup;
}

}  // namespace denseshift::optim
