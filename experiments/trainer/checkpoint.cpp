#include "experiments/trainer/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstring>

#include "core/io/state_dict.h"
#include "core/util/atomic_file.h"
#include "core/util/error.h"
#include "core/util/hash.h"
#include "experiments/config/train_config.h"

namespace denseshift::experiments {
namespace {

// Reaches disk: raise when the meaning changes. 2: sums by name in place of top-1 and top-5 hits.
constexpr int kFormat = 2;
constexpr const char* kMetadataKey = "denseshift";

nlohmann::ordered_json to_json(const Position& p) {
  return {{"epoch", p.epoch},     {"step", p.step}, {"train", p.train.to_json()},
          {"seconds", p.seconds}, {"best", p.best}, {"best_epoch", p.best_epoch}};
}

Position position_from(const nlohmann::json& json) {
  Position p;
  p.epoch = json.at("epoch").get<std::int64_t>();
  p.step = json.at("step").get<std::int64_t>();
  p.train = Score::from_json(json.at("train"));
  p.seconds = json.at("seconds").get<double>();
  p.best = json.at(json.contains("best") ? "best" : "best_top1").get<double>();
  p.best_epoch = json.at("best_epoch").get<std::int64_t>();
  if (p.epoch < 0 || p.step < 0) throw std::out_of_range("negative position");
  return p;
}

/// The JSON file beside a checkpoint names a file of the same folder.
std::filesystem::path named_file(const std::filesystem::path& json_path, const nlohmann::json& json) {
  const std::filesystem::path file = json.at("file").get<std::string>();
  if (file.empty() || file.filename() != file) throw std::invalid_argument("\"file\" is not a file name");
  return json_path.parent_path() / file;
}

std::filesystem::path previous_file(const std::filesystem::path& json_path) {
  try {
    return named_file(json_path, nlohmann::json::parse(read_file(json_path, 1 << 20)));
  } catch (const std::exception&) {
    return {};  // none yet, or unreadable: nothing to remove
  }
}

}  // namespace

WrittenCheckpoint write_checkpoint(const std::filesystem::path& directory, const std::string& kind,
                                   const std::vector<quant::NamedTensor>& tensors, const CheckpointInfo& info) {
  const std::filesystem::path json_path = directory / (kind + ".json");
  const std::filesystem::path previous = previous_file(json_path);
  const nlohmann::ordered_json facts = {{"format", kFormat},
                                        {"kind", kind},
                                        {"config", info.config},
                                        {"environment", info.environment},
                                        {"position", to_json(info.position)}};

  WrittenCheckpoint written;
  written.path = directory / fmt::format("{}-{:04}-{:06}.safetensors", kind, info.position.epoch, info.position.step);
  written.sha256 = io::save_tensors(written.path, tensors, {{kMetadataKey, facts.dump()}});
  written.bytes = static_cast<std::int64_t>(std::filesystem::file_size(written.path));

  nlohmann::ordered_json summary = {
      {"file", written.path.filename().string()}, {"sha256", written.sha256}, {"bytes", written.bytes}};
  summary.update(facts);
  write_file(json_path, summary.dump(2) + "\n");
  std::error_code ignored;
  if (!previous.empty() && previous != written.path) std::filesystem::remove(previous, ignored);
  return written;
}

Checkpoint::Checkpoint(const std::filesystem::path& path) : name_(path.string()) {
  std::filesystem::path tensors = path;
  try {
    if (path.extension() == ".json") {
      const auto json = nlohmann::json::parse(read_file(path, 1 << 24));
      tensors = named_file(path, json);
      name_ = tensors.string();
      if (sha256_file(tensors) != json.at("sha256").get<std::string>()) {
        throw input_error(name_ + ": damaged: its SHA-256 is not the one in " + path.string());
      }
    }
    file_ = std::make_unique<io::SafetensorsFile>(tensors);
    const auto metadata = file_->metadata().find(kMetadataKey);
    if (metadata == file_->metadata().end()) {
      throw input_error(name_ + ": not a checkpoint of denseshift",
                        "give a file that `denseshift train` wrote, or use --run ID");
    }
    const auto facts = nlohmann::ordered_json::parse(metadata->second);
    if (facts.at("format").get<int>() > kFormat) {
      throw input_error(
          name_ + ": checkpoint format " + facts.at("format").dump() + " is newer than this program knows",
          "use a newer denseshift");
    }
    info_.config = facts.at("config");
    info_.environment = facts.at("environment");
    info_.position = position_from(facts.at("position"));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    // nlohmann's messages carry an identifier in front: "[json.exception...] text".
    const std::string what = error.what();
    throw input_error(
        name_ + ": damaged checkpoint: " + what.substr(what.find("] ") == std::string::npos ? 0 : what.find("] ") + 2));
  }
}

void Checkpoint::load(const std::string& prefix, const std::vector<quant::NamedTensor>& live) const {
  io::load_tensors(*file_, name_, prefix, live);
}

std::vector<quant::NamedTensor> Checkpoint::tensors(const std::string& prefix) const {
  std::vector<quant::NamedTensor> result;
  for (const auto& [name, view] : file_->tensors()) {
    if (name.compare(0, prefix.size(), prefix) == 0)
      result.push_back({name.substr(prefix.size()), io::to_tensor(view)});
  }
  return result;
}

bool Checkpoint::has(const std::string& prefix) const {
  const auto found = file_->tensors().lower_bound(prefix);
  return found != file_->tensors().end() && found->first.compare(0, prefix.size(), prefix) == 0;
}

}  // namespace denseshift::experiments
