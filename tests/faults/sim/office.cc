#include "faults/sim/office.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/status.h"
#include "election/office_messages.h"
#include "election/wire.h"
#include "election_office/commands.h"
#include "election_office/office.h"
#include "faults/decorators/failing_bus.h"

namespace pollbus::faults {
namespace {

using election_office::Answer;
using election_office::Command;
using election_office::Desk;
using election_office::Office;
using election_office::Record;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Step = OfficialState::Step;

constexpr char kKey[] = "5555555555555555555555555555555555555555555555555555555555555555";
// As in src/election_office/bus_services.cc.
constexpr seconds kRepeatAfter{3};
constexpr seconds kTimeout{30};
// Small chunks, so that a roll of a few voters has several.
constexpr std::size_t kChunkVoters = 3;
constexpr seconds kPauseBetweenTries{1};

// A folder with the office's key, for the commands, which read it.
class KeyFolder {
 public:
  KeyFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "election-sim-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
    const std::filesystem::path file = path_ / "office.key";
    std::ofstream(file) << kKey << '\n';
    ::chmod(file.c_str(), S_IRUSR | S_IWUSR);
  }
  ~KeyFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  KeyFolder(const KeyFolder&) = delete;
  KeyFolder& operator=(const KeyFolder&) = delete;

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

const KeyFolder& key_folder() {
  static const KeyFolder kFolder;
  return kFolder;
}

const char* name_of(Step step) {
  constexpr std::array kNames = {"define", "roll import", "open",  "pause", "resume",
                                 "extend", "add-voter",   "close", "seal",  "certify"};
  return kNames[static_cast<std::size_t>(step)];
}

// The bus client of the tool, with fibers instead of threads.
class BusServices final : public election_office::Services {
 public:
  BusServices(Surroundings& around, std::string office_id)
      : around_(around),
        office_id_(std::move(office_id)),
        topic_(around.bus.connect(), "office", around.failpoints) {
    const ServiceKeys keys = around.ring.services();
    if (keys.result) key_ = derive_key(*keys.result, KeyUse::kResult, wire::kOfficeIdentity);
  }

  using Services::ask;
  std::vector<Answer> ask(std::span<const Command> commands,
                          const std::function<void(std::size_t)>& answered) override {
    std::vector<Answer> answers(commands.size(), absl::DeadlineExceededError("nobody answers"));
    std::map<Key, std::size_t> waiting;
    for (std::size_t i = 0; i < commands.size(); ++i)
      waiting[{std::string(commands[i].to), sha256(commands[i].data)}] = i;
    const std::size_t all = waiting.size();
    SteadyTime deadline = around_.world.now() + kTimeout;
    SteadyTime next_send = around_.world.now();
    while (!waiting.empty() && around_.world.now() < deadline) {
      if (around_.world.now() >= next_send) {
        send(commands, waiting);
        next_send = around_.world.now() + kRepeatAfter;
      }
      if (received_.empty()) around_.world.wait(arrived_, std::min(next_send, deadline));
      for (auto& [key, answer] : std::exchange(received_, {})) {
        const auto found = waiting.find(key);
        if (found == waiting.end()) continue;
        answers[found->second] = std::move(answer);
        waiting.erase(found);
        deadline = around_.world.now() + kTimeout;
      }
      answered(all - waiting.size());
    }
    return answers;
  }

  std::vector<Verdict> receive(std::span<const ReceivedMessage> batch) {
    for (const ReceivedMessage& message : batch) {
      if (message.attribute(wire::kOfficeId) != office_id_ ||
          message.attribute(wire::kFunction) != wire::kOfficeAnswer) {
        continue;
      }
      if (key_ && !is_authentic_office_answer(*key_, message)) continue;
      auto answer = wire::parse_office_answer(message.data);
      if (!answer.ok()) continue;
      const Key key{answer->from, answer->request};
      received_.insert_or_assign(key, *std::move(answer));
    }
    around_.world.notify(arrived_);
    return std::vector<Verdict>(batch.size(), Verdict::kAck);
  }

 private:
  using Key = std::pair<std::string, Sha256>;

  void send(std::span<const Command> commands, const std::map<Key, std::size_t>& waiting) {
    std::vector<Message> messages;
    for (const auto& [key, i] : waiting) {
      messages.push_back(wire::office_command_message(commands[i].data, commands[i].to, office_id_,
                                                      office_private_key().sign(commands[i].data)));
    }
    topic_.publish(messages, {}).IgnoreError();
  }

