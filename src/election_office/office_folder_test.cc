#include "election_office/office_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"

namespace pollbus::election_office {
namespace {

TEST(OfficeFolder, CodesAreKeptAndOnlyMissingOnesAreMade) {
  const std::vector<VoterCode> first = complete_codes({}, {2, 5});
  const std::vector<VoterCode> more = complete_codes(first, {1, 2, 7});
  ASSERT_EQ(more.size(), 4);
  EXPECT_EQ(more[0].voter, 1);
  EXPECT_EQ(more[1], first[0]);
  EXPECT_EQ(more[2], first[1]);  // also of voters who are not on the new roll
  EXPECT_EQ(more[3].voter, 7);
}

TEST(OfficeFolder, TheCodesOfAnEventAreReadAsTheyWereStored) {
  const testing::TemporaryFolder folder;
  OfficeFolder office(folder / "office");
  EXPECT_TRUE(office.read_codes("City")->empty());
  const std::vector<VoterCode> codes = {{.voter = 1, .secret = 2},
                                        {.voter = (std::int64_t{1} << 53) - 1, .secret = ~0ULL}};
  ASSERT_TRUE(office.store_codes("City", codes).ok());
  EXPECT_EQ(*office.read_codes("City"), codes);
  EXPECT_TRUE(office.read_codes("Province")->empty());
}

TEST(OfficeFolder, ADamagedFileOfCodesIsReported) {
  const testing::TemporaryFolder folder;
  OfficeFolder office(folder.path());
  ASSERT_TRUE(office.store_codes("City", {{.voter = 1, .secret = 2}}).ok());
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::filesystem::resize_file(entry.path(), std::filesystem::file_size(entry.path()) - 1);
  }
  EXPECT_TRUE(absl::IsDataLoss(office.read_codes("City").status()));
}

}  // namespace
}  // namespace pollbus::election_office
