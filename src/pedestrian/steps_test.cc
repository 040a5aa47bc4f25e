#include "pedestrian/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pedestrian/aerial_view.h"
#include "pedestrian/handler.h"
#include "pedestrian/pipeline.h"
#include "support/fake_publisher.h"
#include "support/manual_clock.h"
#include "support/received_message.h"

namespace pollbus::pedestrian {
namespace {

using nlohmann::json;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The exact output does not matter, only that it is computed.
constexpr char kPerceptron[] =
    R"({"input_scale":[1,1,1,1,1],"output_scale":[10,10],
        "layers":[{"weight":[[0,0,0,0,0.1],[0,0,0,0,0]],"bias":[0,0.5]}]})";

Step step_of(const std::string& stage) {
  const Side side = stage.starts_with("pedestrian") ? pedestrian_side() : vehicle_side();
  if (stage == side.detection_stage) return detection_step(side, *make_detector({}, side));
  if (stage == side.depth_stage) return depth_step(side, *make_depth_estimator({}, side));
  if (stage == side.location_stage) return location_step(side, *Perceptron::parse(kPerceptron));
  return aerial_view_step(*aerial_background(""), 2'200);
}

absl::StatusOr<json> run(const std::string& stage, const json& record) {
  auto parsed = Record::parse(record.dump());
  if (!parsed.ok()) return parsed.status();
  Attributes attributes;
  absl::Status status = step_of(stage)(*parsed, attributes);
  if (!status.ok()) return status;
  return json::parse(parsed->encode());
}

const json kFirst = json::parse(R"({"Timestamp":1.5,"Car2_Location":[-61,140],
  "Car1_dimensions":[5,2],"Car2_dimensions":[4,2],"Occluded_Image_View":"AA==",
  "Occluding_Image_View":"BB==","Pedestrians_labels":[[1010,654,1132,1080]],
  "vehicles_labels":[[1311,541,1919,931]],"note":"kept"})");

std::vector<std::string> keys(const json& record) {
  std::vector<std::string> names;
  for (const auto& [name, value] : record.items()) names.push_back(name);
  return names;
}

TEST(PipelineTest, EachStageNamesTheNext) {
  std::vector<std::string> names;
  for (std::string name = stage::kPedestrianDetection; !name.empty(); name = next_stage(name))
    names.push_back(name);
  EXPECT_THAT(names, ElementsAre("pedestrian-detection", "pedestrian-depth", "pedestrian-location",
                                 "vehicle-detection", "vehicle-depth", "vehicle-location",
                                 "aerial-view", "pedestrian-consumer"));
  EXPECT_EQ(stage_filter("vehicle-depth"), "attributes.stage=\"vehicle-depth\"");
  EXPECT_EQ(stage_subscription("vehicle-depth"), "vehicle-depth-sub");
}

TEST(StepsTest, EachStageAddsAndDropsWhatItsRowSays) {
  json record = kFirst;
  std::vector<std::string> expected = keys(record);
  const auto add = [&](const char* name) { expected.emplace_back(name); };
  const auto drop = [&](const char* name) { std::erase(expected, name); };
  const auto check = [&](const char* stage) {
    const auto out = run(stage, record);
    ASSERT_TRUE(out.ok()) << stage << ": " << out.status();
    record = *out;
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(keys(record), expected) << stage;
  };
  add("Pedestrians");
  check("pedestrian-detection");
  add("Pedestrians_depth");
  drop("Occluded_Image_View");
  drop("Pedestrians_labels");
  check("pedestrian-depth");
  add("Pedestrians_longitudinal");
  add("Pedestrians_lateral");
  drop("Pedestrians_depth");
  check("pedestrian-location");
  add("vehicles");
  check("vehicle-detection");
  add("vehicles_depth");
  drop("Occluding_Image_View");
  drop("vehicles_labels");
  check("vehicle-depth");
  add("vehicles_longitudinal");
  add("vehicles_lateral");
  drop("vehicles_depth");
  check("vehicle-location");
  EXPECT_EQ(record["note"], "kept");
  expected = {"Timestamp", "aerialView"};
  check("aerial-view");
  EXPECT_EQ(record["Timestamp"], 1.5);
}

TEST(StepsTest, AStageThatFindsNothingPassesEmptyListsOn) {
  json record = kFirst;
  record.erase("Pedestrians_labels");
  record.erase("vehicles_labels");
  for (std::string name = stage::kPedestrianDetection; name != stage::kAerialView;
       name = next_stage(name)) {
    const auto out = run(name, record);
    ASSERT_TRUE(out.ok()) << name << ": " << out.status();
    record = *out;
  }
  for (const char* list : {"Pedestrians", "Pedestrians_longitudinal", "Pedestrians_lateral",
                           "vehicles", "vehicles_longitudinal", "vehicles_lateral"})
    EXPECT_EQ(record[list], json::array()) << list;
  EXPECT_TRUE(run("aerial-view", record).ok());
}

