#pragma once
// The configuration of one training run. One word for one thing: a key here is the command-line flag (with '-' for
// '_'), the JSON key and, where it is a column, the column of the results database.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace denseshift::experiments {

/// Where a key is shown in --help, and whether it decides the result.
enum class FieldGroup {
  network,      ///< architecture and quantization; decides the result
  data,         ///< dataset and loading; decides the result
  training,     ///< optimiser, schedule, regularisation; decides the result
  environment,  ///< device, threads, paths: may change speed and last bits, not meaning; left out of the configuration
                ///< hash
  record,       ///< names, tags, notes, what is kept; left out of the configuration hash
};

/// Everything that `denseshift train` can be told. Defaults are in the member initialisers; validate() checks ranges.
struct TrainConfig {
  std::string task = "auto";
  std::string arch = "resnet18";
  std::string method = "denseshift";
  std::int64_t wbits = 3;
  std::int64_t abits = 32;
  std::string activation = "pact";
  std::int64_t width = 1;
  std::string init = "auto";
  std::string pretrained;
  std::string pretrained_load = "strict";
  std::string backbone;
  std::vector<std::string> quantize = {"backbone", "fpn", "head"};
  bool quantize_predictions = true;
  bool quantize_extra = true;
  std::string head_init = "auto";
  std::int64_t freeze_stages = 0;
  bool freeze_norm = false;
  std::int64_t fpn_channels = 256;
  std::int64_t head_convs = 4;
  bool aux = true;
  std::string gradient = "surrogate";
  std::string zero_convention = "paper";
  std::int64_t shift_bias = 0;
  std::vector<std::string> method_option;
  bool decay_references = true;
  std::string placement = "paper";
  std::vector<std::string> rule;
  std::string impl = "auto";

  std::string dataset = "shapes";
  std::string data;
  std::int64_t image_size = 0;
  std::int64_t max_size = 0;
  std::int64_t limit_train = 0;
  std::int64_t limit_val = 0;
  bool augment = true;
  bool group_by_aspect = true;
  bool resample = false;
  std::string feature_cache;
  std::string broken_images = "fail";

  std::int64_t epochs = 5;
  std::int64_t batch_size = 64;
  std::int64_t eval_batch_size = 0;
  std::string optimizer = "sgd";
  double lr = 0.01;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 1e-4;
  bool decay_norms = true;
  double aux_lr = 10;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  std::string schedule = "cosine";
  std::string lr_offset = "standard";
  double warmup_epochs = 0;
  std::vector<double> milestones;
  double lr_gamma = 0.1;
  double poly_power = 0.9;
  double label_smoothing = 0;
  double ema = 0;
  double clip_grad_norm = 0;
  std::int64_t accumulate = 1;
  std::string amp = "none";
  std::uint64_t seed = 1;

  std::string device = "auto";
  std::int64_t threads = 0;
  std::int64_t workers = 1;
  bool channels_last = false;

  std::string name;
  std::vector<std::string> tag;
  std::string note;
  double time_budget = 0;
  std::int64_t checkpoint_every = 0;
  std::int64_t weight_stats_every = 1;
  std::int64_t stats_levels = 0;
  std::int64_t trace_weights = 0;
  std::int64_t trace_every = 0;
  std::string tensorboard;
  std::string log;

  bool operator==(const TrainConfig&) const = default;
};

