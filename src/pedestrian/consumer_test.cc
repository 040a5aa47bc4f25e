#include "pedestrian/consumer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "pedestrian/pipeline.h"
#include "support/fake_publisher.h"
#include "support/manual_clock.h"
#include "support/received_message.h"
#include "support/temporary_folder.h"

namespace pollbus::pedestrian {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// The signature of a PNG file in base64, without an image.
constexpr char kPicture[] = "iVBORw0KGgo=";

std::string contents(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

const Attributes kUsualAttributes = {{"stage", stage::kConsumer},
                                     {kSentAttribute, "1709908090000"},
                                     {kCar1Attribute, "-51.5,143"},
                                     {kPedestrianAttribute, "-47.25,143.5"}};

ReceivedMessage view_message(const std::string& timestamp, const std::string& picture = kPicture,
                             const Attributes& attributes = kUsualAttributes) {
  return testing::received(
      {R"({"Timestamp":)" + timestamp + R"(,"aerialView":")" + picture + "\"}", attributes});
}

class ConsumerTest : public ::testing::Test {
 protected:
  ConsumerTest() { open(); }
  void open() {
    consumer.reset();
    store.reset();
    store = *ViewStore::open(folder / "views");
    consumer.emplace(
        Consumer::Parts{outbox, *store, presenter, disk, clock},
        [this](const View& view) { told.push_back(view.timestamp); }, registry);
  }
  std::vector<Verdict> handle(const std::vector<ReceivedMessage>& batch) {
    return consumer->handle(batch, stop.get_token());
  }

