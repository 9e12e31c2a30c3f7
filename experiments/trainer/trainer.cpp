#include "experiments/trainer/trainer.h"

#include <ATen/ATen.h>

#include <chrono>
#include <cmath>

#include "core/io/state_dict.h"
#include "core/nn/layers.h"
#include "core/util/clock.h"
#include "experiments/trainer/evaluate.h"

namespace denseshift::experiments {
namespace {

void append(std::vector<quant::NamedTensor>& all, const std::string& prefix,
            const std::vector<quant::NamedTensor>& some) {
  for (const quant::NamedTensor& item : some) all.push_back({prefix + item.name, item.tensor});
}

at::Generator cpu_generator() { return at::globalContext().defaultGenerator(at::kCPU); }

/// Generators that a method or the data may draw from, by the name they have in a checkpoint.
std::vector<std::pair<std::string, at::Generator>> generators(at::Device device) {
  std::vector<std::pair<std::string, at::Generator>> all{{"cpu", cpu_generator()}};
  if (device.is_cuda()) all.emplace_back("cuda", at::globalContext().defaultGenerator(device));
  return all;
}

}  // namespace

Trainer::Trainer(Setup& setup, std::filesystem::path directory, nlohmann::ordered_json environment,
                 std::vector<Hook*> hooks, StopQuestion should_stop)
    : setup_(setup),
      directory_(std::move(directory)),
      environment_(std::move(environment)),
      hooks_(std::move(hooks)),
      should_stop_(std::move(should_stop)),
      train_loader_(*setup.dataset, loader_options(setup.config, data::Split::train)),
      val_loader_(*setup.dataset, loader_options(setup.config, data::Split::val)),
      test_loader_(
          setup.dataset->size(data::Split::test) == 0
              ? nullptr
              : std::make_unique<data::Loader>(*setup.dataset, loader_options(setup.config, data::Split::test))),
      optimizer_(build_optimizer(setup.config, *setup.model)),
      updates_per_epoch_((train_loader_.batches() + setup.config.accumulate - 1) / setup.config.accumulate),
      stages_(stage_count(*setup.model)) {
  if (setup.config.ema > 0) ema_ = std::make_unique<optim::Ema>(*setup.model, setup.config.ema);
  for (auto& [name, generator] : generators(setup.device)) generator.set_current_seed(setup.config.seed);
}

void Trainer::resume(const Checkpoint& checkpoint) {
  checkpoint.load("model.", io::state_of(*setup_.model));
  io::state_changed(*setup_.model);
  checkpoint.load("optimizer.", optimizer_->state());
  if (ema_) checkpoint.load("ema.", ema_->state());
  hook_state_ = checkpoint.tensors("hook.");
  for (const quant::NamedTensor& item : checkpoint.tensors("rng.")) {
    for (auto& [name, generator] : generators(setup_.device)) {
      if (item.name == name) generator.set_state(item.tensor);
    }
  }
  position_ = checkpoint.info().position;
  // A run stopped in the evaluation after an epoch makes no update before that epoch is recorded.
  if (position_.step > 0) {
    lr_ = learning_rate((position_.step - 1) / setup_.config.accumulate);
  }
  if (position_.step > train_loader_.batches()) {
    throw input_error(checkpoint.file_name() + ": step " + std::to_string(position_.step) + " is beyond the " +
                      std::to_string(train_loader_.batches()) + " steps of an epoch");
  }
}

TrainOutcome Trainer::run() {
  for (Hook* hook : hooks_) hook->on_start(setup_, position_.epoch + (position_.step > 0 ? 1 : 0));
  for (Hook* hook : hooks_) hook->load(hook_state_);
  if (position_.epoch == 0 && position_.step == 0) {
    calibrate();
    for (Hook* hook : hooks_) hook->on_ready();
  }
  while (position_.epoch < setup_.config.epochs && stop_reason_.empty()) {
    train_epoch();
    if (!stop_reason_.empty()) break;
    const Score val = evaluate_now();
    if (!stop_reason_.empty()) break;
    finish_epoch(val);
    if (position_.epoch < setup_.config.epochs) (void)stop_now();
  }
  outcome_.finished = position_.epoch >= setup_.config.epochs;
  // A run that was stopped before its first step starts again from the beginning.
  if (!outcome_.finished && position_.epoch + position_.step > 0) save_last();
  outcome_.stop_reason = stop_reason_;
  outcome_.position = position_;
  outcome_.primary = setup_.task->primary();
  for (Hook* hook : hooks_) hook->on_end();
  return outcome_;
}

void Trainer::tell(const std::string& text) {
  for (Hook* hook : hooks_) hook->on_message(text);
}

/// Methods that solve for their start get to see the inputs of their layer, one layer after the other, so that each
/// sees what the solved layers before it put out.
void Trainer::calibrate() {
  const auto layers = nn::weight_layers(*setup_.model);
  for (const auto& [name, layer] : layers) {
    quant::WeightQuantizer& quantizer = layer->quantizer();
    if (!quantizer.calibrates()) continue;
    if (stop_now()) return;
    tell("calibrating " + name);
    const at::NoGradGuard no_grad;
    setup_.model->train();
    quantizer.begin_calibration();
    train_loader_.start(0);
    for (const data::Batch* batch = train_loader_.next(); batch != nullptr && quantizer.wants_samples();
         batch = train_loader_.next()) {
      if (batch->count == 0) continue;
      (void)setup_.model->outputs(to_device(*batch, setup_.dataset->info(), setup_).images);
    }
    quantizer.end_calibration();
  }
}

std::int64_t Trainer::updates() const {
  return position_.epoch * updates_per_epoch_ +
         (position_.step + setup_.config.accumulate - 1) / setup_.config.accumulate;
}

double Trainer::learning_rate(std::int64_t step) const {
  const Stage stage = stage_of(position_.epoch, setup_.config.epochs, stages_);
  return build_schedule(setup_.config, updates_per_epoch_, stage.epochs)
      .at((position_.epoch - stage.first_epoch) * updates_per_epoch_ + step);
}

void Trainer::start_epoch() {
  const Stage stage = stage_of(position_.epoch, setup_.config.epochs, stages_);
  // After a resume within the epoch the stage has begun: what on_stage() changed came with the checkpoint.
  const bool stage_begins = position_.epoch == stage.first_epoch && position_.step == 0;
  if (stage_begins && stages_ > 1) {
    tell("stage " + std::to_string(stage.index + 1) + " of " + std::to_string(stages_));
  }
  for (const auto& [name, layer] : nn::weight_layers(*setup_.model)) {
    if (stage_begins) layer->quantizer().on_stage(stage.index);
    layer->quantizer().on_epoch(position_.epoch, setup_.config.epochs);
  }
}

void Trainer::train_epoch() {
  setup_.model->train();
  start_epoch();
  train_loader_.start(position_.epoch, position_.step);
  const double seconds_before = position_.seconds;
  const Clock::time_point start = Clock::now();
  const std::int64_t samples_before = position_.train.samples;
  while (const data::Batch* batch = train_loader_.next()) {
    train_batch(*batch);
    position_.step = batch->position + 1;
    const bool epoch_ends = position_.step == train_loader_.batches();
    if (pending_ == setup_.config.accumulate || (epoch_ends && pending_ > 0)) update();
    position_.seconds = seconds_before + seconds_since(start);
    const double rate = static_cast<double>(position_.train.samples - samples_before) /
                        std::max(1e-9, position_.seconds - seconds_before);
    const StepView view{
        position_.epoch,        position_.step,   train_loader_.batches(), lr_,       rate,
        setup_.task->primary(), &position_.train, pending_ == 0,           updates(), updates_per_epoch_};
    for (Hook* hook : hooks_) hook->on_step(view);
    if (pending_ != 0) continue;  // a checkpoint between two halves of an update would lose gradients
    if (stop_now()) return;
    if (setup_.config.checkpoint_every > 0 && position_.step % setup_.config.checkpoint_every == 0) save_last();
  }
}

void Trainer::train_batch(const data::Batch& batch) {
  if (batch.count == 0) return;
  if (pending_ == 0) optimizer_->zero_grad();
  at::Tensor loss;
  try {
    loss = setup_.task->loss(to_device(batch, setup_.dataset->info(), setup_), position_.train);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::work) throw;
    throw work_error(std::string(error.what()) + " at epoch " + std::to_string(position_.epoch + 1) + ", step " +
                         std::to_string(batch.position + 1),
                     error.hint());
  }
  for (const auto& [name, layer] : nn::weight_layers(*setup_.model)) {
    if (const at::Tensor extra = layer->quantizer().regularizer(); extra.defined()) loss = loss + extra;
  }
  loss.backward();
  ++pending_;
}