/// Calls visitor(key, member, group, help) for every key, in the order of --help. `Config` is TrainConfig or const
/// TrainConfig.
template <class Config, class Visitor>
void visit_fields(Config& c, Visitor&& v) {
  using G = FieldGroup;
  v("task", c.task, G::network,
    "classification, detection, segmentation or speech; auto: what the architecture or the dataset is for");
  v("arch", c.arch, G::network, "architecture; `denseshift models` lists them");
  v("method", c.method, G::network, "quantizer of the weights, or fp32; `denseshift models methods` lists them");
  v("wbits", c.wbits, G::network, "bits per quantized weight (denseshift: 2, 3, 4)");
  v("abits", c.abits, G::network, "bits per activation: 2 to 8; 32 leaves activations in floating point");
  v("activation", c.activation, G::network,
    "quantizer of the activations when abits is below 32; `denseshift models methods` lists them");
  v("width", c.width, G::network, "multiplies the channels of every stage");
  v("init", c.init, G::network,
    "start of the weights: auto (the method's own), lvr (references normal, std 0.001), kaiming or pretrained");
  v("pretrained", c.pretrained, G::network,
    "trained network to start from: a run, a checkpoint, or a .pth or .safetensors file; implies init pretrained");
  v("pretrained_load", c.pretrained_load, G::network,
    "strict: every name and shape must agree; partial: what is missing or has another shape starts at random");
  v("backbone", c.backbone, G::network,
    "trained classifier whose convolutions become the backbone: a run, a checkpoint, or a .pth or .safetensors file");
  v("quantize", c.quantize, G::network, "parts that are quantized: backbone, fpn, head");
  v("quantize_predictions", c.quantize_predictions, G::network,
    "also the last convolutions of heads (ours; the paper does not say)");
  v("quantize_extra", c.quantize_extra, G::network,
    "SSD: its additional blocks are part of the head (ours; the paper does not say)");
  v("head_init", c.head_init, G::network,
    "start of the new layers, all but the backbone's: auto (lvr where weights are references), lvr or kaiming");
  v("freeze_stages", c.freeze_stages, G::network,
    "parts of the backbone that are not trained: 1 the first convolution, 2 also layer1, ...");
  v("freeze_norm", c.freeze_norm, G::network, "batch norms of the backbone keep their statistics, scale and shift");
  v("fpn_channels", c.fpn_channels, G::network, "fcos: channels of the feature pyramid and the head");
  v("head_convs", c.head_convs, G::network, "fcos: convolutions of each tower of the head");
  v("aux", c.aux, G::network, "deeplabv3: the auxiliary head");
  v("gradient", c.gradient, G::network,
    "gradient of the sign and the gates: surrogate (authors' code), sign_only (Eq. 8 to the letter), none (Eq. 7)");
  v("zero_convention", c.zero_convention, G::network, "sign of a reference that is exactly 0: paper (-1) or code (+1)");
  v("shift_bias", c.shift_bias, G::network, "integer added to every exponent (ours; the paper gives no value)");
  v("method_option", c.method_option, G::network,
    "KEY=VALUE for an option of the method, see `denseshift models methods`; repeatable");
  v("decay_references", c.decay_references, G::network,
    "apply weight decay to sign and gate references, as the authors do");
  v("placement", c.placement, G::network, "what is quantized: paper (all convolutions but the first), method, or all");
  v("rule", c.rule, G::network, "GLOB=METHOD[:WBITS] for layers by name, last match wins; repeatable");
  v("impl", c.impl, G::network, "how quantized weights are trained: auto, leaf, function or reference (equal results)");
  v("dataset", c.dataset, G::data, "dataset; `denseshift data list` lists them");
  v("data", c.data, G::environment, "folder of the dataset (or environment DENSESHIFT_DATA)");
  v("image_size", c.image_size, G::data,
    "side of the network input in pixels; fcos: the short side, deeplabv3: of the crop; 0: the usual one");
  v("max_size", c.max_size, G::data, "fcos: limit of the long side in pixels; 0: 5/3 of the short side");
  v("limit_train", c.limit_train, G::data, "use only this many training samples; 0: all");
  v("limit_val", c.limit_val, G::data, "use only this many validation samples; 0: all");
  v("augment", c.augment, G::data, "random crops and flips in training");
  v("group_by_aspect", c.group_by_aspect, G::data, "fcos: batches of pictures of like width over height");
  v("resample", c.resample, G::data, "speech: convert recordings of another sample rate, which are an error otherwise");
  v("feature_cache", c.feature_cache, G::environment,
    "speech: folder that keeps features between runs; auto: the user's cache folder; empty: none");
  v("broken_images", c.broken_images, G::data, "an image that cannot be decoded: fail or skip");
  v("epochs", c.epochs, G::training, "passes over the training set");
  v("batch_size", c.batch_size, G::training, "samples per step");
  v("eval_batch_size", c.eval_batch_size, G::environment, "samples per evaluation step; 0: as batch_size");
  v("optimizer", c.optimizer, G::training, "sgd or adamw");
  v("lr", c.lr, G::training, "learning rate at its highest");
  v("momentum", c.momentum, G::training, "momentum of sgd");
  v("nesterov", c.nesterov, G::training, "Nesterov momentum");
  v("weight_decay", c.weight_decay, G::training, "weight decay (L2 for sgd, decoupled for adamw)");
  v("decay_norms", c.decay_norms, G::training, "apply weight decay to biases and norms");
  v("aux_lr", c.aux_lr, G::training, "deeplabv3: factor of the auxiliary head's learning rate");
  v("beta1", c.beta1, G::training, "adamw: decay of the mean of gradients");
  v("beta2", c.beta2, G::training, "adamw: decay of the mean of squared gradients");
  v("epsilon", c.epsilon, G::training, "adamw: added to the denominator");
  v("schedule", c.schedule, G::training, "learning rate over time: cosine, step, poly or constant");
  v("lr_offset", c.lr_offset, G::training,
    "standard, or demo: one epoch ahead, as the authors' script (last epoch at lr 0)");
  v("warmup_epochs", c.warmup_epochs, G::training, "linear warm-up from 0, in epochs (may be a fraction)");
  v("milestones", c.milestones, G::training, "step: epochs after which lr is multiplied by lr_gamma; empty: every 30");
  v("lr_gamma", c.lr_gamma, G::training, "step: factor at each milestone");
  v("poly_power", c.poly_power, G::training, "poly: exponent");
  v("label_smoothing", c.label_smoothing, G::training, "share of the target spread over all classes");
  v("ema", c.ema, G::training, "decay of the exponential moving average that is evaluated; 0: off");
  v("clip_grad_norm", c.clip_grad_norm, G::training, "upper limit of the norm of all gradients; 0: off");
  v("accumulate", c.accumulate, G::training, "steps whose gradients are summed before one update");
  v("amp", c.amp, G::training, "none or bf16 (autocast)");
  v("seed", c.seed, G::training, "seed of initialisation, order and augmentation");
  v("device", c.device, G::environment, "auto, cpu or cuda");
  v("threads", c.threads, G::environment, "CPU threads of the tensor library; 0: all that this process may use");
  v("workers", c.workers, G::environment, "loader threads; the batches do not depend on it");
  v("channels_last", c.channels_last, G::environment, "store activations as NHWC");
  v("name", c.name, G::record, "name of the run");
  v("tag", c.tag, G::record, "tag of the run; repeatable");
  v("note", c.note, G::record, "a sentence to remember the run by");
  v("time_budget", c.time_budget, G::record, "stop and save after this many minutes; 0: no limit");
  v("checkpoint_every", c.checkpoint_every, G::record, "also save every so many steps; 0: at the end of each epoch");
  v("weight_stats_every", c.weight_stats_every, G::record, "record weight statistics every so many epochs; 0: never");
  v("stats_levels", c.stats_levels, G::record,
    "fp32: statistics of the weights rounded to the levels of denseshift at 2, 3 or 4 bits; 0: none");
  v("trace_weights", c.trace_weights, G::record,
    "record so many sampled weights of each quantized layer over the training, and histograms each epoch; 0: none");
  v("trace_every", c.trace_every, G::record, "updates between two records of traced weights; 0: about 200 a run");
  v("tensorboard", c.tensorboard, G::record, "write TensorBoard event files below this folder");
  v("log", c.log, G::record, "also write the metrics of each epoch to this file: FILE.csv or FILE.jsonl");
}