  testing::TemporaryFolder folder;
  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  Dependency bus{"bus", "here", clock, readiness, registry};
  Dependency disk{"folder", "here", clock, readiness, registry};
  testing::FakePublisher topic;
  testing::FakePublisher quarantine;
  Outbox outbox{{topic, quarantine, bus}, registry};
  std::stop_source stop;
  std::vector<std::string> told;
  Presenter presenter = *Presenter::make({}, "");
  std::unique_ptr<ViewStore> store;
  std::optional<Consumer> consumer;
};

TEST_F(ConsumerTest, SavesAViewAndWhatCameWithIt) {
  EXPECT_THAT(handle({view_message("1741128439.11111")}), Each(Verdict::kAck));
  EXPECT_EQ(contents(folder / "views/1741128439.11111.png"), "\x89PNG\r\n\x1a\n");
  EXPECT_THAT(told, ElementsAre("1741128439.11111"));
  EXPECT_THAT(contents(folder / "views/views.csv"),
              HasSubstr("\n1741128439.11111,-51.5,143,-47.25,143.5,964\n"));
}

TEST_F(ConsumerTest, TheSameTimestampAgainChangesNothingAlsoAfterARestart) {
  handle({view_message("1"), view_message("1")});
  open();
  EXPECT_THAT(handle({view_message("1"), view_message("2")}), Each(Verdict::kAck));
  EXPECT_THAT(told, ElementsAre("1", "2"));
  EXPECT_THAT(store->views(), SizeIs(2));
  EXPECT_EQ(store->views()[0].pedestrian, (Point{-47.25, 143.5}));
  EXPECT_EQ(store->views()[0].latency_ms, 964);
}

TEST_F(ConsumerTest, ALineThatACrashCutOffIsWrittenAnew) {
  handle({view_message("1"), view_message("2")});
  consumer.reset();
  store.reset();
  std::filesystem::resize_file(folder / "views/views.csv",
                               std::filesystem::file_size(folder / "views/views.csv") - 5);
  open();
  EXPECT_THAT(store->views(), SizeIs(1));
  handle({view_message("2")});
  open();
  EXPECT_THAT(store->views(), SizeIs(2));
}

TEST_F(ConsumerTest, AViewThatIsNoPictureIsPutAside) {
  EXPECT_THAT(handle({view_message("1", "QUJD"), view_message("\"../../x\""), view_message("2")}),
              Each(Verdict::kAck));
  EXPECT_THAT(told, ElementsAre("2"));
  EXPECT_THAT(quarantine.published(), SizeIs(2));
}

TEST_F(ConsumerTest, PositionsMayBeMissing) {
  EXPECT_THAT(handle({view_message("1", kPicture, {{"stage", stage::kConsumer}})}),
              Each(Verdict::kAck));
  open();
  EXPECT_EQ(store->views()[0].car1, std::nullopt);
  EXPECT_EQ(store->views()[0].latency_ms, std::nullopt);
}

TEST_F(ConsumerTest, AFolderThatCannotBeWrittenIsHeldOutAndNothingIsAcked) {
  const auto views = folder / "views";
  std::filesystem::rename(views, folder / "elsewhere");
  std::jthread impatient([this] {
    while (clock.pauses().size() < 3) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_THAT(handle({view_message("1")}), Each(Verdict::kNack));
  EXPECT_THAT(told, SizeIs(0));
}

TEST(ViewStoreTest, AFolderThatCannotBeReadKeepsItsViews) {
  const testing::TemporaryFolder folder;
  ASSERT_TRUE(std::filesystem::create_directory(folder / "views.csv"));
  EXPECT_TRUE(absl::IsUnavailable(ViewStore::open(folder.path()).status()));
  EXPECT_TRUE(std::filesystem::is_directory(folder / "views.csv"));
}

TEST_F(ConsumerTest, TheFoundBoxesAreReadFromTheAttributes) {
  Attributes attributes = kUsualAttributes;
  attributes[kCar1BoxAttribute] = "1,2,3.5,4";
  attributes[kPedestrianBoxAttribute] = "1,2,3";
  handle({view_message("1", kPicture, attributes)});
  EXPECT_EQ(store->views()[0].car1_box, (Box{1, 2, 3.5, 4}));
  EXPECT_EQ(store->views()[0].pedestrian_box, std::nullopt) << "three numbers are no box";
}

TEST(ViewStoreTest, TwoProcessesDoNotShareAFolder) {
  const testing::TemporaryFolder folder;
  const auto one = ViewStore::open(folder.path());
  ASSERT_TRUE(one.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(ViewStore::open(folder.path()).status()));
}

TEST(ViewStoreTest, AFileOfSomebodyElseIsRefused) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "views.csv") << "a,b\n1,2\n";
  EXPECT_TRUE(absl::IsFailedPrecondition(ViewStore::open(folder.path()).status()));
  EXPECT_EQ(contents(folder / "views.csv"), "a,b\n1,2\n");
}

TEST(ScoresTest, QuantilesAreValuesThatOccur) {
  EXPECT_EQ(quantiles({}).count, 0U);
  EXPECT_EQ(quantiles({3}).median, 3);
  const Quantiles ten = quantiles({10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
  EXPECT_EQ(ten.median, 5);
  EXPECT_EQ(ten.p90, 9);
}

TEST(ScoresTest, ErrorsAreDistancesFromTheTruth) {
  LabelledScene scene{.timestamp = "1.50", .car1 = {10, 3}, .pedestrian = {14, 3}};
  const auto truths = truths_of(std::vector{scene});
  ASSERT_TRUE(truths.ok());
  const View view{.timestamp = "1.5", .car1 = Point{13, 7}, .pedestrian = Point{14, 4}};
  EXPECT_EQ(view_line(view, &truths->at("1.5")),
            "1.5  car 1 (13.00, 7.00) 5.00 m off  pedestrian (14.00, 4.00) 1.00 m off");
  const View lost{.timestamp = "2", .latency_ms = 12};
  EXPECT_EQ(view_line(lost, nullptr), "2  car 1 not found  pedestrian not found  12 ms");

  const Summary summary = summarise(std::vector{view, lost}, *truths);
  EXPECT_EQ(summary.views, 2U);
  EXPECT_EQ(summary.without_car1, 1U);
  EXPECT_EQ(summary.car1_error_m.count, 1U);
  EXPECT_EQ(summary.car1_error_m.median, 5);
  EXPECT_EQ(summary.pedestrian_error_m.median, 1);
  EXPECT_EQ(summary.latency_ms.p90, 12);
  EXPECT_THAT(summary_text(summary), HasSubstr("car 1, error"));
  EXPECT_THAT(summary_json(summary), HasSubstr("\"median\": 5.0"));
}

}  // namespace
}  // namespace pollbus::pedestrian
