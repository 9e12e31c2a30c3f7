#include "core/util/registry.h"

#include <gmock/gmock.h>

namespace denseshift {
namespace {

Registry<int> make() {
  Registry<int> registry("dataset");
  registry.add("shapes", "rendered", 1);
  registry.add("cifar10", "photographs", 2);
  return registry;
}

TEST(Registry, KeepsOrderAndFindsByName) {
  const Registry<int> registry = make();
  EXPECT_THAT(registry.names(), ::testing::ElementsAre("shapes", "cifar10"));
  EXPECT_EQ(registry.get("cifar10"), 2);
  EXPECT_EQ(registry.entry("shapes").description, "rendered");
  EXPECT_TRUE(registry.contains("shapes"));
  EXPECT_FALSE(registry.contains("shape"));
}

TEST(Registry, AnUnknownNameIsAUsageErrorWithTheNearest) {
  try {
    (void)make().get("cifar01");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_status(), 2);
    EXPECT_STREQ(error.what(), "unknown dataset 'cifar01'");
    EXPECT_EQ(error.hint(), "did you mean cifar10?");
  }
}

TEST(Registry, ANameCanBeTakenOnce) {
  Registry<int> registry = make();
  EXPECT_THROW(registry.add("shapes", "again", 3), std::logic_error);
  EXPECT_EQ(registry.get("shapes"), 1);
}

TEST(Error, KindsHaveTheDocumentedExitStatus) {
  EXPECT_EQ(usage_error("x").exit_status(), 2);
  EXPECT_EQ(input_error("x").exit_status(), 2);
  EXPECT_EQ(work_error("x").exit_status(), 1);
  EXPECT_EQ(Error(ErrorKind::interrupted, "x").exit_status(), 130);
}

}  // namespace
}  // namespace denseshift