/// Names of all keys in order.
[[nodiscard]] std::vector<std::string> config_keys();

/// Configuration as ordered JSON, every key present.
[[nodiscard]] nlohmann::ordered_json to_json(const TrainConfig& config);

/// Reads keys over `base`. Throws a usage error "KEY: ..." for an unknown key (with the nearest) or a wrong type.
[[nodiscard]] TrainConfig config_from_json(const nlohmann::json& json, TrainConfig base = {});

/// Sets one key from text as a flag gives it ("0.1", "true", "a,b"). Lists are replaced by the comma-separated items.
/// Throws a usage error for unknown keys and values that do not parse.
void set_field(TrainConfig& config, const std::string& key, const std::string& text);

/// Throws a usage error naming the key for values out of range or choices that do not exist.
/// Names held by registries (arch, method, dataset) are checked where they are used.
void validate(const TrainConfig& config);

/// SHA-256 (first 16 hex digits) over the keys that decide the result: equal hashes mean the same experiment.
[[nodiscard]] std::string config_hash(const TrainConfig& config);

/// The same without the seed: equal hashes mean repetitions of one experiment.
[[nodiscard]] std::string recipe_hash(const TrainConfig& config);

/// True when no key of the hash is left to be settled at the start of the training (init auto, image_size 0), so that
/// config_hash() is the hash that the run will have. `wbits` must have been given or be the method's own.
[[nodiscard]] bool is_resolved(const TrainConfig& config);

}  // namespace denseshift::experiments
