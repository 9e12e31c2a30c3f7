#include "experiments/run/pretrained.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/io/state_dict.h"
#include "core/io/torch_file.h"
#include "core/nn/backbone.h"
#include "core/nn/detection/detector.h"
#include "core/util/hash.h"
#include "experiments/trainer/checkpoint.h"
#include "results_db/query.h"
#include "results_db/store.h"

namespace denseshift::experiments {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

/// Names of foreign tensors end up in messages and in the record: they must be printable there.
void check_names(const Tensors& tensors, const std::string& file) {
  for (const auto& [name, tensor] : tensors) {
    const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!printable) throw input_error(file + ": the name of a tensor has characters other than printable ASCII");
  }
}

Tensors copies(const std::map<std::string, io::TensorView>& views, const std::string& file) {
  Tensors tensors;
  for (const auto& [name, view] : views) {
    try {
      tensors[name] = io::to_tensor(view);
    } catch (const std::invalid_argument& error) {
      throw input_error(file + ": tensor " + name + ": " + error.what());
    }
  }
  return tensors;
}

Tensors from_checkpoint(const Checkpoint& checkpoint, Pretrained& facts) {
  Tensors tensors;
  for (const quant::NamedTensor& item : checkpoint.tensors("model.")) tensors[item.name] = item.tensor;
  // Where an average of the weights was kept, it is what the run was evaluated with.
  for (const quant::NamedTensor& item : checkpoint.tensors("ema.")) {
    if (item.name != "updates") tensors[item.name] = item.tensor;
  }
  const nlohmann::ordered_json& config = checkpoint.info().config;
  facts.arch = config.value("arch", "");
  facts.method = config.value("method", "");
  facts.wbits = config.value("wbits", std::int64_t{0});
  if (config.value("task", "classification") == "classification") facts.top1 = checkpoint.info().position.best;
  facts.sha256 = sha256_file(checkpoint.file_name());
  return tensors;
}

bool is_checkpoint(const std::filesystem::path& path) {
  return path.extension() == ".json" || io::SafetensorsFile(path).metadata().count("denseshift") != 0;
}

Tensors from_file(const std::filesystem::path& path, Pretrained& facts) {
  facts.source = path.string();
  if (path.extension() == ".pth" || path.extension() == ".pt") {
    io::TorchFile file(path);
    (void)file.normalise_names();
    facts.sha256 = sha256_file(path);
    return copies(file.tensors(), path.string());
  }
  if (is_checkpoint(path)) return from_checkpoint(Checkpoint(path), facts);
  const io::SafetensorsFile file(path);
  facts.sha256 = sha256_file(path);
  return copies(file.tensors(), path.string());
}

/// `recipe:HASH` is the run of that configuration with the seed of this one: how studies name a start that does not
/// depend on the numbers of runs.
constexpr std::string_view kRecipe = "recipe:";

std::int64_t find_run(const char* key, const results_db::Database& database, const std::string& reference,
                      std::uint64_t seed) {
  if (reference.compare(0, kRecipe.size(), kRecipe) != 0) return results_db::resolve_run(database, reference);
  const std::int64_t run = results_db::find_recipe_run(database, reference.substr(kRecipe.size()), seed);
  if (run == 0) {
    throw usage_error(
        fmt::format("{}: {} has no finished run of {} with seed {}", key, database.path().string(), reference, seed),
        "train that configuration first; `denseshift ablate` does so by itself");
  }
  return run;
}

Tensors from_run(const char* key, const std::string& reference, std::uint64_t seed, const std::string& db,
                 Pretrained& facts) {
  if (!std::filesystem::exists(db)) {
    throw usage_error(fmt::format("{}: there is no file {} and no database {}", key, reference, db),
                      "give a file, or a run with --db FILE");
  }
  const results_db::Database database(db, results_db::OpenMode::read_only);
  facts.run = find_run(key, database, reference, seed);
  const results_db::RunRecord record = results_db::load_run(database, facts.run);
  for (const char* which : {"best", "last"}) {
    const std::filesystem::path file = std::filesystem::path(record.run_dir) / (std::string(which) + ".json");
    if (record.run_dir.empty() || !std::filesystem::exists(file)) continue;
    facts.source = fmt::format("run {} ({})", facts.run, which);
    return from_checkpoint(Checkpoint(file), facts);
  }
  throw input_error(fmt::format("run {} has no checkpoint", facts.run),
                    fmt::format("train it further with `denseshift train --resume {}`", facts.run));
}

bool looks_like_a_file(const std::string& text) {
  const std::filesystem::path path(text);
  return path.has_parent_path() || path.extension() == ".pth" || path.extension() == ".pt" ||
         path.extension() == ".safetensors" || path.extension() == ".json";
}

}  // namespace

std::string Pretrained::text() const {
  std::string origin = source;
  if (!method.empty()) {
    origin += fmt::format(", {} {}", arch, method == "fp32" ? "fp32" : fmt::format("{} {}-bit", method, wbits));
  }
  if (top1 >= 0) origin += fmt::format(", best top-1 {:.2f} %", top1);
  std::string text = fmt::format("started from {}: {} tensors taken, {} weights quantized anew", origin, report.copied,
                                 report.quantized);
  const auto mention = [&](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += fmt::format(", {} {} ({}{})", names.size(), what, names.front(), names.size() > 1 ? ", ..." : "");
  };
  mention("new", report.fresh);
  mention("missing", report.missing);
  mention("unexpected", report.unexpected);
  mention("reset", report.reset);
  return text;
}

nlohmann::ordered_json Pretrained::to_json() const {
  nlohmann::ordered_json json = {{"source", source}, {"sha256", sha256}};
  if (run != 0) json["run"] = run;
  if (!method.empty()) json.update({{"arch", arch}, {"method", method}, {"wbits", wbits}});
  if (top1 >= 0) json["top1"] = top1;
  json.update({{"copied", report.copied},
               {"quantized", report.quantized},
               {"fresh", report.fresh},
               {"missing", report.missing},
               {"unexpected", report.unexpected},
               {"reset", report.reset}});
  return json;
}

namespace {

Tensors tensors_of(const char* key, const std::string& reference, std::uint64_t seed, const std::string& db,
                   Pretrained& facts) {
  Tensors tensors;
  if (std::filesystem::is_regular_file(reference)) {
    tensors = from_file(reference, facts);
  } else if (looks_like_a_file(reference)) {
    throw input_error(fmt::format("{}: there is no file {}", key, reference));
  } else {
    tensors = from_run(key, reference, seed, db, facts);
  }
  check_names(tensors, facts.source);
  return nn::normalise_detection_names(std::move(tensors));
}

}  // namespace

Pretrained load_backbone(Setup& setup, const std::string& db) {
  Pretrained facts;
  const Tensors tensors = tensors_of("backbone", setup.config.backbone, setup.config.seed, db, facts);
  facts.report = nn::load_backbone(*setup.model, tensors, facts.source);
  // What is not the backbone is new, not missing.
  facts.report.fresh.insert(facts.report.fresh.end(), facts.report.missing.begin(), facts.report.missing.end());
  facts.report.missing.clear();
  return facts;
}

Pretrained load_pretrained(Setup& setup, const std::string& db) {
  Pretrained facts;
  const Tensors tensors = tensors_of("pretrained", setup.config.pretrained, setup.config.seed, db, facts);
  facts.report = nn::transfer(*setup.model, tensors, facts.source, setup.config.pretrained_load == "partial");
  return facts;
}

}  // namespace denseshift::experiments
