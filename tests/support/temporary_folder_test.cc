#include "support/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace pollbus::testing {
namespace {

TEST(TemporaryFolderTest, IsNamedAfterTheTestAndRemovedWithItsContents) {
  std::filesystem::path path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    EXPECT_NE(path.string().find("TemporaryFolderTest.IsNamedAfter"), std::string::npos);
    std::ofstream(folder / "file") << "text";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace pollbus::testing
