#include "voting_machine/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "support/temporary_folder.h"

namespace pollbus::voting_machine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr std::size_t kSlotBytes = 512;
const std::string kOwner = "an owner";

class JournalTest : public ::testing::Test {
 protected:
  std::unique_ptr<Journal> open() {
    auto opened = Journal::open(path);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (!opened.ok()) return nullptr;
    EXPECT_TRUE((*opened)->claim(kOwner).ok());
    return std::move(opened).value();
  }
  std::vector<Journal::Slot> append(Journal& journal, const std::vector<std::string>& votes) {
    auto slots = journal.append(votes);
    EXPECT_TRUE(slots.ok()) << slots.status();
    return slots.ok() ? *slots : std::vector<Journal::Slot>();
  }
  std::vector<std::string> recovered() {
    std::vector<std::string> data;
    const auto journal = open();
    for (const auto& entry : journal->recovered()) data.push_back(entry.data);
    return data;
  }
  std::string bytes() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool file_holds(const std::string& text) const { return bytes().find(text) != std::string::npos; }
  void write(const std::string& content) const { std::ofstream(path, std::ios::binary) << content; }
  void overwrite(std::size_t position, const std::string& content) const {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(position));
    file << content;
  }

  testing::TemporaryFolder folder;
  std::string path = (folder / "machine.journal").string();
};

TEST_F(JournalTest, KeepsVotesThatWereAppendedAndNotErased) {
  {
    const auto journal = open();
    EXPECT_THAT(journal->recovered(), IsEmpty());
    const auto slots = append(*journal, {"first", "second", "third"});
    ASSERT_THAT(std::set(slots.begin(), slots.end()), SizeIs(3));
    EXPECT_EQ(journal->size(), 3U);
    ASSERT_TRUE(journal->erase(slots[1]).ok());
    EXPECT_EQ(journal->size(), 2U);
  }
  EXPECT_THAT(recovered(), UnorderedElementsAre("first", "third"));
}

TEST_F(JournalTest, ARecoveredVoteIsErasedThroughItsSlot) {
  { append(*open(), {"first", "second"}); }
  {
    const auto journal = open();
    EXPECT_EQ(journal->size(), 2U);
    for (const auto& entry : journal->recovered()) {
      if (entry.data != "first") continue;
      ASSERT_TRUE(journal->erase(entry.slot).ok());
    }
    append(*journal, {"third"});
  }
  EXPECT_THAT(recovered(), UnorderedElementsAre("second", "third"));
}

TEST_F(JournalTest, ANewVoteDoesNotOverwriteARecoveredOne) {
  { append(*open(), {"first", "second", "third"}); }
  { append(*open(), {"fourth", "fifth"}); }
  EXPECT_THAT(recovered(), UnorderedElementsAre("first", "second", "third", "fourth", "fifth"));
}

TEST_F(JournalTest, AnErasedVoteIsGoneFromTheFile) {
  const auto journal = open();
  const auto slots = append(*journal, {"the secret vote", "another vote"});
  ASSERT_TRUE(file_holds("the secret vote"));
  ASSERT_TRUE(journal->erase(slots[0]).ok());
  EXPECT_FALSE(file_holds("the secret vote"));
  EXPECT_TRUE(file_holds("another vote"));
}

TEST_F(JournalTest, VotesOfAnySizeUpToTheLimitComeBackAsTheyWere) {
  const std::vector<std::string> votes{"x", std::string(255, 'y'), std::string(256, 'z'),
                                       std::string(Journal::kMaxDataBytes, '\0'),
                                       std::string(Journal::kMaxDataBytes, '\xff')};
  { append(*open(), votes); }
  EXPECT_THAT(recovered(), ::testing::UnorderedElementsAreArray(votes));
}

TEST_F(JournalTest, AnEmptyOrTooLongVoteIsRefusedAndItsWholeBatchIsNotWritten) {
  for (const std::string& bad : {std::string(), std::string(Journal::kMaxDataBytes + 1, 'x')}) {
    const auto journal = open();
    const std::vector<std::string> batch{"a good vote", bad};
    EXPECT_TRUE(absl::IsInvalidArgument(journal->append(batch).status()));
    EXPECT_EQ(journal->size(), 0U);
    EXPECT_FALSE(file_holds("a good vote"));
  }
  EXPECT_THAT(recovered(), IsEmpty());
}

