#include "broker/service/client_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_folder.h"

namespace pollbus::broker {
namespace {

namespace api = google::pubsub::v1;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kElection[] = R"(
# An election.
project p

client logger
  publish election function="record vote"
  publish election function="result" more="1"
  publish election-quarantine
  subscribe submit-sub election attributes.function="submit vote"
  view record-sub
client machine-*
  publish election function="submit vote" machineID="*"
  subscribe result-*-sub election attributes.function="result" AND attributes.machineID="*"
client office
  subscribe office-*-sub election attributes.officeID="*"
client auditor
  subscribe audit-sub election
client operator
  admin
)";

ClientTable table(std::string_view text = kElection) {
  auto parsed = ClientTable::parse(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return *std::move(parsed);
}

std::string problem(std::string_view text) {
  const auto parsed = ClientTable::parse(text);
  EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << text;
  return std::string(parsed.status().message());
}

std::string topic(const std::string& name) { return "projects/p/topics/" + name; }
std::string sub(const std::string& name) { return "projects/p/subscriptions/" + name; }

using Attributes = std::map<std::string, std::string>;
api::PublishRequest messages(const std::string& to, const std::vector<Attributes>& all) {
  api::PublishRequest request;
  request.set_topic(topic(to));
  for (const Attributes& attributes : all) {
    request.add_messages()->mutable_attributes()->insert(attributes.begin(), attributes.end());
  }
  return request;
}

api::Subscription subscription(const std::string& name, const std::string& filter,
                               const std::string& of = "election") {
  api::Subscription wanted;
  wanted.set_name(sub(name));
  wanted.set_topic(topic(of));
  wanted.set_filter(filter);
  return wanted;
}

constexpr char kResultOf3[] = R"(attributes.function="result" AND attributes.machineID="3")";

TEST(ClientTableTest, AMessageMayBePublishedIfOneRuleOfItsTopicHasItsAttributes) {
  const ClientTable clients = table();
  const Rights logger = clients.rights_of("logger");
  EXPECT_TRUE(logger.may_publish(messages("election", {{{"function", "record vote"}}})).ok());
  EXPECT_TRUE(
      logger.may_publish(messages("election", {{{"function", "record vote"}, {"mac", "1"}}})).ok());
  EXPECT_TRUE(logger.may_publish(messages("election-quarantine", {{{"any", "thing"}}})).ok());
  const std::vector<api::PublishRequest> denied{
      messages("election", {{{"function", "submit vote"}}}),
      messages("election", {{{"function", "record vote "}}}),
      messages("election", {{{"Function", "record vote"}}}),
      messages("election", {{}}),
      messages("election", {{{"function", "result"}}}),
      messages("election", {{{"function", "result"}, {"more", "2"}}}),
      messages("other-topic", {{{"function", "record vote"}}})};
  for (const auto& request : denied) {
    EXPECT_TRUE(absl::IsPermissionDenied(logger.may_publish(request))) << request.DebugString();
  }
}

TEST(ClientTableTest, ARequestWithOneMessageThatIsNotAllowedIsDeniedAsAWhole) {
  const ClientTable clients = table();
  const absl::Status status = clients.rights_of("logger").may_publish(
      messages("election", {{{"function", "record vote"}}, {{"function", "submit vote"}}}));
  EXPECT_EQ(status, absl::PermissionDeniedError(
                        "The client \"logger\" may not publish a message with such attributes "
                        "(message 2 of the request) to projects/p/topics/election."));
}

TEST(ClientTableTest, TheStarInTheNameOfAClientStandsForTheSameInItsRules) {
  const ClientTable clients = table();
  const Rights machine = clients.rights_of("machine-3");
  const auto vote = [](const std::string& id) {
    return messages("election", {{{"function", "submit vote"}, {"machineID", id}}});
  };
  EXPECT_TRUE(machine.may_publish(vote("3")).ok());
  EXPECT_FALSE(machine.may_publish(vote("33")).ok());
  EXPECT_FALSE(machine.may_publish(vote("*")).ok());
  EXPECT_TRUE(machine.may_create(subscription("result-3-sub", kResultOf3)).ok());
  EXPECT_TRUE(machine.may_subscribe(sub("result-3-sub")).ok());
  EXPECT_FALSE(machine.may_subscribe(sub("result-4-sub")).ok());
  EXPECT_FALSE(machine.may_subscribe(sub("submit-sub")).ok());
  EXPECT_FALSE(machine.may_view(sub("record-sub")).ok());
}

TEST(ClientTableTest, AClientWhoseNameHasQuotesOrBlanksForTheStarIsUnknown) {
  const ClientTable clients = table();
  for (const std::string name :
       {"machine-", "machine", "machine-3\" OR attributes:x", "machine-3 ", "machine-*",
        "Machine-3", "machine-3\n", "machine-é", "", "logger ", "xlogger"}) {
    const Rights rights = clients.rights_of(name);
    EXPECT_THAT(std::string(rights.may_use_topic(topic("election")).message()),
                HasSubstr("is not in the broker's table of clients"))
        << name;
    EXPECT_FALSE(rights.may_publish(messages("election", {{}})).ok()) << name;
    EXPECT_FALSE(rights.may_publish({}).ok()) << name;
    EXPECT_FALSE(rights.may_view(sub("record-sub")).ok()) << name;
    EXPECT_FALSE(rights.may_administer("do this").ok()) << name;
  }
}

TEST(ClientTableTest, ASubscriptionMayBeCreatedOnlyWithItsTopicAndItsFilterAndWithoutForwarding) {
  const ClientTable clients = table();
  const Rights machine = clients.rights_of("machine-3");
  EXPECT_FALSE(machine.may_create(subscription("result-3-sub", "")).ok());
  EXPECT_FALSE(
      machine.may_create(subscription("result-3-sub", "attributes.function=\"submit vote\"")).ok());
  EXPECT_FALSE(
      machine.may_create(subscription("result-3-sub", std::string(kResultOf3) + " ")).ok());
  EXPECT_FALSE(machine.may_create(subscription("result-3-sub", kResultOf3, "other-topic")).ok());
  api::Subscription pushed = subscription("result-3-sub", kResultOf3);
  pushed.mutable_push_config()->set_push_endpoint("http://elsewhere");
  EXPECT_FALSE(machine.may_create(pushed).ok());
  api::Subscription dead = subscription("result-3-sub", kResultOf3);
  dead.mutable_dead_letter_policy()->set_dead_letter_topic(topic("other-topic"));
  EXPECT_FALSE(machine.may_create(dead).ok());
  const Rights auditor = clients.rights_of("auditor");
  EXPECT_TRUE(auditor.may_create(subscription("audit-sub", "")).ok());
  EXPECT_FALSE(auditor.may_create(subscription("audit-sub", kResultOf3)).ok());
}

TEST(ClientTableTest, TheStarInTheNameOfASubscriptionStandsForTheSameInItsFilter) {
  const ClientTable clients = table();
  const Rights office = clients.rights_of("office");
  EXPECT_TRUE(
      office.may_create(subscription("office-ab12-sub", "attributes.officeID=\"ab12\"")).ok());
  EXPECT_FALSE(
      office.may_create(subscription("office-ab12-sub", "attributes.officeID=\"ab1\"")).ok());
  EXPECT_FALSE(office.may_create(subscription("office--sub", "attributes.officeID=\"\"")).ok());
  EXPECT_FALSE(office.may_create(subscription("office-.-sub", "attributes.officeID=\".\"")).ok());
}

TEST(ClientTableTest, MessagesOfASubscriptionWithAnotherFilterAreNotDelivered) {
  const ClientTable clients = table();
  const Rights machine = clients.rights_of("machine-3");
  EXPECT_TRUE(machine.may_receive(sub("result-3-sub"), topic("election"), kResultOf3).ok());
  EXPECT_THAT(
      std::string(machine.may_receive(sub("result-3-sub"), topic("election"), "").message()),
      HasSubstr("another topic or filter than the table says"));
  EXPECT_FALSE(machine.may_receive(sub("result-3-sub"), topic("other-topic"), kResultOf3).ok());
}

TEST(ClientTableTest, ASubscriberMayChangeTheLabelsOfItsSubscriptionAndNothingElse) {
  const ClientTable clients = table();
  const Rights machine = clients.rights_of("machine-3");
  api::UpdateSubscriptionRequest request;
  request.mutable_subscription()->set_name(sub("result-3-sub"));
  EXPECT_FALSE(machine.may_update(request).ok()) << "no mask";
  request.mutable_update_mask()->add_paths("labels");
  EXPECT_TRUE(machine.may_update(request).ok());
  request.mutable_update_mask()->add_paths("push_config");
  EXPECT_FALSE(machine.may_update(request).ok());
}

TEST(ClientTableTest, AnAdministratorMayDoEverythingAndOthersMayNotAdminister) {
  const ClientTable clients = table();
  const Rights operator_ = clients.rights_of("operator");
  EXPECT_TRUE(operator_.may_administer("do this").ok());
  EXPECT_TRUE(operator_.may_publish(messages("other-topic", {{}})).ok());
  EXPECT_TRUE(operator_.may_create(subscription("any-sub", "")).ok());
  EXPECT_TRUE(operator_.may_receive(sub("any-sub"), topic("any"), "").ok());
  EXPECT_EQ(clients.rights_of("logger").may_administer("delete topics"),
            absl::PermissionDeniedError("The client \"logger\" may not delete topics."));
  EXPECT_TRUE(clients.rights_of("logger").may_view(sub("record-sub")).ok());
  EXPECT_FALSE(clients.rights_of("logger").may_subscribe(sub("record-sub")).ok());
}

TEST(ClientTableTest, AProblemIsReportedWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "it names no client"},
      {"# only a comment\n", "it names no client"},
      {"hello",
       "line 1: expected project, client, publish, subscribe, view or admin, not \"hello\""},
      {"project p\npublish election", "line 2: publish must come after a client"},
      {"client a\nview some-sub", "line 2: view must come after a project"},
      {"project a b", "line 1: expected the name of a project"},
      {"client", "line 1: expected the common name"},
      {"client a*b*", "line 1: expected the common name"},
      {"client a\"b", "line 1: expected the common name"},
      {"client a\nclient b\nclient a", "line 3: the client \"a\" is there twice"},
      {"client a-*\nclient a-*", "line 2: the client \"a-*\" is there twice"},
      {"client a\nadmin yes", "line 2: admin: unexpected \"yes\""},
      {"project p\nclient a\npublish e", "line 3: expected the name of a topic, not \"e\""},
      {"project p\nclient a\npublish *", "line 3: expected the name of a topic"},
      {"project p\nclient a\npublish goog-topic", "line 3: expected the name of a topic"},
      {"project p\nclient a\npublish topic function", "line 3: expected attribute=\"value\""},
      {"project p\nclient a\npublish topic f=v", "line 3: expected attribute=\"value\""},
      {"project p\nclient a\npublish topic f=\"v", "line 3: expected attribute=\"value\""},
      {"project p\nclient a\npublish topic =\"v\"", "line 3: expected attribute=\"value\""},
      {"project p\nclient a\npublish topic f=\"*\"", "line 3: * in a value needs a *"},
      {"project p\nclient a\nsubscribe some-sub", "line 3: expected the name of a topic, not \"\""},
      {"project p\nclient a\nsubscribe a-*-*-sub topic",
       "line 3: expected the name of a subscription"},
      {"project p\nclient a\nsubscribe some-sub topic attributes.x=", "line 3: "},
      {"project p\nclient a\nsubscribe some-sub topic attributes.x=\"*\"", "line 3: * in a filter"},
      {"project p\nclient a\nview some-*", "line 3: * after view needs a *"},
      {"project p\nclient a\nview some-sub more", "line 3: view: unexpected \"more\""}};
  for (const auto& [text, expected] : cases)
    EXPECT_THAT(problem(text), StartsWith(expected)) << text;
  EXPECT_THAT(problem(std::string("client a\0b", 10)), StartsWith("line 1: it is not UTF-8 text"));
  EXPECT_THAT(problem("client \xff"), StartsWith("line 1: it is not UTF-8 text"));
}

