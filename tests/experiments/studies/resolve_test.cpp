// What the studies write down is what a training makes of it: only then are the hashes of cells those of their runs.

#include <gtest/gtest.h>

#include "experiments/studies/cells.h"
#include "experiments/trainer/setup.h"

namespace denseshift::experiments {
namespace {

TEST(Studies, CellsAreResolvedConfigurations) {
  const StudyCatalog catalog;
  int cells = 0;
  for (const Study& study : catalog.studies()) {
    for (const StudyScale& scale : study.scales) {
      for (const StudyCell& cell : study_cells(study, scale, 1)) {
        TrainConfig resolved;
        ASSERT_NO_THROW(resolved = resolve(cell.config, {"wbits", "init"})) << study.name << ' ' << cell.row;
        EXPECT_EQ(config_hash(resolved), cell.config_hash) << study.name << ' ' << scale.name << ' ' << cell.row;
        ++cells;
      }
    }
  }
  EXPECT_GT(cells, 200);
}

}  // namespace
}  // namespace denseshift::experiments
