#include "experiments/run/recognition.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "core/data/datasets/speech.h"
#include "core/torch_compat.h"

namespace denseshift::experiments {
namespace {

/// How the network's input is made.
struct Front {
  data::FrontEnd parameters;
  std::int64_t frames = 0;
};

Front stored_front_end(const Checkpoint& checkpoint) {
  const nlohmann::ordered_json& environment = checkpoint.info().environment;
  const auto found = environment.find("front_end");
  if (found == environment.end()) {
    throw input_error(checkpoint.file_name() + ": does not say how its features are made",
                      "it was written by an older version; evaluate it on its dataset");
  }
  Front front;
  std::string parameters;
  try {
    front.parameters = data::FrontEnd::at_rate(found->at("rate").get<std::int64_t>());
    front.frames = found->at("frames").get<std::int64_t>();
    parameters = found->at("parameters").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    throw input_error(checkpoint.file_name() + ": damaged checkpoint: its front end cannot be read");
  }
  constexpr std::int64_t kMostFrames = 1000000;
  if (front.frames < 1 || front.frames > kMostFrames) {
    throw input_error(checkpoint.file_name() + ": damaged checkpoint: a front end of " + std::to_string(front.frames) +
                      " frames");
  }
  if (parameters != front.parameters.key()) {
    throw input_error(checkpoint.file_name() + ": trained on features that this version does not make: " + parameters);
  }
  return front;
}

Setup network_of(const Checkpoint& checkpoint, const TrainConfig& config, const data::Intents& intents) {
  Setup setup;
  setup.config = config;
  setup.threads = set_threads(config.threads);
  setup.device = choose_device(config.device);
  data::DatasetInfo info;
  info.task = "speech";
  info.classes = intents.size();
  info.channels = 1;
  info.image_size = config.image_size;
  setup.model = build_network(config, info, setup.device);
  load_weights(checkpoint, setup);
  setup.model->eval();
  return setup;
}

void rank(const at::Tensor& logits, Recognized& out) {
  const at::Tensor probabilities = logits.to(at::kCPU, at::kDouble).softmax(1).contiguous();
  const double* first = probabilities.data_ptr<double>();
  out.probabilities.assign(first, first + probabilities.numel());
  out.ranking.resize(out.probabilities.size());
  std::iota(out.ranking.begin(), out.ranking.end(), 0);
  std::ranges::stable_sort(out.ranking, std::greater<>(),
                           [&](std::int64_t i) { return out.probabilities[static_cast<std::size_t>(i)]; });
}

}  // namespace

RecognitionResult recognize(const RecognitionRequest& request) {
  const FoundWeights weights = find_weights(request.weights);
  const Checkpoint& checkpoint = *weights.checkpoint;
  const TrainConfig config = evaluation_config(checkpoint, request.config, request.overrides);
  const std::optional<data::Intents> intents = stored_intents(checkpoint);
  if (config.task != "speech" || !intents) {
    throw input_error(checkpoint.file_name() + ": a network for " + config.task + ", not for recordings",
                      "give a run or checkpoint of the task speech");
  }
  const Front front = stored_front_end(checkpoint);
  const data::LogMel log_mel(front.parameters);

  RecognitionResult result{weights.parent, checkpoint.file_name(), 0, *intents, {}};
  result.longest = static_cast<double>((front.frames - 1) * front.parameters.hop + front.parameters.window) /
                   static_cast<double>(front.parameters.rate);
  std::vector<data::Features> features;
  for (const std::string& file : request.files) {
    features.push_back(data::utterance_features(file, log_mel, config.resample));
    Recognized recording;
    recording.file = file;
    recording.seconds = static_cast<double>(data::recording_length(file, front.parameters.rate)) /
                        static_cast<double>(front.parameters.rate);
    recording.cut = features.back().frames > front.frames;
    result.recordings.push_back(std::move(recording));
  }

  Setup setup = network_of(checkpoint, config, *intents);
  const at::NoGradGuard no_grad;
  const compat::AutocastBf16 autocast(setup.device.type(), config.amp == "bf16");
  nn::Classifier& network = setup.classifier("eval --audio");
  const std::int64_t bins = front.parameters.bins;
  for (std::size_t i = 0; i < features.size(); ++i) {
    at::Tensor input = at::empty({1, 1, bins, front.frames}, at::kFloat);
    data::place(features[i], 0, front.frames, input.data_ptr<float>());
    rank(network.forward(input.to(setup.device)), result.recordings[i]);
  }
  return result;
}

}  // namespace denseshift::experiments
