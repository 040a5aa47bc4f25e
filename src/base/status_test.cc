#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace pollbus {
namespace {

TEST(StatusTest, ErrorsThatMayPassAreTransient) {
  using absl::StatusCode;
  for (const auto code :
       {StatusCode::kUnavailable, StatusCode::kDeadlineExceeded, StatusCode::kResourceExhausted,
        StatusCode::kAborted, StatusCode::kInternal, StatusCode::kUnknown, StatusCode::kCancelled})
    EXPECT_TRUE(is_transient(absl::Status(code, "away"))) << absl::StatusCodeToString(code);
  for (const auto code :
       {StatusCode::kOk, StatusCode::kInvalidArgument, StatusCode::kNotFound,
        StatusCode::kAlreadyExists, StatusCode::kPermissionDenied, StatusCode::kFailedPrecondition,
        StatusCode::kOutOfRange, StatusCode::kUnimplemented, StatusCode::kDataLoss,
        StatusCode::kUnauthenticated})
    EXPECT_FALSE(is_transient(absl::Status(code, ""))) << absl::StatusCodeToString(code);
}

TEST(StatusTest, AnAnnotationKeepsCodeAndPayloadAndPrecedesTheMessage) {
  absl::Status status = absl::NotFoundError("no topic");
  status.SetPayload("type.pollbus/test", absl::Cord("payload"));
  const absl::Status annotated = annotate(status, "publish");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(annotated.message(), "publish: no topic");
  EXPECT_EQ(annotated.GetPayload("type.pollbus/test"), absl::Cord("payload"));
  EXPECT_EQ(annotate(absl::OkStatus(), "publish"), absl::OkStatus());
}

TEST(StatusTest, OnlyErrorsThatTheDataCausesAreRefusals) {
  EXPECT_TRUE(is_refused(absl::InvalidArgumentError("")));
  EXPECT_TRUE(is_refused(absl::OutOfRangeError("")));
  for (const auto& status :
       {absl::OkStatus(), absl::FailedPreconditionError(""), absl::NotFoundError(""),
        absl::PermissionDeniedError(""), absl::UnavailableError("")})
    EXPECT_FALSE(is_refused(status)) << status;
}

absl::Status count_if_ok(const absl::Status& status, int* count) {
  RETURN_IF_ERROR(status);
  ++*count;
  return absl::OkStatus();
}

TEST(StatusTest, ReturnIfErrorReturnsOnlyErrors) {
  int count = 0;
  EXPECT_EQ(count_if_ok(absl::AbortedError("no"), &count), absl::AbortedError("no"));
  EXPECT_EQ(count, 0);
  EXPECT_TRUE(count_if_ok(absl::OkStatus(), &count).ok());
  EXPECT_EQ(count, 1);
}

using Owned = std::unique_ptr<std::string>;

absl::StatusOr<std::string> both(absl::StatusOr<Owned> first, absl::StatusOr<Owned> second) {
  ASSIGN_OR_RETURN(const Owned one, std::move(first));
  Owned other;
  ASSIGN_OR_RETURN(other, std::move(second));
  return *one + *other;
}

TEST(StatusTest, AssignOrReturnMovesTheValueOutOrReturnsTheFirstError) {
  EXPECT_EQ(*both(std::make_unique<std::string>("a"), std::make_unique<std::string>("b")), "ab");
  EXPECT_EQ(both(absl::AbortedError("first"), absl::AbortedError("second")).status(),
            absl::AbortedError("first"));
  EXPECT_EQ(both(std::make_unique<std::string>("a"), absl::AbortedError("second")).status(),
            absl::AbortedError("second"));
}

}  // namespace
}  // namespace pollbus
