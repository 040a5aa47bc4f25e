#include "faults/sim/attacker.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "election/messages.h"
#include "election/office_messages.h"
#include "election/signature.h"
#include "election/wire.h"
#include "faults/sim/draw_uuid.h"

namespace pollbus::faults {
namespace {

const std::string kMac(wire::kMac);
const std::string kMachineId(wire::kMachineId);

// Makes one forged message at a time.
class Forgery {
 public:
  explicit Forgery(Surroundings& around)
      : around_(around), random_(around.world.random()), heard_(around.bus.overheard()) {}

  // Nothing if there is no message yet that it could be made of.
  std::optional<Message> make() {
    switch (random_.below(10)) {
      case 0:
        return fresh();
      case 1:
        return with_keys_of_attacker(fresh());
      case 2:
        return in_the_name_of_another();
      case 3:
        return with_mac_of_another();
      case 4:
        return changed();
      case 5:
        return with_mac_in_capitals();
      case 6:
        return with_mac_cut_off();
      case 7:
      case 8:
        return command_of_nobody();
      default:
        return false_result();
    }
  }

 private:
  std::int64_t victim() { return random_.between(1, around_.profile.machines); }

  SubmittedVote vote_of(std::int64_t machine) {
    return {.election = kElection,
            .machine = machine,
            .voter = random_.between(0, around_.profile.voters - 1),
            .choice = 1,
            .uuid = draw_uuid(random_),
            .timestamp_ms = {}};
  }

  // A vote that nobody has cast, for loggers or for recorders, without a MAC.
  Message fresh() {
    const SubmittedVote vote = vote_of(victim());
    if (random_.chance(0.5)) return wire::record_message(without_voter(vote));
    Message message = wire::submit_message(vote);
    message.attributes[kMachineId] = std::to_string(vote.machine);
    return message;
  }

  // The attributes stay as they are but for the MAC.
  Message with_keys_of_attacker(Message message) {
    const std::string machine = message.attribute(kMachineId);
    authenticate(around_.ring.machine(kForger), kForger, {&message, 1});
    message.attributes[kMachineId] = machine;
    if (machine.empty()) message.attributes.erase(kMachineId);
    return message;
  }

  // A vote whose MAC is right for the attacker's machine and whose data names another.
  Message in_the_name_of_another() {
    Message message = wire::submit_message(vote_of(victim()));
    authenticate(around_.ring.machine(kForger), kForger, {&message, 1});
    return message;
  }

  bool is_of_office(const Message& message) const {
    return !message.attribute(wire::kOfficeId).empty();
  }

  // A message of machines or services.
  std::optional<Message> heard() {
    if (heard_.empty()) return std::nullopt;
    Message message = heard_[random_.below(heard_.size())];
    if (is_of_office(message)) return std::nullopt;
    // Results for other machines than these are not answered for by anybody.
    const bool is_result = message.attribute(wire::kFunction) == wire::kResult;
    const std::string& id = message.attribute(kMachineId);
    if (is_result && (id.empty() || std::stoll(id) > around_.profile.machines)) return std::nullopt;
    return message;
  }

  std::optional<Message> with_mac_of_another() {
    auto message = heard();
    if (message) message->data = wire::encode(vote_of(victim()));
    return message;
  }

  std::optional<Message> changed() {
    auto message = heard();
    if (!message) return std::nullopt;
    const std::size_t uuid = message->data.find("\"UUID\":\"") + 8;
    message->data.replace(uuid, 36, draw_uuid(random_));
    return message;
  }

  std::optional<Message> with_mac_in_capitals() {
    auto message = heard();
    if (!message) return std::nullopt;
    std::string mac = message->attribute(kMac);
    std::ranges::transform(mac, mac.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (mac == message->attribute(kMac)) return std::nullopt;
    message->attributes[kMac] = mac;
    return message;
  }

  std::optional<Message> with_mac_cut_off() {
    auto message = heard();
    if (!message) return std::nullopt;
    std::string& mac = message->attributes[kMac];
    if (mac.empty()) return std::nullopt;
    mac.resize(random_.below(mac.size()));
    return message;
  }

  // A command that the office has not signed.
  std::optional<Message> command_of_nobody() {
    if (heard_.empty()) return std::nullopt;
    Message message = heard_[random_.below(heard_.size())];
    if (message.attribute(wire::kFunction) != wire::kOfficeCommand) return std::nullopt;
    std::string& signature = message.attributes[std::string(wire::kSignature)];
    switch (random_.below(4)) {
      case 0:
        signature.clear();
        break;
      case 1:
        signature[random_.below(signature.size())] ^= 1;
        break;
      case 2:
        message.data += ' ';
        break;
      default:
        signature = OfficePrivateKey::parse(std::string(64, '6'))->sign(message.data);
    }
    return message;
  }

  // Tells a machine that its vote is stored.
  std::optional<Message> false_result() {
    const auto submitted = heard();
    if (!submitted) return std::nullopt;
    const auto parsed = wire::parse_submitted(submitted->data);
    const auto* vote = std::get_if<SubmittedVote>(&parsed);
    if (vote == nullptr || vote->machine > around_.profile.machines) return std::nullopt;
    Message result = wire::result_message(
        vote->machine, {.outcome = Outcome::kSuccessful, .uuid = vote->uuid, .reason = {}});
    if (random_.chance(0.3)) return result;
    if (random_.chance(0.5)) return with_keys_of_attacker(std::move(result));
    result.attributes[kMac] = submitted->attribute(kMac);
    return result;
  }

  Surroundings& around_;
  Random& random_;
  const std::vector<Message>& heard_;
};

}  // namespace

void run_attacker(Surroundings& around, Process& process, int count) {
  process.spawn([&around, count] {
    constexpr double kReplayed = 0.2;
    const auto publisher = around.bus.connect();
    Random& random = around.world.random();
    for (int i = 0; i < count; ++i) {
      around.world.sleep(std::chrono::milliseconds(random.between(1, 3'000)));
      const auto& heard = around.bus.overheard();
      std::array<Message, 1> message;
      if (!heard.empty() && random.chance(kReplayed)) {
        message[0] = heard[random.below(heard.size())];
      } else {
        auto forged = Forgery(around).make();
        if (!forged) continue;
        message[0] = *std::move(forged);
        around.bus.expect_poison();
      }
      publisher->publish(message).IgnoreError();
    }
  });
}

}  // namespace pollbus::faults