  Surroundings& around_;
  const std::string office_id_;
  FailingPublisher topic_;
  std::optional<RotatingKey> key_;
  std::map<Key, wire::OfficeAnswer> received_;
  Condition arrived_;
};

// For an Office, which owns its services.
class Borrowed final : public election_office::Services {
 public:
  explicit Borrowed(Services& services) : services_(services) {}
  using Services::ask;
  std::vector<Answer> ask(std::span<const Command> commands,
                          const std::function<void(std::size_t)>& answered) override {
    return services_.ask(commands, answered);
  }

 private:
  Services& services_;
};

std::vector<wire::RollChunk> chunks_of(const std::vector<RollEntry>& roll, bool has_codes,
                                       const Sha256& salt) {
  std::vector<wire::RollChunk> chunks;
  for (std::size_t i = 0; i < roll.size(); i += kChunkVoters) {
    const std::size_t end = std::min(i + kChunkVoters, roll.size());
    chunks.push_back({.election = kElection,
                      .chunk = std::ssize(chunks),
                      .count = std::ssize(roll),
                      .has_codes = has_codes,
                      .salt = salt,
                      .voters = {roll.begin() + static_cast<std::ptrdiff_t>(i),
                                 roll.begin() + static_cast<std::ptrdiff_t>(end)}});
  }
  std::vector<Sha256> hashes;
  for (const wire::RollChunk& chunk : chunks) hashes.push_back(sha256(wire::chunk_bytes(chunk)));
  for (wire::RollChunk& chunk : chunks) {
    chunk.roll = wire::roll_hash(chunk.salt, hashes);
    chunk.chunks = std::ssize(chunks);
  }
  return chunks;
}

// One life of an official.
class Official {
 public:
  Official(Surroundings& around, Process& process, OfficialState& state)
      : around_(around),
        process_(process),
        state_(state),
        clock_(around.world),
        services_(around, state.office_id) {}

  BusServices& services() { return services_; }

  void run() {
    while (!state_.is_done() && !process_.stop_token().stop_requested()) {
      const auto [step, not_before] = state_.plan[state_.done];
      if (around_.world.now() < not_before)
        clock_.pause(not_before - around_.world.now(), process_.stop_token());
      const absl::Status status = carry_out(step);
      if (around_.world.is_traced()) {
        around_.world.trace(
            fmt::format("{}: {}: {}", process_.name(), name_of(step), status.ToString()));
      }
      if (status.ok() || may_go_on(step, status)) {
        ++state_.done;
      } else {
        clock_.pause(kPauseBetweenTries, process_.stop_token());
      }
    }
  }

 private:
  // Another official may have done more, or the clock may have opened or closed the election.
  bool may_go_on(Step step, const absl::Status& status) const {
    const auto& closes = around_.electorate.definition().closes;
    const bool is_too_late = closes && desk_clock_ms() >= closes->utc_ms;
    const bool is_optional = step == Step::kOpen || step == Step::kPause || step == Step::kResume ||
                             step == Step::kExtend || step == Step::kAddVoter ||
                             (step == Step::kImportRoll && is_too_late);
    return is_optional && absl::IsFailedPrecondition(status);
  }

  std::int64_t desk_clock_ms() const {
    return std::chrono::duration_cast<milliseconds>(clock_.wall_now().time_since_epoch()).count();
  }

  absl::Status carry_out(Step step) {
    switch (step) {
      case Step::kDefine:
        return define();
      case Step::kImportRoll:
        return import_roll();
      case Step::kOpen:
        return command(election_office::open);
      case Step::kPause:
        return command(election_office::pause);
      case Step::kResume:
        return command(election_office::resume);
      case Step::kExtend:
        return command(election_office::extend);
      case Step::kAddVoter:
        return add_voter();
      case Step::kClose:
        return command(election_office::close);
      case Step::kSeal:
        return command(election_office::seal);
      case Step::kCertify:
        return command(election_office::certify);
    }
    return absl::InternalError("no such step");
  }

