#include "base/pem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/certificates.h"
#include "support/temporary_folder.h"

namespace pollbus {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PemTest : public ::testing::Test {
 protected:
  testing::TemporaryFolder folder;
  testing::Certificates certificates{folder.path()};
};

TEST_F(PemTest, ACertificateAndItsKeyAreReadAsTheyAre) {
  const auto pair = read_pem_pair(certificates.certificate(), certificates.key());
  ASSERT_TRUE(pair.ok()) << pair.status();
  EXPECT_EQ(pair->certificate, certificates.read(certificates.certificate()));
  EXPECT_EQ(pair->key, certificates.read(certificates.key()));
}

TEST_F(PemTest, AWrongFileIsNamedInTheErrorAndItsContentIsNot) {
  const auto names = [](const absl::Status& status, const std::filesystem::path& file) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(file.string()));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("BEGIN")));
  };
  const auto missing = folder / "missing.pem";
  const auto noise = folder / "noise.pem";
  std::ofstream(noise) << "secret";
  names(read_pem(missing, "CERTIFICATE").status(), missing);
  names(read_pem(folder.path(), "CERTIFICATE").status(), folder.path());
  names(read_pem(noise, "CERTIFICATE").status(), noise);
  names(read_pem(certificates.key(), "CERTIFICATE").status(), certificates.key());
  names(read_pem_pair(certificates.authority(), certificates.key()).status(), certificates.key());
}

}  // namespace
}  // namespace pollbus