TEST(ClientTableTest, AllProblemsAreReportedButNoFlood) {
  EXPECT_EQ(problem("view x\nclient \nadmin 1"),
            "line 1: view must come after a client; line 2: expected the common name of a "
            "certificate, with at most one *, not \"\"; line 3: admin: unexpected \"1\"");
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "nonsense\n";
  EXPECT_THAT(problem(many), HasSubstr("; and 9980 more"));
  EXPECT_LT(problem(many).size(), 5'000);
  EXPECT_THAT(problem(std::string(300'000, 'x')), HasSubstr("…\""));
  EXPECT_THAT(problem(std::string(ClientTable::kMaxBytes + 1, '\n')), HasSubstr("more than"));
}

TEST(ClientTableTest, LinesMayHaveBlanksAndEndAsOnWindows) {
  const ClientTable clients =
      table("project p\r\n\tclient  a \r\n  publish  topic   f=\"v w\"  g=\"\"\r\n");
  const Rights rights = clients.rights_of("a");
  EXPECT_TRUE(rights.may_publish(messages("topic", {{{"f", "v w"}, {"g", ""}}})).ok());
  EXPECT_FALSE(rights.may_publish(messages("topic", {{{"f", "v w"}}})).ok());
}

TEST(ClientTableTest, AFileThatCannotBeReadIsNamed) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "clients";
  EXPECT_THAT(std::string(ClientTable::read(file).status().message()), HasSubstr(file.string()));
  std::ofstream(file) << "client a\nbad\n";
  EXPECT_THAT(std::string(ClientTable::read(file).status().message()),
              AllOf(HasSubstr(file.string()), HasSubstr("line 2: ")));
}

}  // namespace
}  // namespace pollbus::broker
