#include "election/roll.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace pollbus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<RollReader> read(const std::string& bytes, const std::string& column = "",
                                 std::size_t piece = SIZE_MAX) {
  auto reader = std::make_unique<RollReader>(column);
  for (std::size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size())) {
    if (!reader->read(std::string_view(bytes).substr(at, piece))) break;
  }
  reader->finish();
  return reader;
}

std::vector<std::int64_t> voters_of(const std::string& bytes, const std::string& column = "") {
  const auto reader = read(bytes, column);
  for (const RollRemark& remark : reader->problems()) {
    ADD_FAILURE() << "line " << remark.line << ": " << remark.what;
  }
  return reader->take_voters();
}

std::vector<std::string> lines_of(const std::vector<RollRemark>& remarks) {
  std::vector<std::string> lines;
  for (const auto& [line, what] : remarks) lines.push_back(fmt::format("{}: {}", line, what));
  return lines;
}

std::vector<std::string> problems_of(const std::string& bytes, const std::string& column = "") {
  const auto reader = read(bytes, column);
  EXPECT_FALSE(reader->is_usable());
  return lines_of(reader->problems());
}

std::vector<std::string> notes_of(const std::string& bytes) {
  const auto reader = read(bytes);
  EXPECT_TRUE(reader->is_usable());
  return lines_of(reader->notes());
}

TEST(Roll, EveryUsualFormOfCsvIsRead) {
  const std::vector<std::string> files = {
      "voter_ID,name\n3,Ada\n1,Alan\n",
      "voter_ID,name\r\n3,Ada\r\n1,Alan\r\n",
      "voter_ID,name\r3,Ada\r1,Alan\r",
      "voter_ID;name\n3;Ada\n1;Alan",
      "voter_ID\tname\n3\tAda\n1\tAlan\n\n\n",
      "\xef\xbb\xbfvoter_ID,name\n3,Ada\n1,Alan\n",
      "\xef\xbb\xbf\"voter_ID\";\"name\"\r\n\"3\";\"Ada\"\r\n\"1\";\"Alan\"",
      "name,voter_ID\n\"Lovelace, Ada\",3\n\"Turing\nAlan \"\"Al\"\"\",1\n",
      "sep=;\r\nvoter_ID;name\r\n3;Ada, Countess\r\n1;Alan\r\n",
      "voter_ID\n3\n1\n",
      "\n\nvoter_ID,name\n3,Ada\n1,Alan\n,\n , \n",
  };
  for (const std::string& file : files) EXPECT_THAT(voters_of(file), ElementsAre(1, 3)) << file;
}

TEST(Roll, TheSizeOfThePiecesDoesNotMatter) {
  const std::string file =
      "\xef\xbb\xbfname;voter_ID\r\n\"A\r\n\"\"B\"\"\";7\r\nÉ;8\r\n\r\n9;9\r\n";
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL}) {
    const auto reader = read(file, "", piece);
    EXPECT_THAT(lines_of(reader->problems()), IsEmpty());
    EXPECT_THAT(reader->take_voters(), ElementsAre(7, 8, 9));
  }
}

TEST(Roll, TheColumnIsFoundByItsNameWhereverItStands) {
  for (const char* name : {"voter_ID", "Voter ID", "VOTER-ID", " voter id ", "voter", "Voter No.",
                           "voter number", "\u00a0voter_ID"}) {
    EXPECT_THAT(voters_of(std::string("name,") + name + "\nAda,5\n"), ElementsAre(5)) << name;
  }
  EXPECT_THAT(voters_of("name,Matrikel\nAda,5\n", "matrikel"), ElementsAre(5));
  // In any form of Unicode.
  EXPECT_THAT(voters_of("name,Num\u00e9ro\nAda,5\n", "NUME\u0301RO"), ElementsAre(5));
}

TEST(Roll, InvisibleCharactersInTheHeaderDoNotHideTheColumn) {
  for (const std::string name :
       {"\u200evoter_ID", "voter\u00ad_ID", "\u202avoter_ID\u202c", "voter_ID\ufe0f",
        "\ufeff\ufeffvoter_ID", "\ufeff\ufeff\"voter_ID\"", "voter\u200b_ID", "\u000bvoter_ID"}) {
    EXPECT_THAT(voters_of(name + ",name\n5,Ada\n"), ElementsAre(5)) << name;
  }
}

TEST(Roll, TheDelimiterIsFoundAlthoughNamesOfColumnsContainOthers) {
  EXPECT_THAT(voters_of("voter_ID;name, first, middle\n5;Lovelace, Ada, B\n"), ElementsAre(5));
  EXPECT_THAT(voters_of("voter_ID;name, first\n5;Lovelace, Ada\n"), ElementsAre(5));
  EXPECT_THAT(voters_of("voter_ID\tname;x;y\n5\tAda\n"), ElementsAre(5));
  EXPECT_THAT(voters_of("voter_ID, name\n5, Ada\n"), ElementsAre(5));
  EXPECT_THAT(voters_of("SEP=;\r\nvoter_ID;name, first\r\n5;Ada\r\n"), ElementsAre(5));
  EXPECT_THAT(voters_of("\"sep=;\"\nvoter_ID;name\n5;Ada\n"), ElementsAre(5));
  EXPECT_THAT(problems_of("sep=|\nvoter_ID|name\n5|Ada\n"),
              ElementsAre(HasSubstr("1: the first line")));
  EXPECT_THAT(problems_of("voter_ID|name\n5|Ada\n"), ElementsAre(HasSubstr("is this a CSV file")));
  EXPECT_THAT(problems_of("sep=;"), ElementsAre("0: the file is empty"));
}