TEST_F(JournalTest, ATornVoteIsNotRecoveredWhereverItIsTorn) {
  const std::string vote(300, 'v');
  for (const std::size_t torn_at : {0, 3, 8, 9, 15, 16, 100, 315}) {
    std::filesystem::remove(path);
    Journal::Slot slot = 0;
    { slot = append(*open(), {"whole", vote})[1]; }
    const std::size_t begin = (slot + 1) * kSlotBytes;
    overwrite(begin + torn_at, std::string(kSlotBytes - torn_at, '\0'));
    EXPECT_THAT(recovered(), UnorderedElementsAre("whole")) << "torn at byte " << torn_at;
  }
}

TEST_F(JournalTest, ADamagedSlotIsLoggedCountedAndKeptAsItIs) {
  { append(*open(), {"the secret vote"}); }
  const std::size_t begin = bytes().find("the secret vote");
  overwrite(begin + 11, "VOTE");
  ::testing::internal::CaptureStderr();
  const auto journal = open();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(journal->damaged(), 1U);
  EXPECT_THAT(journal->recovered(), IsEmpty());
  EXPECT_THAT(log, HasSubstr("wrong checksum"));
  EXPECT_THAT(log, HasSubstr(std::to_string(begin / kSlotBytes * kSlotBytes)));
  EXPECT_THAT(log, Not(HasSubstr("secret")));
  append(*journal, std::vector<std::string>(300, "another vote"));
  EXPECT_TRUE(file_holds("the secret VOTE")) << "a new vote must not overwrite it";
}

TEST_F(JournalTest, DiscardErasesRecoveredVotesAndDamagedSlots) {
  { append(*open(), {"first", "second", "third"}); }
  overwrite(bytes().find("second"), "S");
  {
    const auto journal = open();
    ASSERT_THAT(journal->recovered(), SizeIs(2));
    ASSERT_TRUE(journal->discard().ok());
    EXPECT_EQ(journal->size(), 0U);
    EXPECT_EQ(journal->damaged(), 0U);
    EXPECT_THAT(journal->recovered(), IsEmpty());
    for (const char* vote : {"first", "Second", "third"}) EXPECT_FALSE(file_holds(vote)) << vote;
    const auto slots = append(*journal, std::vector<std::string>(256, "vote"));
    EXPECT_THAT(std::set(slots.begin(), slots.end()), SizeIs(256));
  }
  EXPECT_THAT(recovered(), SizeIs(256));
}

TEST_F(JournalTest, ItsOwnerIsTheOneThatClaimedItLast) {
  {
    const auto opened = Journal::open(path);
    EXPECT_EQ((*opened)->owner(), "");
    ASSERT_TRUE((*opened)->claim("first owner").ok());
    ASSERT_TRUE((*opened)->claim("second owner").ok());
    append(**opened, {"a vote"});
  }
  const auto opened = Journal::open(path);
  EXPECT_EQ((*opened)->owner(), "second owner");
  EXPECT_THAT((*opened)->recovered(), SizeIs(1));
}

TEST_F(JournalTest, NothingIsAppendedBeforeItIsClaimed) {
  const auto opened = Journal::open(path);
  const std::vector<std::string> votes{"a vote"};
  EXPECT_TRUE(absl::IsFailedPrecondition((*opened)->append(votes).status()));
}

TEST_F(JournalTest, AHeaderTornWhileItWasOverwrittenLosesTheOwnerButNoVote) {
  { append(*open(), {"first"}); }
  overwrite(60, "XX");
  const auto opened = Journal::open(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->owner(), "");
  EXPECT_THAT((*opened)->recovered(), SizeIs(1));
}

TEST_F(JournalTest, AFileThatIsNotAJournalIsRefusedAndNotChanged) {
  for (const std::string& content :
       {std::string("{}"), std::string(kSlotBytes, 'x'), std::string(4 * kSlotBytes, '\0')}) {
    write(content);
    const auto opened = Journal::open(path);
    EXPECT_TRUE(absl::IsFailedPrecondition(opened.status())) << opened.status();
    EXPECT_TRUE(bytes() == content);
  }
}

TEST_F(JournalTest, AnEmptyFileIsANewJournal) {
  write("");
  { append(*open(), {"first"}); }
  EXPECT_THAT(recovered(), UnorderedElementsAre("first"));
}

TEST_F(JournalTest, AJournalTornWhileItWasCreatedIsANewJournal) {
  (void)open();
  const std::string header = bytes();
  ASSERT_EQ(header.size(), kSlotBytes);
  for (const std::size_t written : {0, 1, 8, 9, 40, 60}) {
    write(header.substr(0, written) + std::string(kSlotBytes - written, '\0'));
    append(*open(), {"first"});
    EXPECT_THAT(recovered(), UnorderedElementsAre("first")) << written;
  }
}

