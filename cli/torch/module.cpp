// Entry point of the LibTorch module.

#include <ATen/ATen.h>
#include <malloc.h>

#include <functional>
#include <map>
#include <string>

#include "cli/command.h"
#include "cli/torch/verbs.h"
#include "cli/torch_module.h"
#include "core/util/error.h"

namespace denseshift::cli {
namespace {

/// Training allocates and frees the same large blocks every step. Returning them to the kernel each time costs page
/// faults (5-20 % of a step), so the heap keeps them.
void keep_large_blocks() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);
}

int run_verb(const std::string& verb, const nlohmann::json& request) {
  static const std::map<std::string, std::function<int(const nlohmann::json&)>> verbs = {
      {"train", train_verb},   {"eval", eval_verb},       {"models", models_verb},   {"bench-train", bench_train_verb},
      {"doctor", doctor_verb}, {"convert", convert_verb}, {"resolve", resolve_verb},
  };
  const auto found = verbs.find(verb);
  if (found == verbs.end())
    throw usage_error("the LibTorch module has no '" + verb + "'", "program and module are of different builds");
  try {
    return found->second(request);
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw work_error("LibTorch: " + text.substr(0, text.find('\n')));
  } catch (const std::bad_alloc&) {
    throw work_error("out of memory", "use a smaller --batch-size");
  }
}

}  // namespace
}  // namespace denseshift::cli

extern "C" int denseshift_module_run(const char* verb, const char* request_json) {
  return denseshift::cli::guarded([&] {
    denseshift::cli::keep_large_blocks();
    return denseshift::cli::run_verb(verb, nlohmann::json::parse(request_json));
  });
}