void Trainer::update() {
  const std::int64_t index = position_.epoch * updates_per_epoch_ + (position_.step - 1) / setup_.config.accumulate;
  lr_ = learning_rate((position_.step - 1) / setup_.config.accumulate);
  double scale = 1.0 / static_cast<double>(pending_);
  if (setup_.config.clip_grad_norm > 0) {
    const double norm = optimizer_->gradient_norm() * scale;
    if (!std::isfinite(norm))
      throw work_error("the gradient is not finite at epoch " + std::to_string(position_.epoch + 1), "lower --lr");
    if (norm > setup_.config.clip_grad_norm) scale *= setup_.config.clip_grad_norm / (norm + 1e-6);
  }
  optimizer_->step(lr_, scale);
  pending_ = 0;
  for (const auto& [name, layer] : nn::weight_layers(*setup_.model)) layer->quantizer().on_step(index + 1);
  if (ema_) ema_->update();
}

Score Trainer::evaluate_split(data::Split split, data::Loader& loader) {
  const auto progress = [&](std::int64_t batch, std::int64_t batches, const Score& score) {
    for (Hook* hook : hooks_) hook->on_evaluation_step(batch, batches, score, setup_.task->primary());
    return batch == batches || !stop_now();
  };
  try {
    return evaluate(setup_, split, loader, progress);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::work) throw;
    throw work_error(
        std::string(error.what()) + " in the evaluation after epoch " + std::to_string(position_.epoch + 1),
        error.hint());
  }
}