// A file whose last writer died before it synced.
class UnsyncedFile final : public JournalFile {
 public:
  explicit UnsyncedFile(std::map<std::size_t, Record>* dirty) : dirty_(*dirty) {}

  const std::string& name() const override { return name_; }
  absl::StatusOr<std::size_t> records() const override { return dirty_.size(); }
  absl::Status read(std::size_t position, Record* record) const override {
    *record = dirty_.at(position);
    return absl::OkStatus();
  }
  absl::Status write(std::size_t position, const Record& record) override {
    rewritten_.insert(position);
    dirty_[position] = record;
    return absl::OkStatus();
  }
  absl::Status sync() override {
    synced = rewritten_;
    return absl::OkStatus();
  }
  absl::Status grow(std::size_t records) override {
    for (std::size_t i = dirty_.size(); i < records; ++i) dirty_[i] = {};
    return absl::OkStatus();
  }

  std::set<std::size_t> synced;  // records that are certainly on disk

 private:
  const std::string name_ = "unsynced";
  std::map<std::size_t, Record>& dirty_;
  std::set<std::size_t> rewritten_;
};

TEST_F(JournalTest, ARecoveredVoteIsOnDiskBeforeItIsPublishedAgain) {
  std::map<std::size_t, JournalFile::Record> records;
  {
    auto journal = Journal::open(std::make_unique<UnsyncedFile>(&records));
    ASSERT_TRUE((*journal)->claim(kOwner).ok());
    append(**journal, {"first"});
  }
  auto file = std::make_unique<UnsyncedFile>(&records);
  const UnsyncedFile& opened = *file;
  const auto journal = Journal::open(std::move(file));
  ASSERT_THAT((*journal)->recovered(), SizeIs(1));
  EXPECT_THAT(opened.synced, ElementsAre(0, (*journal)->recovered().front().slot + 1));
}

TEST_F(JournalTest, AMissingFolderIsUnavailable) {
  EXPECT_TRUE(
      absl::IsUnavailable(Journal::open((folder / "nowhere/machine.journal").string()).status()));
}

TEST_F(JournalTest, OnlyOneProcessAtATimeCanOpenIt) {
  const auto journal = open();
  EXPECT_TRUE(absl::IsFailedPrecondition(Journal::open(path).status()));
  const pid_t child = fork();
  if (child == 0) {
    const auto opened = Journal::open(path);
    _exit(absl::IsFailedPrecondition(opened.status()) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(JournalTest, CanBeOpenedAgainAfterTheProcessThatHeldItWasKilled) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto journal = Journal::open(path);
    const std::vector<std::string> votes{"of the killed"};
    const bool kept = (*journal)->claim(kOwner).ok() && (*journal)->append(votes).ok();
    if (::write(ready[1], kept ? "y" : "n", 1) != 1) _exit(1);
    while (true) pause();
  }
  char kept = 'n';
  ASSERT_EQ(read(ready[0], &kept, 1), 1);
  EXPECT_EQ(kept, 'y');
  EXPECT_TRUE(absl::IsFailedPrecondition(Journal::open(path).status()));
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(ready[0]);
  close(ready[1]);
  EXPECT_THAT(recovered(), UnorderedElementsAre("of the killed"));
}

TEST_F(JournalTest, OnlyTheUserWhoOwnsTheFileMayReadIt) {
  const mode_t before = umask(0);
  const auto journal = open();
  umask(before);
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(JournalTest, GrowsBeyondItsFirstSizeAndUsesErasedSlotsAgain) {
  const std::vector<std::string> many(3'000, "vote");
  std::uintmax_t size = 0;
  {
    const auto journal = open();
    const auto slots = append(*journal, many);
    EXPECT_THAT(std::set(slots.begin(), slots.end()), SizeIs(many.size()));
    size = std::filesystem::file_size(path);
    for (const auto slot : slots) ASSERT_TRUE(journal->erase(slot).ok());
    append(*journal, many);
    EXPECT_EQ(std::filesystem::file_size(path), size);
  }
  EXPECT_THAT(recovered(), SizeIs(many.size()));
}

TEST_F(JournalTest, AnOwnerTooLongForTheHeaderIsRefused) {
  const auto journal = open();
  EXPECT_TRUE(journal->claim(std::string(Journal::kMaxOwnerBytes, 'x')).ok());
  EXPECT_TRUE(
      absl::IsInvalidArgument(journal->claim(std::string(Journal::kMaxOwnerBytes + 1, 'x'))));
}

}  // namespace
}  // namespace pollbus::voting_machine