TEST(Roll, WhatCannotBeSeenInAValueIsWrittenInTheMessage) {
  EXPECT_THAT(problems_of("voter_ID\n1\u200e2\n"), ElementsAre(HasSubstr("\"1<U+200E>2\" is not")));
  EXPECT_THAT(problems_of("v\u043eter_ID,name\n5,Ada\n"),
              ElementsAre(HasSubstr("some letters only look the same")));
}

TEST(Roll, AHeaderThatIsMissingMisspeltOrDuplicatedIsReported) {
  EXPECT_THAT(problems_of("5,Ada\n6,Alan\n"),
              ElementsAre(HasSubstr("1: the first line has no header")));
  EXPECT_THAT(
      problems_of("voterr_ID,name\n5,Ada\n"),
      ElementsAre("1: the header has no column voter_ID; it has \"voterr_ID\", \"name\" (is "
                  "it \"voterr_ID\"? Rename the column, or name it with --column)"));
  EXPECT_THAT(problems_of("number,name\n5,Ada\n"), ElementsAre(HasSubstr("rename the column")));
  EXPECT_THAT(problems_of("voter_ID,voter id,name\n5,6,Ada\n"),
              ElementsAre(HasSubstr("several columns of voter numbers")));
  EXPECT_THAT(problems_of("voter_ID,name\n5,Ada\n", "matrikel"),
              ElementsAre(HasSubstr("no column matrikel")));
}

TEST(Roll, OtherEncodingsAreRefusedWithAClearLine) {
  using namespace std::string_literals;
  EXPECT_THAT(problems_of("\xff\xfev\0o\0t\0e\0r\0\n\0"s), ElementsAre(HasSubstr("UTF-16")));
  EXPECT_THAT(problems_of("\xfe\xff\0v\0o\0t\0e\0r\0\n"s), ElementsAre(HasSubstr("UTF-16")));
  EXPECT_THAT(problems_of("v\0o\0t\0e\0r\0\n\0"s), ElementsAre(HasSubstr("UTF-16")));
  EXPECT_THAT(problems_of("\xff\xfe\0\0v\0\0\0"s), ElementsAre(HasSubstr("UTF-32")));
  EXPECT_THAT(problems_of("\0\0\xfe\xff\0\0\0v"s), ElementsAre(HasSubstr("UTF-32")));
  EXPECT_THAT(problems_of("voter_ID,name\n5,Ren\xe9\n"),
              ElementsAre(HasSubstr("2: the line has characters that are not UTF-8")));
  EXPECT_THAT(problems_of("voter_ID\n5\0\n"s), ElementsAre(HasSubstr("zero byte")));
}

TEST(Roll, ZerosAndBlanksAreDroppedAndReportedWithTheirLines) {
  const auto reader = read("voter_ID,name\n007,A\n 8,B\n9\u00a0,C\n\u202f010,D\n00,E\n");
  EXPECT_THAT(lines_of(reader->notes()),
              ElementsAre("3: blanks around the voter number were dropped (1 line: 3)",
                          "4: no-break spaces or invisible characters around the voter number were "
                          "dropped (2 lines: 4 and 5)",
                          "2: zeros before the voter number were dropped: 007 is voter 7 (3 lines: "
                          "2, 5 and 6)"));
  EXPECT_THAT(reader->take_voters(), ElementsAre(0, 7, 8, 9, 10));
}

TEST(Roll, InvisibleCharactersAroundAVoterNumberAreDroppedAndReported) {
  const auto reader =
      read("voter_ID,name\n\u200e1\u200f,A\n\u202a2\u202c,B\n3\ufe0f,C\n\"4\n\",D\n\ufeff5,E\n");
  EXPECT_THAT(lines_of(reader->notes()), ElementsAre(HasSubstr("(5 lines: 2, 3, 4, 5 and 7)")));
  EXPECT_THAT(reader->take_voters(), ElementsAre(1, 2, 3, 4, 5));
}

TEST(Roll, EmptyLinesAtTheEndAreIgnoredAndThoseBetweenVotersReported) {
  EXPECT_THAT(notes_of("voter_ID\n1\n\n\n  \n"), IsEmpty());
  EXPECT_THAT(notes_of("voter_ID\n1\n\n2\n\n"), ElementsAre(HasSubstr("3: empty lines")));
  EXPECT_THAT(notes_of("voter_ID,name\n1,A\n\u00a0,\n\u200e\n"), IsEmpty());
}