Score Trainer::evaluate_now() {
  if (ema_) ema_->swap();
  Score val = evaluate_split(data::Split::val, val_loader_);
  if (stop_reason_.empty() && test_loader_) test_ = evaluate_split(data::Split::test, *test_loader_).metrics();
  // `best` holds what was evaluated, the average when there is one.
  if (const double value = val.value(setup_.task->primary()); stop_reason_.empty() && value > position_.best) {
    position_.best = value;
    position_.best_epoch = position_.epoch;
    save_best();
  }
  if (ema_) ema_->swap();
  return val;
}

void Trainer::finish_epoch(const Score& val) {
  io::state_changed(*setup_.model);  // a weight that is not a number must not reach a checkpoint
  const double seconds = std::max(1e-9, position_.seconds);
  EpochView view;
  view.epoch = position_.epoch;
  view.lr = lr_;
  view.seconds = position_.seconds;
  view.images_per_second = static_cast<double>(position_.train.samples) / seconds;
  view.loader_wait_seconds = train_loader_.waited_seconds();
  view.train = &position_.train;
  view.val = &val;
  view.test = test_loader_ ? &test_ : nullptr;
  view.primary = setup_.task->primary();
  view.best = position_.best_epoch == position_.epoch;
  for (Hook* hook : hooks_) hook->on_epoch(view);
  for (const auto& [name, layer] : nn::weight_layers(*setup_.model)) {
    if (const std::string remark = layer->quantizer().remark(); !remark.empty()) tell(name + ": " + remark);
  }
  outcome_.train = position_.train;
  outcome_.val = val;
  ++position_.epoch;
  position_.step = 0;
  position_.train = {};
  position_.seconds = 0;
  save_last();
}

void Trainer::save_last() {
  std::vector<quant::NamedTensor> tensors;
  append(tensors, "model.", io::state_of(*setup_.model));
  append(tensors, "optimizer.", optimizer_->state());
  if (ema_) append(tensors, "ema.", ema_->state());
  for (Hook* hook : hooks_) append(tensors, "hook.", hook->state());
  for (const auto& [name, generator] : generators(setup_.device)) {
    tensors.push_back({"rng." + name, generator.get_state()});
  }
  const WrittenCheckpoint written =
      write_checkpoint(directory_, "last", tensors, {to_json(setup_.config), environment_, position_});
  for (Hook* hook : hooks_) hook->on_checkpoint("last", written.path.string(), written.bytes, written.sha256);
}

void Trainer::save_best() {
  std::vector<quant::NamedTensor> tensors;
  append(tensors, "model.", io::state_of(*setup_.model));
  const WrittenCheckpoint written =
      write_checkpoint(directory_, "best", tensors, {to_json(setup_.config), environment_, position_});
  for (Hook* hook : hooks_) hook->on_checkpoint("best", written.path.string(), written.bytes, written.sha256);
}

bool Trainer::stop_now() {
  if (stop_reason_.empty()) stop_reason_ = should_stop_();
  return !stop_reason_.empty();
}

}  // namespace denseshift::experiments
