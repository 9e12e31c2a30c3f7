#include "cli/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include "cli/cpu_info.h"
#include "denseshift_revision.h"

namespace denseshift::cli {

std::string program_version() { return DENSESHIFT_VERSION; }

std::string source_revision() { return DENSESHIFT_REVISION; }

std::string built_torch_version() { return DENSESHIFT_TORCH_VERSION; }

std::string sqlite_version() { return sqlite3_libversion(); }

std::string version_text() {
  const std::string torch = built_torch_version();
  const CpuInfo cpu = cpu_info();
  return fmt::format(
      "denseshift {} (revision {})\n"
      "compiler   {}\n"
      "LibTorch   {}\n"
      "SQLite     {}\n"
      "CPU        {}: {}\n",
      program_version(), source_revision(), DENSESHIFT_COMPILER, torch.empty() ? "none (built without)" : torch,
      sqlite_version(), cpu.model,
      cpu.features.empty() ? "no SIMD features found" : fmt::format("{}", fmt::join(cpu.features, " ")));
}

}  // namespace denseshift::cli
