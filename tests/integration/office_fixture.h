#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "election/csv_reader.h"
#include "election/signature.h"
#include "election/vote.h"
#include "integration/election_fixture.h"
#include "integration/office_tool.h"

namespace pollbus::testing {

inline constexpr std::int64_t kElection = 12;

// An election with all services and three machines, held by an official with election-office.
class ElectionOfficeTest : public ElectionTest {
 protected:
  virtual int loggers() const { return 1; }

  void SetUp() override {
    tool_.emplace(folder(), Environment{});
    const auto keygen = tool_->run("election-office keygen --office office");
    ASSERT_EQ(keygen.exit_code, 0) << keygen.output;
    write("keygen.txt", keygen.output);
    std::string key = *read_whole_file(folder() / "office" / "office.pub");
    key.pop_back();
    system_ = &begin({.loggers = loggers(), .environment = {{"OFFICE_PUBLIC_KEY", key}}});
    for (const auto& [variable, value] : system_->broker.environment()) tool_->set(variable, value);
    tool_->set("OFFICE_PUBLIC_KEY", key);
    for (const std::int64_t machine : {11, 12, 13}) {  // others than the handbook has
      machines_.push_back(
          std::make_unique<BusMachine>(system_->bus(), system_->topic(), kElection, machine));
    }
  }

  void write(const std::string& name, const std::string& content) const {
    std::ofstream(folder() / name) << content;
  }

  OfficePrivateKey office_key() const {
    const std::string text = *read_whole_file(folder() / "office" / "office.key");
    return OfficePrivateKey::parse(text.substr(0, text.find('\n'))).value();
  }

  // Runs a command that must succeed.
  std::string run(const std::string& command) const {
    const auto run = tool_->run(command);
    EXPECT_EQ(run.exit_code, 0) << command << "\n" << run.output;
    return run.output;
  }

  // The codes of the mailing list, by voter.
  std::map<std::int64_t, std::string> codes_in(const std::string& file) const {
    std::map<std::int64_t, std::string> codes;
    CsvReader reader([&](const CsvRecord& record) {
      if (record.fields.front() == "voter_ID") return;
      codes[std::stoll(record.fields.front())] = record.fields.back();
    });
    reader.read(*read_whole_file(folder() / file));
    reader.finish();
    return codes;
  }

  // Casts the votes of these voters with all machines and expects that all are accepted. The choice
  // is the voter number modulo 2.
  void vote(std::int64_t first, std::int64_t last, const std::map<std::int64_t, std::string>& codes,
            std::int64_t election = kElection) {
    std::vector<std::vector<SubmittedVote>> votes(machines_.size());
    for (std::int64_t voter = first; voter <= last; ++voter) {
      const auto machine = static_cast<std::size_t>(voter) % machines_.size();
      SubmittedVote vote = machines_[machine]->draw(voter, voter % 2);
      vote.election = election;
      if (codes.contains(voter)) vote.code = codes.at(voter);
      votes[machine].push_back(std::move(vote));
    }
    for (std::size_t i = 0; i < machines_.size(); ++i) {
      EXPECT_TRUE(machines_[i]->cast(votes[i]).ok());
      EXPECT_TRUE(machines_[i]->resolve_all(std::chrono::seconds(60)));
    }
  }

  std::int64_t accepted() const {
    std::int64_t count = 0;
    for (const auto& machine : machines_) {
      for (const auto& [uuid, account] : machine->accounts()) {
        const auto answers = machine->answers(uuid, 1);
        count += !answers.empty() && answers.front().outcome == Outcome::kSuccessful ? 1 : 0;
      }
    }
    return count;
  }

  // The reason for which a vote of this voter is rejected; empty if it is not.
  std::string rejection(std::int64_t voter, const std::string& code) {
    SubmittedVote vote = machines_[0]->draw(voter, 0);
    if (!code.empty()) vote.code = code;
    EXPECT_TRUE(machines_[0]->cast(vote).ok());
    const auto answers = machines_[0]->answers(vote.uuid, 1);
    return answers.empty() ? "no answer" : answers.front().reason;
  }

  std::optional<OfficeTool> tool_;
  ElectionSystem* system_ = nullptr;
  std::vector<std::unique_ptr<BusMachine>> machines_;
};

}  // namespace pollbus::testing
