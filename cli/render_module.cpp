#include "cli/render_module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

#include "cli/module_file.h"
#include "core/util/error.h"

namespace denseshift::cli {

std::string render_png(const std::string& svg, const PngSize& size) {
  const auto path = module_file("libdenseshift_render.so");
  if (path.empty()) {
    throw usage_error("PNG needs librsvg, and this denseshift was built without it",
                      "install librsvg2-dev and build again, or write SVG");
  }
  // Never closed: the libraries below it keep state for the life of the process.
  void* module = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (module == nullptr) {
    throw input_error(fmt::format("the PNG module cannot be loaded: {}", dlerror()),
                      "install librsvg2-2, or write SVG");
  }
  auto* render = reinterpret_cast<decltype(&denseshift_render_png)>(dlsym(module, "denseshift_render_png"));
  if (render == nullptr) {
    throw input_error(path.string() + ": not a module of this program", "build the program and its module together");
  }
  std::string png;
  std::array<char, 512> error{};
  const auto sink = [](void* target, const unsigned char* bytes, std::size_t count) {
    static_cast<std::string*>(target)->append(reinterpret_cast<const char*>(bytes), count);
  };
  constexpr int kLargest = 20000;
  if (render(svg.data(), svg.size(), size.scale, size.width, kLargest, sink, &png, error.data(), error.size()) != 0) {
    throw work_error(fmt::format("the picture cannot be rendered: {}", error.data()));
  }
  return png;
}

}  // namespace denseshift::cli
