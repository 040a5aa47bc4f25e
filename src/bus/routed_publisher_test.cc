#include "bus/routed_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_publisher.h"

namespace pollbus {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::SizeIs;

// Messages with a number go to the further topic of that number.
std::optional<std::size_t> by_number(const Message& message) {
  const std::string& number = message.attribute("number");
  return number.empty() ? std::nullopt : std::optional<std::size_t>(std::stoul(number));
}

class RoutedPublisherTest : public ::testing::Test {
 protected:
  RoutedPublisherTest() {
    auto topic = std::make_unique<testing::FakePublisher>();
    topic_ = topic.get();
    std::vector<std::unique_ptr<Publisher>> further;
    for (int i = 0; i < 40; ++i) {
      further.push_back(std::make_unique<testing::FakePublisher>());
      further_.push_back(static_cast<testing::FakePublisher*>(further.back().get()));
    }
    publisher_ = make_routed_publisher(std::move(topic), std::move(further), by_number);
  }

  static Message message(const std::string& data, const std::string& number) {
    Message message{.data = data, .attributes = {}};
    if (!number.empty()) message.attributes["number"] = number;
    return message;
  }

  testing::FakePublisher* topic_;
  std::vector<testing::FakePublisher*> further_;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(RoutedPublisherTest, EachMessageGoesToItsTopicInOrder) {
  const std::vector<Message> batch = {message("a", ""), message("b", "1"), message("c", "0"),
                                      message("d", "1"), message("e", "")};
  EXPECT_EQ(publisher_->publish(batch), absl::OkStatus());
  EXPECT_THAT(topic_->published(),
              ElementsAre(Field(&Message::data, "a"), Field(&Message::data, "e")));
  EXPECT_THAT(further_[0]->published(), ElementsAre(Field(&Message::data, "c")));
  EXPECT_THAT(further_[1]->published(),
              ElementsAre(Field(&Message::data, "b"), Field(&Message::data, "d")));
  EXPECT_EQ(further_[2]->tries(), 0);
}

TEST_F(RoutedPublisherTest, MoreTopicsThanThreadsGetTheirMessages) {
  std::vector<Message> batch;
  for (std::size_t i = 0; i < further_.size(); ++i)
    batch.push_back(message("a", std::to_string(i)));
  EXPECT_EQ(publisher_->publish(batch), absl::OkStatus());
  for (const testing::FakePublisher* each : further_) EXPECT_THAT(each->published(), SizeIs(1));
}

TEST_F(RoutedPublisherTest, TheErrorOfOneTopicIsTheErrorOfTheBatch) {
  further_[1]->on_publish = [](auto) { return absl::NotFoundError("no such topic"); };
  const std::vector<Message> batch = {message("a", ""), message("b", "1")};
  EXPECT_EQ(publisher_->publish(batch), absl::NotFoundError("no such topic"));
  EXPECT_EQ(publisher_->publish(std::vector<Message>()), absl::OkStatus());
}

}  // namespace
}  // namespace pollbus