  absl::Status command(election_office::Outcome (*carry_out_command)(Office&)) {
    election_office::Options options;
    options.office = key_folder().path();
    options.elections = {std::to_string(kElection)};
    options.yes = true;
    options.json = true;
    options.timeout = kTimeout;
    options.arguments = {"+1m"};
    Office office(std::move(options), clock_);
    office.use(std::make_unique<Borrowed>(services_));
    return carry_out_command(office).error;
  }

  // The commands that read files, without the files.
  absl::Status define() {
    Desk desk(services_, office_private_key(), clock_);
    ASSIGN_OR_RETURN(const Record record, desk.read(kElection));
    if (record.state) return desk.bring_logger_up_to_date(kElection, record).status();
    return desk
        .append(kElection, record,
                {.kind = EventKind::kDefine, .definition = around_.electorate.definition()})
        .status();
  }

  absl::Status import_roll() {
    Desk desk(services_, office_private_key(), clock_);
    ASSIGN_OR_RETURN(const Record record, desk.read_defined(kElection));
    const auto chunks =
        chunks_of(around_.electorate.roll(), around_.profile.eligibility == Eligibility::kCodes,
                  desk.roll_salt(kElection));
    const RollSummary summary{.count = std::ssize(around_.electorate.roll()),
                              .hash = chunks.front().roll,
                              .chunks = std::ssize(chunks)};
    const bool was_imported = record.state->roll == summary;
    ASSIGN_OR_RETURN(const auto logger, desk.status(wire::kToLogger, kElection));
    const bool follows = logger.state && logger.state->sequence == record.state->sequence;
    if (was_imported && follows) return absl::OkStatus();
    std::vector<Command> commands;
    for (const wire::RollChunk& chunk : chunks)
      commands.push_back({.data = encode(chunk), .to = wire::kToLogger});
    for (const Answer& answer : services_.ask(commands, [](std::size_t) {}))
      RETURN_IF_ERROR(answer.status());
    RETURN_IF_ERROR(desk.bring_logger_up_to_date(kElection, record).status());
    if (was_imported) return absl::OkStatus();
    return desk.append(kElection, record, {.kind = EventKind::kRoll, .roll = summary}).status();
  }

  absl::Status add_voter() {
    Desk desk(services_, office_private_key(), clock_);
    ASSIGN_OR_RETURN(const Record record, desk.read_defined(kElection));
    return desk.add_voter(kElection, record, *around_.electorate.late_voter()).status();
  }

  Surroundings& around_;
  Process& process_;
  OfficialState& state_;
  SimulatedClock clock_;
  BusServices services_;
};

}  // namespace

const OfficePrivateKey& office_private_key() {
  static const OfficePrivateKey kOffice = OfficePrivateKey::parse(kKey).value();
  return kOffice;
}

std::string answer_subscription(const OfficialState& official) {
  return "answers to " + official.office_id;
}

OfficialState draw_official(int number, const Profile& profile, Random& random) {
  OfficialState official{.office_id = fmt::format("{:032x}", number)};
  SteadyTime at{};
  const auto later = [&](std::chrono::microseconds most) {
    at += random.between(std::chrono::microseconds(0), most);
  };
  const auto add = [&](Step step) { official.plan.push_back({step, at}); };
  const std::chrono::microseconds part = profile.faults_end / (3 + 2 * profile.pauses);
  add(Step::kDefine);
  if (profile.eligibility != Eligibility::kOpen) add(Step::kImportRoll);
  later(part);
  if (!profile.opens_by_clock || random.chance(0.5)) add(Step::kOpen);
  for (int i = 0; i < profile.pauses; ++i) {
    later(part);
    add(Step::kPause);
    later(part);
    add(Step::kResume);
  }
  if (profile.adds_voter && profile.eligibility != Eligibility::kOpen) add(Step::kAddVoter);
  if (profile.extends) add(Step::kExtend);
  later(2 * part);
  for (const Step step : {Step::kClose, Step::kSeal, Step::kCertify}) add(step);
  return official;
}

void run_official(Surroundings& around, Process& process, OfficialState& official) {
  process.spawn([&around, &process, &official] {
    const auto life = std::make_shared<Official>(around, process, official);
    process.spawn([&around, &process, &official, life] {
      work(around, process, answer_subscription(official),
           [life](auto batch, auto) { return life->services().receive(batch); });
    });
    life->run();
  });
}

}  // namespace pollbus::faults
