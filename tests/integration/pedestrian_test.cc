// Runs the pedestrian system as processes and kills services while records are on their way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "pedestrian/image_codec.h"
#include "pedestrian/labels.h"
#include "pedestrian/pipeline.h"
#include "pedestrian/scene_generator.h"
#include "pedestrian/scene_renderer.h"
#include "support/broker_server.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"
#include "support/voting_service.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using pedestrian::LabelledScene;
using ::testing::HasSubstr;

constexpr auto kPatience = 60s;
constexpr const char* kStages[] = {
    "pedestrian-detection", "pedestrian-depth", "pedestrian-location", "vehicle-detection",
    "vehicle-depth",        "vehicle-location", "aerial-view"};

// Writes rendered scenes and their labels to a folder.
void write_scenes(const std::filesystem::path& folder, std::uint64_t seed, int count) {
  std::filesystem::create_directories(folder);
  pedestrian::SceneGenerator generator(seed);
  std::vector<LabelledScene> scenes;
  for (int i = 0; i < count; ++i) {
    const LabelledScene& scene = scenes.emplace_back(generator.next());
    std::ofstream(folder / scene.occluded_image)
        << pedestrian::encode_png(pedestrian::render_occluded_view(scene));
    std::ofstream(folder / scene.occluding_image)
        << pedestrian::encode_png(pedestrian::render_occluding_view(scene));
  }
  std::ofstream(folder / "labels.csv") << pedestrian::encode_labels(scenes);
}

