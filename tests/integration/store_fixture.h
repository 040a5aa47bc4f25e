#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "stores/ballot_box.h"
#include "support/postgres_server.h"
#include "support/temporary_folder.h"

namespace pollbus::testing {

// A vote of election 12 whose choice is its number. Receipts are hashes, so their order says
// nothing about the order of the votes.
inline Ballot random_ballot(int vote) {
  std::mt19937 random(static_cast<unsigned>(vote));
  Ballot ballot{.election = 12, .machine = 3, .choice = vote, .receipt = {}, .content = {}};
  for (unsigned char& byte : ballot.receipt) byte = static_cast<unsigned char>(random());
  for (unsigned char& byte : ballot.content) byte = static_cast<unsigned char>(random());
  return ballot;
}

inline std::vector<Ballot> ballots_of(int from, int to) {
  std::vector<Ballot> ballots;
  for (int vote = from; vote < to; ++vote) ballots.push_back(random_ballot(vote));
  return ballots;
}

// A PostgreSQL server of its own, and a ballot box in it.
class StoreTest : public ::testing::Test {
 protected:
  PostgresConfig config() const {
    PostgresConfig config;
    config.port = postgres_.port();
    config.database = postgres_.database();
    config.user = postgres_.user();
    config.password = Secret(postgres_.password());
    config.connect_timeout = std::chrono::seconds(2);
    config.statement_timeout = std::chrono::seconds(10);
    return config;
  }

  void migrate() { ASSERT_EQ(box_->migrate(), absl::OkStatus()); }

  std::string one(const std::string& sql) const { return postgres_.query(sql).at(0).at(0); }
  std::string votes() const { return one("SELECT count(*) FROM votes"); }
  std::string receipts() const { return one("SELECT count(*) FROM receipts"); }

  std::vector<std::string> column(const std::string& sql) const {
    std::vector<std::string> values;
    for (const auto& row : postgres_.query(sql)) values.push_back(row.at(0));
    return values;
  }

  TemporaryFolder folder_;
  PostgresServer postgres_{folder_.path()};
  std::unique_ptr<BallotBox> box_ = make_postgres_ballot_box(config());
};

}  // namespace pollbus::testing