TEST(StepsTest, WhatIsTooFarGoes) {
  const json record = {{"Timestamp", 1},
                       {"Pedestrians", {{900, 560, 920, 700}, {900, 654, 950, 1080}}}};
  const auto out = run("pedestrian-depth", record);
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ((*out)["Pedestrians"], json::parse("[[900.0,654.0,950.0,1080.0]]"));
  ASSERT_THAT((*out)["Pedestrians_depth"], SizeIs(1));
  EXPECT_NEAR((*out)["Pedestrians_depth"][0].get<double>(), 2'200 * 0.22 / 114, 1e-9);
}

TEST(StepsTest, AStageThatIsGivenTooLittleSaysWhat) {
  const std::pair<const char*, const char*> cases[] = {
      {"pedestrian-depth", "Pedestrians: is missing"},
      {"pedestrian-location", "Pedestrians: is missing"},
      {"vehicle-depth", "vehicles: is missing"},
      {"vehicle-location", "vehicles: is missing"},
      {"aerial-view", "Car2_Location: is missing"}};
  for (const auto& [stage, complaint] : cases)
    EXPECT_THAT(std::string(run(stage, {{"Timestamp", 1}}).status().message()),
                HasSubstr(complaint));
  const json uneven = {{"Timestamp", 1}, {"vehicles", {{1, 2, 3, 4}}}, {"vehicles_depth", {1, 2}}};
  EXPECT_THAT(std::string(run("vehicle-location", uneven).status().message()),
              HasSubstr("vehicles_depth: expected a list of 1 numbers"));
}

class StageHandlerTest : public ::testing::Test {
 protected:
  static ReceivedMessage received(const std::string& data, const std::string& stage) {
    return testing::received({data, {{"stage", stage}, {"sent_ms", "5"}, {"trace", "t"}}}, "77");
  }
  std::vector<Verdict> handle(const std::vector<ReceivedMessage>& batch) {
    return handler.handle(batch, stop.get_token());
  }

  testing::ManualClock clock;
  Readiness readiness{clock};
  prometheus::Registry registry;
  Dependency bus{"bus", "here", clock, readiness, registry};
  testing::FakePublisher topic;
  testing::FakePublisher quarantine;
  Outbox outbox{{topic, quarantine, bus}, registry};
  std::stop_source stop;
  Handler handler{outbox, "pedestrian-detection", "pedestrian-depth",
                  step_of("pedestrian-detection"), registry};
};

TEST_F(StageHandlerTest, PassesARecordOnUnderTheNextStageWithAllItsAttributes) {
  EXPECT_THAT(handle({received(kFirst.dump(), "pedestrian-detection")}), Each(Verdict::kAck));
  ASSERT_THAT(topic.published(), SizeIs(1));
  EXPECT_EQ(topic.published()[0].attributes,
            (Attributes{{"stage", "pedestrian-depth"}, {"sent_ms", "5"}, {"trace", "t"}}));
}

TEST_F(StageHandlerTest, ARecordThatCannotBeReadIsPutAsideAndHarmsNoOther) {
  EXPECT_THAT(handle({received("no JSON", "pedestrian-detection"),
                      received(kFirst.dump(), "pedestrian-detection"),
                      received("{}", "pedestrian-detection")}),
              Each(Verdict::kAck));
  EXPECT_THAT(topic.published(), SizeIs(1));
  ASSERT_THAT(quarantine.published(), SizeIs(2));
  EXPECT_EQ(quarantine.published()[0].data, "");
  EXPECT_EQ(quarantine.published()[0].attribute("stage"), "pedestrian-detection");
  EXPECT_EQ(quarantine.published()[0].attribute("messageId"), "77");
  EXPECT_THAT(quarantine.published()[1].attribute("reason"), HasSubstr("Timestamp"));
}

TEST_F(StageHandlerTest, WhatIsForAnotherStageIsAckedAndLeadsToNothing) {
  EXPECT_THAT(handle({received(kFirst.dump(), "vehicle-depth")}), Each(Verdict::kAck));
  EXPECT_THAT(topic.published(), IsEmpty());
  EXPECT_THAT(quarantine.published(), IsEmpty());
}

TEST_F(StageHandlerTest, NothingIsAckedBeforeTheBusHasKeptIt) {
  topic.on_publish = [&](auto) {
    stop.request_stop();
    return absl::UnavailableError("the bus is away");
  };
  EXPECT_THAT(handle({received(kFirst.dump(), "pedestrian-detection")}), Each(Verdict::kNack));
}

TEST_F(StageHandlerTest, WhatIsNotBegunWhenAStopComesGoesBack) {
  stop.request_stop();
  EXPECT_THAT(handle({received(kFirst.dump(), "pedestrian-detection")}), Each(Verdict::kNack));
  EXPECT_THAT(topic.published(), IsEmpty());
}

}  // namespace
}  // namespace pollbus::pedestrian
