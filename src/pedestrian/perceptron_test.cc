#include "pedestrian/perceptron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "pedestrian/scene_generator.h"
#include "pedestrian/scores.h"
#include "pedestrian/trainer.h"

namespace pollbus::pedestrian {
namespace {

using ::testing::HasSubstr;

// One hidden layer computes x1/2 + 1 and -depth; the outputs are their sum and difference.
constexpr char kSmall[] = R"({"input_scale": [2, 1, 1, 1, 4], "output_scale": [10, 100],
  "layers": [{"weight": [[1, 0, 0, 0, 0], [0, 0, 0, 0, -1]], "bias": [1, 0]},
             {"weight": [[0.1, 0.1], [0.1, -0.1]], "bias": [0, 0.5]}], "trained": "by hand"})";

TEST(PerceptronTest, ComputesAsByHand) {
  const auto perceptron = Perceptron::parse(kSmall);
  ASSERT_TRUE(perceptron.ok()) << perceptron.status();
  const Point near = perceptron->locate({4, 0, 0, 0}, 8);  // hidden: 3, and -2 which ReLU makes 0
  EXPECT_DOUBLE_EQ(near.x, 10 * std::tanh(0.3));
  EXPECT_DOUBLE_EQ(near.y, 100 * std::tanh(0.8));
  const Point other = perceptron->locate({4, 0, 0, 0}, -8);  // hidden: 3 and 2
  EXPECT_DOUBLE_EQ(other.x, 10 * std::tanh(0.5));
  EXPECT_DOUBLE_EQ(other.y, 100 * std::tanh(0.6));
}

TEST(PerceptronTest, AnUnfitFileSaysWhatIsExpectedWhere) {
  const std::string text = kSmall;
  const auto with = [&](const std::string& what, const std::string& instead) {
    std::string changed = text;
    changed.replace(changed.find(what), what.size(), instead);
    return std::string(Perceptron::parse(changed).status().message());
  };
  EXPECT_THAT(std::string(Perceptron::parse("no JSON").status().message()), HasSubstr("JSON"));
  EXPECT_THAT(std::string(Perceptron::parse("[]").status().message()), HasSubstr("object"));
  EXPECT_THAT(with("\"input_scale\"", "\"scale\""), HasSubstr("input_scale: expected 5 numbers"));
  EXPECT_THAT(with("[2, 1, 1, 1, 4]", "[2, 1, 1, 1]"), HasSubstr("input_scale"));
  EXPECT_THAT(with("[2, 1, 1, 1, 4]", "[2, 1, 0, 1, 4]"), HasSubstr("other than 0"));
  EXPECT_THAT(with("[10, 100]", "[10]"), HasSubstr("output_scale"));
  EXPECT_THAT(with("[1, 0, 0, 0, 0]", "[1, 0, 0, 0]"), HasSubstr("layers[0].weight"));
  EXPECT_THAT(with("\"bias\": [1, 0]", "\"bias\": [1]"), HasSubstr("layers[0].bias"));
  EXPECT_THAT(with("[0.1, -0.1]", "[0.1, \"x\"]"), HasSubstr("layers[1].weight"));
  EXPECT_THAT(with("[[0.1, 0.1], [0.1, -0.1]], \"bias\": [0, 0.5]", "[[0.1, 0.1]], \"bias\": [0]"),
              HasSubstr("2 outputs"));
  EXPECT_THAT(std::string(Perceptron::load("/none.json").status().message()),
              HasSubstr("/none.json"));
}

TEST(PerceptronTest, WhatIsEncodedIsReadAgain) {
  const auto one = Perceptron::parse(kSmall);
  const auto again = Perceptron::parse(one->encode());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->locate({4, 3, 2, 1}, 5), one->locate({4, 3, 2, 1}, 5));
}

std::vector<LabelledScene> scenes(std::uint64_t seed, int count) {
  SceneGenerator generator(seed);
  std::vector<LabelledScene> drawn;
  for (int i = 0; i < count; ++i) drawn.push_back(generator.next());
  return drawn;
}

TEST(EmbeddedPerceptronTest, LocatesInScenesThatItWasNotTrainedOn) {
  const auto drawn = scenes(77, 500);
  const auto pedestrians = Perceptron::parse(embedded_pedestrian_perceptron());
  ASSERT_TRUE(pedestrians.ok()) << pedestrians.status();
  const Quantiles error = quantiles(errors_of(*pedestrians, pedestrian_examples(drawn, 1)));
  EXPECT_LT(error.median, 0.2);
  const auto vehicles = Perceptron::parse(embedded_vehicle_perceptron());
  ASSERT_TRUE(vehicles.ok()) << vehicles.status();
  EXPECT_LT(quantiles(errors_of(*vehicles, vehicle_examples(drawn, 1))).median, 0.25);
}

TEST(TrainingTest, LearnsAndMakesTheSameOfTheSame) {
  const auto drawn = scenes(5, 300);
  const auto examples = pedestrian_examples(drawn, 5);
  TrainingPlan plan{.output_scale = {15, 5}, .epochs = 300};
  const Perceptron trained = train(examples, plan);
  EXPECT_LT(quantiles(errors_of(trained, examples)).median, 0.6);
  EXPECT_EQ(train(examples, plan).encode(), trained.encode());
  plan.seed = 2;
  EXPECT_NE(train(examples, plan).encode(), trained.encode());
}

}  // namespace
}  // namespace pollbus::pedestrian
