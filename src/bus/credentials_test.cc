#include "bus/credentials.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"

namespace pollbus {
namespace {

constexpr char kKey[] = R"({"type":"service_account","private_key":"PEM","project_id":"p"})";

class LoneKeyFileTest : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& content) {
    std::ofstream(folder / name) << content;
  }
  std::optional<std::string> found() const { return lone_key_file(folder.path()); }

  testing::TemporaryFolder folder;
};

TEST_F(LoneKeyFileTest, NoneIsFoundWhereThereIsNone) {
  EXPECT_EQ(found(), std::nullopt);
  EXPECT_EQ(lone_key_file(folder / "nowhere"), std::nullopt);
}

TEST_F(LoneKeyFileTest, TheOnlyOneIsFoundWhateverElseIsThere) {
  write("key.json", kKey);
  write("package.json", R"({"name":"pollbus"})");
  write("key.txt", kKey);
  write("list.json", "[1,2]");
  write("broken.json", "{\"type\":");
  write("empty.json", "");
  write("deep.json", std::string(60'000, '['));
  write("user.json", R"({"type":"authorized_user","private_key":"PEM"})");
  write("numbers.json", R"({"type":7,"private_key":"PEM"})");
  write("public.json", R"({"type":"service_account"})");
  write("huge.json", std::string(70'000, ' ') + kKey);
  std::filesystem::create_directory(folder / "folder.json");
  std::filesystem::create_symlink(folder / "nowhere", folder / "dangling.json");
  EXPECT_EQ(found(), (folder / "key.json").string());
}

TEST_F(LoneKeyFileTest, OfTwoNeitherIsTaken) {
  write("one.json", kKey);
  write("two.json", kKey);
  EXPECT_EQ(found(), std::nullopt);
}

}  // namespace
}  // namespace pollbus
