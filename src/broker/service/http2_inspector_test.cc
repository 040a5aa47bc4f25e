#include "broker/service/http2_inspector.h"

#include <gtest/gtest.h>

#include <string>

namespace pollbus::broker {
namespace {

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum Type {
  kData = 0,
  kHeaders = 1,
  kPriority = 2,
  kReset = 3,
  kSettings = 4,
  kPing = 6,
  kWindowUpdate = 8,
  kContinuation = 9,
  kUnknown = 77,
};

std::string frame(Type type, std::size_t bytes, int flags = 0) {
  std::string text;
  text += static_cast<char>(bytes >> 16);
  text += static_cast<char>(bytes >> 8);
  text += static_cast<char>(bytes);
  text += static_cast<char>(type);
  text += static_cast<char>(flags);
  return text + std::string(3, '\0') + '\1' + std::string(bytes, 'x');
}

class Http2InspectorTest : public ::testing::Test {
 protected:
  Http2InspectorTest() { EXPECT_TRUE(accepts(kPreface)); }
  bool accepts(const std::string& bytes) { return inspector.inspect(bytes, now) == nullptr; }

  Http2Inspector inspector;
  SteadyTime now{std::chrono::hours(1)};
};

TEST_F(Http2InspectorTest, AnHonestClientMayDoAsManyCallsAsItLikes) {
  ASSERT_TRUE(accepts(frame(kSettings, 6) + frame(kSettings, 0, 1)));
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(accepts(frame(kHeaders, 500) + frame(kData, 200) + frame(kData, 0, 1)));
  }
}

TEST_F(Http2InspectorTest, FramesAreFoundHoweverTheBytesAreSplit) {
  const std::string bytes = frame(kSettings, 0, 1) + frame(kData, 70'000) + frame(kHeaders, 65'000);
  for (const char byte : bytes) ASSERT_TRUE(accepts(std::string(1, byte)));
  EXPECT_FALSE(accepts(frame(kContinuation, 1'000)));
}

TEST_F(Http2InspectorTest, HeadersInManyFramesAreBounded) {
  ASSERT_TRUE(accepts(frame(kHeaders, 100)));
  int frames = 0;
  while (frames < 1'000 && accepts(frame(kContinuation, 0))) ++frames;
  EXPECT_LT(frames, Http2Inspector::kMaxHeaderBlockFrames);
}

TEST_F(Http2InspectorTest, ResetsAreBoundedAtOnceAndPerSecond) {
  int resets = 0;
  while (resets < 10'000 && accepts(frame(kReset, 4))) ++resets;
  EXPECT_EQ(resets, Http2Inspector::kMaxResets);
  for (int i = 0; i < 60; ++i) {
    now += std::chrono::seconds(1);
    for (int j = 0; j < Http2Inspector::kMaxResetsPerSecond - 1; ++j) {
      ASSERT_TRUE(accepts(frame(kReset, 4))) << i << " " << j;
    }
  }
}

TEST_F(Http2InspectorTest, FramesWithoutContentAreBoundedAtOnceAndPerSecond) {
  const std::string kinds[]{frame(kPing, 8), frame(kSettings, 0), frame(kPriority, 5),
                            frame(kData, 0), frame(kData, 0, 1),  frame(kUnknown, 3)};
  int frames = 0;
  while (frames < 100'000 && accepts(kinds[frames % 6])) ++frames;
  EXPECT_EQ(frames, Http2Inspector::kMaxControlFrames);
  for (int i = 0; i < 5; ++i) {
    now += std::chrono::seconds(1);
    for (int j = 0; j < Http2Inspector::kMaxControlFramesPerSecond - 1; ++j) {
      ASSERT_TRUE(accepts(frame(kPing, 8))) << i << " " << j;
    }
  }
}

TEST_F(Http2InspectorTest, AClientThatReceivesMuchMayReportItAndPingOncePerRoundTrip) {
  for (int i = 0; i < 100'000; ++i) {
    now += std::chrono::microseconds(200);
    ASSERT_TRUE(accepts(frame(kWindowUpdate, 4) + frame(kWindowUpdate, 4) + frame(kPing, 8)));
  }
}

TEST_F(Http2InspectorTest, WindowUpdatesAreBoundedAtOnceAndPerSecond) {
  int updates = 0;
  while (updates < 200'000 && accepts(frame(kWindowUpdate, 4))) ++updates;
  EXPECT_EQ(updates, Http2Inspector::kMaxWindowUpdates);
  for (int i = 0; i < 3; ++i) {
    now += std::chrono::seconds(1);
    for (int j = 0; j < Http2Inspector::kMaxWindowUpdatesPerSecond - 1; ++j) {
      ASSERT_TRUE(accepts(frame(kWindowUpdate, 4))) << i << " " << j;
    }
  }
}

TEST_F(Http2InspectorTest, TheAnswerToEachFrameOfACallMayBeReportedTwice) {
  ASSERT_TRUE(accepts(frame(kSettings, 0, 1)));
  const std::string reports = frame(kWindowUpdate, 4) + frame(kWindowUpdate, 4);
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(accepts(frame(kHeaders, 500) + frame(kData, 200) + reports + reports));
  }
}

TEST_F(Http2InspectorTest, FramesWithoutContentAllowNoWindowUpdates) {
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(accepts(frame(kData, 0) + frame(kPing, 8)));
  int updates = 0;
  while (updates < 200'000 && accepts(frame(kWindowUpdate, 4))) ++updates;
  EXPECT_EQ(updates, Http2Inspector::kMaxWindowUpdates);
}

TEST_F(Http2InspectorTest, StreamsBeforeTheSettingsAreAcknowledgedAreBounded) {
  int streams = 0;
  while (streams < 10'000 && accepts(frame(kHeaders, 100))) ++streams;
  EXPECT_EQ(streams, Http2Inspector::kMaxStreamsBeforeSettings);
}

}  // namespace
}  // namespace pollbus::broker
