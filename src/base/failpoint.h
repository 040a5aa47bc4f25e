#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace pollbus {

// Named places before and after each step of a vote, where tests make a process crash, hang or see
// the step fail; and mutants, known mistakes that prove that such tests find them. Built in with
// the CMake option POLLBUS_FAILPOINTS only, otherwise nothing of this is in the binary. Told by the
// environment, as tests/faults/README.md says. Thread-safe.
enum class Failpoint {
  kMachineBeforeJournal,
  kMachineAfterJournal,
  kMachineBeforePublish,
  kMachineAfterPublish,
  kMachineBeforeAnswer,
  kMachineAfterAnswer,
  kMachineBeforeErase,
  kMachineAfterErase,
  kLoggerBeforeMark,
  kLoggerAfterMark,
  kLoggerBeforePublish,
  kLoggerAfterPublish,
  kLoggerBeforeAck,
  kRecorderBeforeCommit,
  kRecorderAfterCommit,
  kRecorderBeforePublish,
  kRecorderAfterPublish,
  kRecorderBeforeAck,
  kBusBeforeAck,
  kBusAfterAck,
  kBrokerBeforeSync,
  kBrokerAfterSync,
  kBrokerBeforeAnswer,
  kBrokerAfterAnswer,
  kBrokerBeforeAck,
  kBrokerAfterAck,
};

enum class Mutant {
  kFreshUuidOnRetry,
  kForgottenAtTimeOut,
  kJournalErasedAtTimeOut,
  kLateAnswersIgnored,
  kJournalNotSynced,
  kPublishBeforeJournal,
  kAckBeforePublish,
  kAckWhatFailed,
  kAcksOfAnotherBatch,
  kPublishNotAwaited,
  kTransientIsRejection,
  kSetWithoutNx,
  kNoFingerprint,
  kFingerprintOfVoterOnly,
  kPublishBeforeMark,
  kRepeatedVoteNotForwarded,
  kNoReceipt,
  kReceiptPerBatch,
  kReceiptOfMessageId,
  kAnswerBeforeCommit,
  kCommitFailureIgnored,
  kResultToTheWrongMachine,
  kBusNotSynced,
  kRegisterNotSynced,
  kBallotBoxNotSynced,
};

#ifdef POLLBUS_FAILPOINTS

// OK to go on; the error that the step is to end with; or it does not return.
absl::Status failpoint(Failpoint place);
bool is_mutant(Mutant mutant);

// What is wrong with the environment's text, or nothing.
std::optional<std::string> check_failpoints(const std::string& text);
std::optional<std::string> check_mutants(const std::string& text);
// Both were checked.
void set_failpoints(const std::string& failpoints, const std::string& mutants);

constexpr int kFailpointExitCode = 86;

// For a simulation: asked instead of the above on this thread. Borrowed until it is replaced.
struct FailpointOracle {
  std::function<absl::Status(Failpoint)> reached;
  std::optional<Mutant> mutant;
};
void set_oracle_of_this_thread(FailpointOracle* oracle);

std::string to_string(Failpoint place);
std::string to_string(Mutant mutant);
std::optional<Mutant> mutant_named(const std::string& name);
int mutant_count();

#else

inline absl::Status failpoint(Failpoint /*place*/) { return absl::OkStatus(); }
constexpr bool is_mutant(Mutant /*mutant*/) { return false; }

#endif

}  // namespace pollbus