TEST(Roll, AVoterThatOccursSeveralTimesIsReportedWithEveryLine) {
  const auto reader = read("voter_ID,name\n5,A\n6,\"B\nB\"\n05,C\n7,D\n 5,E\n7,F\n");
  EXPECT_FALSE(reader->is_usable());
  EXPECT_EQ(reader->duplicate_voters(), 2);
  std::vector<std::string> found;
  reader->for_each_duplicate([&](std::int64_t voter, std::span<const std::int64_t> lines) {
    found.push_back(fmt::format("{}: {}", voter, join_lines(lines)));
  });
  EXPECT_THAT(found, ElementsAre("5: 2, 5 and 7", "7: 6 and 8"));
}

TEST(Roll, AFieldThatIsNoVoterNumberIsReportedWithItsLine) {
  EXPECT_THAT(problems_of("voter_ID,name\n,Ada\nx5,B\n-1,C\n1.0,D\n1E+05,E\n９,F\n"
                          "9007199254740992,G\n99999999999999999999999,H\n1 2,I\n"),
              ElementsAre("2: has no voter number",
                          "3: \"x5\" is not a voter number: only the digits 0 to 9 are allowed",
                          HasSubstr("4: \"-1\""), HasSubstr("5: \"1.0\" is not a voter number"),
                          HasSubstr("a spreadsheet may have changed it"), HasSubstr("7: \"９\""),
                          HasSubstr("8: \"9007199254740992\" is larger"), HasSubstr("9: "),
                          HasSubstr("10: \"1 2\"")));
  EXPECT_THAT(voters_of("voter_ID\n9007199254740991\n"), ElementsAre(9'007'199'254'740'991));
}

TEST(Roll, ALineWithMoreOrFewerFieldsThanTheHeaderIsReported) {
  EXPECT_THAT(
      problems_of("name,voter_ID\nLovelace, Ada,5\nAlan\n"),
      ElementsAre("2: has 3 fields, and the header has 2", "3: has 1 field, and the header has 2"));
}

TEST(Roll, AQuoteThatIsNeverClosedIsReportedWhereItOpens) {
  EXPECT_THAT(problems_of("voter_ID,name\n1,A\n2,\"B\n3,C\n"),
              ElementsAre("3: a quote is opened here and never closed"));
  EXPECT_THAT(problems_of("voter_ID,name\n1,\"" + std::string(300'000, 'x')),
              ElementsAre("2: a quote is opened here and never closed"));
  EXPECT_THAT(problems_of("voter_ID,name\n1,\"A\"B\n"),
              ElementsAre(HasSubstr("2: there is text after the closing quote")));
}

TEST(Roll, AFileWithoutVotersIsReported) {
  EXPECT_THAT(problems_of(""), ElementsAre("0: the file is empty"));
  EXPECT_THAT(problems_of("\xef\xbb\xbf\r\n\r\n"), ElementsAre("0: the file is empty"));
  EXPECT_THAT(problems_of("voter_ID,name\n"), ElementsAre("0: the roll has no voters"));
}

TEST(Roll, OneAndAHalfMillionVotersAreReadAndEveryDuplicateIsFound) {
  constexpr std::int64_t kVoters = 1'500'000;
  RollReader reader("");
  reader.read("voter_ID;name\r\n");
  for (std::int64_t voter = 1; voter <= kVoters; ++voter)
    reader.read(fmt::format("{};Voter {}\r\n", voter * 7, voter));
  EXPECT_EQ(reader.problem_count(), 0);
  reader.read("7;the first\r\n10500000;the last\r\n");
  reader.finish();
  EXPECT_EQ(reader.duplicate_voters(), 2);
  std::vector<std::string> found;
  reader.for_each_duplicate([&](std::int64_t voter, std::span<const std::int64_t> lines) {
    found.push_back(fmt::format("{}: {}", voter, join_lines(lines)));
  });
  EXPECT_THAT(found, ElementsAre("7: 2 and 1500002", "10500000: 1500001 and 1500003"));
}

TEST(Roll, TheRemarksOfAFileFullOfMistakesAreBounded) {
  std::string file = "voter_ID\n";
  for (int i = 0; i < 5'000; ++i) file += "x\n";
  const auto reader = read(file);
  EXPECT_EQ(reader->problems().size(), RollReader::kMaxRemarks);
  EXPECT_EQ(reader->problem_count(), 5'000);
}

TEST(Csv, AFieldIsQuotedWhenItMustBe) {
  EXPECT_EQ(csv_field("Ada", ','), "Ada");
  EXPECT_EQ(csv_field("Lovelace, Ada", ','), "\"Lovelace, Ada\"");
  EXPECT_EQ(csv_field("Lovelace, Ada", ';'), "Lovelace, Ada");
  EXPECT_EQ(csv_field("5'6\"\n", ','), "\"5'6\"\"\n\"");
}

TEST(Csv, Utf8IsToldFromOtherBytes) {
  for (const char* text : {"", "a", "é", "€", "\U0010ffff", "\ud7ff", "\ue000"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* bytes : {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                            "\xf4\x90\x80\x80", "\xff", "a\xc3", "\xe2\x82"}) {
    EXPECT_FALSE(is_utf8(bytes));
  }
}

}  // namespace
}  // namespace pollbus
