#include "election/result_topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Message message(const std::string& function, const std::string& machine) {
  return {.data = "{}", .attributes = {{"function", function}, {"machineID", machine}}};
}

TEST(ResultTopicsTest, ByDefaultEverythingIsOnOneTopic) {
  const ResultTopics topics;
  EXPECT_THAT(topics.names("election"), IsEmpty());
  EXPECT_EQ(topics.of_machine("election", 3), "election");
  EXPECT_EQ(topics.of_message(message("result", "3")), std::nullopt);
}

TEST(ResultTopicsTest, AResultGoesToTheTopicOfItsMachine) {
  const ResultTopics topics{.count = 3};
  EXPECT_THAT(topics.names("election"),
              ElementsAre("election-results-0", "election-results-1", "election-results-2"));
  for (const std::int64_t machine : std::vector<std::int64_t>{0, 1, 5, 9'007'199'254}) {
    const auto position = topics.of_message(message("result", std::to_string(machine)));
    ASSERT_TRUE(position.has_value());
    EXPECT_EQ(topics.names("election")[*position], topics.of_machine("election", machine));
  }
}

TEST(ResultTopicsTest, AllOtherMessagesStayOnTheTopic) {
  const ResultTopics topics{.count = 3};
  for (const auto& other : {message("submit vote", "3"), message("record vote", "3"),
                            message("office answer", "3"), message("result", "x")})
    EXPECT_EQ(topics.of_message(other), std::nullopt);
}

}  // namespace
}  // namespace pollbus
