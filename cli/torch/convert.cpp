// denseshift convert, the part that needs LibTorch.

#include <fmt/format.h>

#include <iostream>

#include "cli/torch/verbs.h"
#include "cli/version.h"
#include "experiments/run/convert_run.h"

namespace denseshift::cli {
namespace {

std::string method_text(const experiments::TrainConfig& config) {
  return fmt::format("{} {} {}-bit{}", config.arch, config.method, config.wbits,
                     config.width == 1 ? "" : fmt::format(", width {}", config.width));
}

void print_result(const experiments::ConvertResult& r, const std::string& to) {
  if (to == "codes") {
    fmt::print("{}: integer codes, code books and scales of {} layers\n", method_text(r.from), r.layers);
    fmt::print("  weights     {} of {} unpack to the same bits\n", r.weights - r.different, r.weights);
  } else {
    fmt::print("{}  ->  {}\n", method_text(r.from), method_text(r.to));
    fmt::print(
        "  weights     {} of {} in {} layers are equal to the bit ({} of them are zero, the new network has none)\n",
        r.weights - r.different, r.weights, r.layers, r.zeros);
    fmt::print(
        "  outputs     {} of {} images get the same class; logits differ by at most {:.3g} (largest {:.3g}): the "
        "order of sums\n",
        r.same_class, r.samples, r.largest_difference, r.largest_logit);
    fmt::print("  size        {} bytes, before {}\n", r.to_facts.bytes, r.from_facts.bytes);
  }
  if (!r.note.empty()) fmt::print("  note        {}\n", r.note);
  fmt::print("  from        {}\n  written     {}\n", r.source, r.file);
  if (r.run == 0) return;
  fmt::print("  recorded    as run {}{}\n", r.run, r.parent != 0 ? fmt::format(", child of run {}", r.parent) : "");
  if (to != "codes") fmt::print("next: denseshift eval --run {}\n", r.run);
}

}  // namespace

int convert_verb(const nlohmann::json& json) {
  experiments::ConvertRequest request;
  request.run = json.at("run").get<std::string>();
  request.checkpoint = json.at("checkpoint").get<std::string>();
  request.which = json.at("which").get<std::string>();
  request.to = json.at("to").get<std::string>();
  request.out = json.at("out").get<std::string>();
  request.data = json.at("data").get<std::string>();
  request.samples = json.at("samples").get<std::int64_t>();
  request.record = json.at("record").get<bool>();
  request.db = json.at("db").get<std::string>();
  request.command_line = json.at("command_line").get<std::string>();
  request.program = {{"program_version", program_version()}, {"source_revision", source_revision()}};

  const experiments::ConvertResult result = experiments::run_conversion(request);
  if (json.at("json").get<bool>()) {
    nlohmann::ordered_json out = {{"run", result.run}, {"parent", result.parent}};
    out.update(result.to_json());
    std::cout << out.dump(2) << std::endl;
  } else {
    print_result(result, request.to);
  }
  return 0;
}

}  // namespace denseshift::cli