std::string contents(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class PedestrianSystemTest : public ::testing::Test {
 protected:
  Environment environment(Environment more = {}) const {
    Environment all = broker.environment();
    all["TOPIC_NAME"] = pedestrian::kTopic;
    all.merge(more);
    return all;
  }
  // Starts this many processes of each stage and waits until all are ready.
  void start_services(int replicas, const std::map<std::string, Environment>& more = {}) {
    for (const char* stage : kStages) {
      const auto settings = more.find(stage);
      for (int i = 1; i <= replicas; ++i) {
        auto& service = services[stage].emplace_back(std::make_unique<VotingService>(
            stage, std::string(stage) + "-" + std::to_string(i),
            environment(settings == more.end() ? Environment() : settings->second), folder.path()));
        service->launch();
      }
    }
    for (const auto& [stage, replicated] : services) {
      for (const auto& service : replicated) service->wait_until_ready(kPatience);
    }
  }
  void start_consumer(const std::filesystem::path& labels, int count) {
    consumer = std::make_unique<VotingService>(
        "pedestrian-consumer", "consumer", environment({{"VIEWS_DIR", folder / "views"}}),
        folder.path(),
        std::vector<std::string>{"--labels", labels, "--count", std::to_string(count), "--summary",
                                 folder / "summary.json"});
    consumer->launch();
  }
  std::unique_ptr<VotingService> launch_producer(const std::filesystem::path& scenes,
                                                 std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--labels", scenes / "labels.csv", "--images", scenes});
    auto producer = std::make_unique<VotingService>("pedestrian-producer", "producer",
                                                    environment(), folder.path(), flags);
    producer->launch();
    return producer;
  }
  int views() const {
    const std::string lines = contents(folder / "views/views.csv");
    return std::max(0, static_cast<int>(std::count(lines.begin(), lines.end(), '\n')) - 1);
  }
  json summary() const { return json::parse(contents(folder / "summary.json")); }

  TemporaryFolder folder;
  BrokerServer broker{folder.path()};
  std::map<std::string, std::vector<std::unique_ptr<VotingService>>> services;
  std::unique_ptr<VotingService> consumer;
};

TEST_F(PedestrianSystemTest, KilledServicesLoseNoRecordAndEachTimestampIsOneView) {
  constexpr int kScenes = 30;
  write_scenes(folder / "scenes", 11, kScenes);
  start_services(2);
  start_consumer(folder / "scenes/labels.csv", kScenes);
  // The same records are published twice: a repeated record changes nothing.
  const auto first = launch_producer(folder / "scenes");
  const auto again = launch_producer(folder / "scenes", {"--rate", "15"});
  ASSERT_TRUE(eventually(kPatience, [&] { return views() >= 1; }));
  for (const char* stage : kStages) services[stage][0]->kill();
  ASSERT_TRUE(eventually(kPatience, [&] { return views() >= 3; }));
  // Kills the remaining processes as well: the records wait on the bus.
  for (const char* stage : kStages) services[stage][1]->kill();
  for (const char* stage : kStages) services[stage][1]->start();
  EXPECT_EQ(first->wait_for_end(kPatience), 0);
  EXPECT_EQ(again->wait_for_end(kPatience), 0);
  EXPECT_EQ(consumer->wait_for_end(kPatience), 0);

  EXPECT_EQ(views(), kScenes);
  const json found = summary();
  EXPECT_EQ(found["views"], kScenes);
  EXPECT_EQ(found["without_car1"], 0);
  EXPECT_EQ(found["without_pedestrian"], 0);
  EXPECT_LT(found["car1_error_m"]["median"], 0.4);
  EXPECT_LT(found["pedestrian_error_m"]["median"], 0.4);
  for (const char* stage : kStages) EXPECT_EQ(services[stage][1]->stop(), 0) << stage;
}

// The data set is looked for in POLLBUS_PEDESTRIAN_DATA and in a folder beside the checkout.
TEST_F(PedestrianSystemTest, TheScenesOfTheDataSetGoThroughWithThePublishedPerceptrons) {
  const char* const named = std::getenv("POLLBUS_PEDESTRIAN_DATA");
  const std::filesystem::path data = named != nullptr ? named : POLLBUS_DATA_BESIDE_CHECKOUT;
  if (!std::filesystem::exists(data / "labels.csv"))
    return;  // scripts/test reports that this was not run
  constexpr int kScenes = 146;
  start_services(1, {{"pedestrian-location", {{"LOCATION_MODEL", data / "mlp_camA.json"}}},
                     {"vehicle-depth", {{"DEPTH_SCALE", "0.43"}}},
                     {"vehicle-location", {{"LOCATION_MODEL", data / "mlp_camB.json"}}}});
  start_consumer(data / "labels.csv", kScenes);
  const auto producer = launch_producer(data, {"--progress", folder / "progress"});
  EXPECT_EQ(producer->wait_for_end(kPatience), 0);
  EXPECT_EQ(consumer->wait_for_end(kPatience), 0);
  EXPECT_THAT(producer->log(), HasSubstr("146 records published"));
  EXPECT_EQ(contents(folder / "progress"), "1741134704.8356\n");
  EXPECT_TRUE(std::filesystem::exists(folder / "views/1741128439.11111.png"));
  const json found = summary();
  EXPECT_EQ(found["views"], kScenes);
  EXPECT_EQ(found["pedestrian_error_m"]["count"], kScenes);
  EXPECT_LT(found["car1_error_m"]["median"], 0.15);
  EXPECT_LT(found["pedestrian_error_m"]["median"], 0.3);
}

TEST_F(PedestrianSystemTest, AServiceThatCannotHaveItsModelEndsAtOnceAndSaysWhy) {
  std::ofstream(folder / "unfit") << "no model";
  const std::tuple<const char*, const char*, std::string> cases[] = {
      {"vehicle-detection", "DETECTION_MODEL", folder / "missing.onnx"},
      {"vehicle-detection", "DETECTION_MODEL", folder / "unfit"},
      {"pedestrian-depth", "DEPTH_MODEL", folder / "unfit"},
      {"pedestrian-location", "LOCATION_MODEL", folder / "unfit"},
      {"vehicle-location", "LOCATION_MODEL", folder / "missing.json"},
      {"aerial-view", "AERIAL_BACKGROUND", folder / "unfit"}};
  int number = 0;
  for (const auto& [program, variable, file] : cases) {
    VotingService service(program, program + std::to_string(++number),
                          environment({{variable, file}}), folder.path());
    service.launch();
    EXPECT_EQ(service.wait_for_end(kPatience), 2) << program;
    EXPECT_THAT(service.log(), HasSubstr(file)) << program;
  }
}

}  // namespace
}  // namespace pollbus::testing
