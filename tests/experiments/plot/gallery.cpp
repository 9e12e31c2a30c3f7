// Not a test: writes every figure with invented data to a folder, to look at by eye. plot_gallery FOLDER.

#include <iostream>

#include "core/util/atomic_file.h"
#include "tests/experiments/plot/samples.h"

namespace {

using namespace denseshift;
using namespace denseshift::experiments;

void write(const std::string& folder, const std::string& name, const plot::Figure& figure) {
  write_file(folder + "/" + name + ".svg", plot::draw(figure));
  write_file(folder + "/" + name + "-dark.svg", plot::draw(figure, plot::Theme::dark));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: plot_gallery FOLDER\n";
    return 2;
  }
  try {
    const std::string folder = argv[1];
    write(folder, "fig1", accuracy_bits_figure(testing::sample_study(true)));
    write(folder, "fig1-empty", accuracy_bits_figure(testing::sample_study(false)));
    const TracedRun run{12, "deepshift-q", 3, "kaiming", "run 12: deepshift-q, 3 bits, cifar10"};
    const TracedRun dense{14, "denseshift", 3, "lvr", "run 14: denseshift, 3 bits, cifar10"};
    write(folder, "fig4",
          dynamics_figure("Figure 4: dynamics of weights", "fig4", run, testing::sample_histograms(30), dense,
                          testing::sample_traces(40, 0.02, 500)));
    write(folder, "fig4-empty", dynamics_figure("Figure 4: dynamics of weights", "fig4", {}, {}, {}, {}));
    write(folder, "fig5",
          start_figure("Figure 5: weights from two starts", "fig5", {dense, testing::sample_traces(40, 0.05, 300)},
                       {dense, testing::sample_traces(40, 0.001, 300)}));
    write(folder, "fig5-empty", start_figure("Figure 5: weights from two starts", "fig5", {}, {}));
    write(folder, "curves", curves_figure(testing::sample_curves()));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
