#include "core/bench/model/dot_model.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "core/bench/model/assembly.h"
#include "core/bench/model/tool.h"
#include "core/util/error.h"

namespace denseshift::bench {
namespace {

namespace fs = std::filesystem;

/// An entry of dot_kernels.inc, of every architecture.
struct ListedKernel {
  std::string_view name;
  std::string_view variant;
  std::string_view level;
  int x_bits;
  int weight_bits;
};

// Bits of an element as the family and the form of the weights say (core/kernels/dot/dot.h).
namespace bits {
constexpr int x_f16 = 16;
constexpr int x_i8 = 8;
constexpr int w_f16 = 16;
constexpr int w_add16 = 16;
constexpr int w_add8 = 8;
constexpr int w_bf16 = 16;
constexpr int w_i8 = 8;
constexpr int w_shift8 = 8;
constexpr int w_packed2 = 2;
}  // namespace bits

const std::vector<ListedKernel>& listed_kernels() {
#define DENSESHIFT_DOT_EVERY_ARCHITECTURE
#define DENSESHIFT_DOT(family, variant, isa, weights, order, unit, name) \
  {#name, #variant, #isa, bits::x_##family, bits::w_##weights},
  static const std::vector<ListedKernel> kernels = {
#include "core/kernels/dot/dot_kernels.inc"
  };
#undef DENSESHIFT_DOT
#undef DENSESHIFT_DOT_EVERY_ARCHITECTURE
  return kernels;
}

// What the CPUs of model_cpus() can run: the A57 is an ARMv8.0.
bool runs_on(const ListedKernel& kernel, const ModelCpu& cpu) {
  return kernel.level == "neon" || (kernel.level.substr(0, 4) == "neon" && cpu.name != "cortex-a57");
}

void write_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) throw work_error(fmt::format("cannot write {}", path.string()));
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void append_words(std::vector<std::string>& words, std::string_view text) {
  std::istringstream stream{std::string(text)};
  for (std::string word; stream >> word;) words.push_back(word);
}

/// A compiler with the target it needs to be told, or the reason why it is none.
DotModel::Compiler checked_compiler(const std::string& name) {
  DotModel::Compiler compiler;
  compiler.path = find_tool(name).value_or(fs::path()).string();
  if (compiler.path.empty()) {
    throw input_error(fmt::format("--compiler: there is no program {}", name),
                      "install g++-aarch64-linux-gnu and write --compiler aarch64-linux-gnu-g++");
  }
  compiler.version = tool_version(compiler.path);
  if (compiler.version.find("clang") != std::string::npos) compiler.options = {"--target=aarch64-linux-gnu"};
  const ToolResult macros = [&] {
    std::vector<std::string> words = {compiler.path};
    words.insert(words.end(), compiler.options.begin(), compiler.options.end());
    words.insert(words.end(), {"-dM", "-E", "-x", "c++", "/dev/null"});
    return run_tool(words);
  }();
  if (macros.status != 0 || macros.output.find("__aarch64__") == std::string::npos) {
    throw input_error(fmt::format("--compiler: {} does not compile for AArch64", name),
                      "install g++-aarch64-linux-gnu and write --compiler aarch64-linux-gnu-g++");
  }
  return compiler;
}

/// Models what one compiler makes of the kernels.
void model_compiler(const DotModelRequest& request, std::size_t index, DotModel& model) {
  const std::string assembly = compile_kernels(model.compilers[index]);
  std::vector<ModelledKernel> kernels;
  std::vector<std::vector<std::string>> loops;
  for (const ListedKernel& kernel : listed_kernels()) {
    if (!runs_on(kernel, *model.cpu)) continue;
    try {
      MainLoop main = find_main_loop(assembly, kernel.name, kernel.x_bits, kernel.weight_bits);
      ModelledKernel modelled;
      modelled.kernel = kernel.name;
      modelled.variant = kernel.variant;
      modelled.compiler = index;
      modelled.elements = main.elements;
      kernels.push_back(std::move(modelled));
      loops.push_back(std::move(main.loop.instructions));
    } catch (const Error& error) {
      model.left_out.push_back(fmt::format("{} ({})", error.what(), model.compilers[index].version));
    }
  }
  if (loops.empty()) throw work_error(fmt::format("no kernel of {} can be modelled", request.cpu));
  const std::vector<McaResult> results = run_mca(model.mca, *model.cpu, loops);
  for (std::size_t i = 0; i < results.size(); ++i) {
    kernels[i].loop = results[i];
    model.kernels.push_back(std::move(kernels[i]));
  }
}

}  // namespace

std::vector<DotModel::Compiler> find_compilers(const std::vector<std::string>& wanted) {
  std::vector<std::string> names = wanted;
  if (names.empty()) {
#if defined(__aarch64__)
    const std::vector<const char*> usual = {"g++", "clang++"};
#else
    const std::vector<const char*> usual = {"aarch64-linux-gnu-g++", "clang++"};
#endif
    for (const char* name : usual) {
      if (find_tool(name)) names.emplace_back(name);
    }
  }
  if (names.empty()) {
    throw input_error("no compiler for AArch64 was found",
                      "install g++-aarch64-linux-gnu, or name one with --compiler");
  }
  std::vector<DotModel::Compiler> compilers;
  for (const std::string& name : names) compilers.push_back(checked_compiler(name));
  return compilers;
}

std::string compile_kernels(const DotModel::Compiler& compiler) {
  const TemporaryFolder folder;
  for (const KernelSource& source : kernel_sources()) write_text(folder.path() / source.path, source.text);
  std::string assembly;
  for (const KernelUnit& unit : kernel_units()) {
    const fs::path output = folder.path() / "unit.s";
    std::vector<std::string> words = {compiler.path};
    words.insert(words.end(), compiler.options.begin(), compiler.options.end());
    append_words(words, "-std=c++20 -S -fPIC");
    append_words(words, unit.options);
    words.insert(words.end(),
                 {"-I", folder.path().string(), (folder.path() / unit.path).string(), "-o", output.string()});
    const ToolResult result = run_tool(words);
    if (result.status != 0) {
      throw input_error(fmt::format("{} cannot compile {}: {}", compiler.path, unit.path, first_line(result.errors)));
    }
    assembly += read_text(output);
  }
  return assembly;
}

DotModel model_dot_kernels(const DotModelRequest& request) {
  DotModel model;
  model.cpu = &model_cpu(request.cpu);
  model.mca = find_mca(request.mca);
  model.compilers = find_compilers(request.compilers);
  for (std::size_t i = 0; i < model.compilers.size(); ++i) model_compiler(request, i, model);
  return model;
}

}  // namespace denseshift::bench
