#include "broker/service/developer_page.h"

#include <google/protobuf/util/time_util.h>
#include <google/pubsub/v1/pubsub.pb.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "web/page_headers.h"

namespace pollbus::web {
std::span<const Asset> broker_pages();
}  // namespace pollbus::web

namespace pollbus::broker {
namespace {

using nlohmann::json;

constexpr std::string_view kFolder = "/ui";
constexpr std::string_view kProjects = "projects/";
// Backlogs that are read under the broker's lock at a time.
constexpr std::size_t kReportsPerVisit = 256;

HttpResponse refuse(int status) {
  HttpResponse response = http_error(status);
  web::add_page_headers(response, web::Caching::kNothing);
  return response;
}

HttpResponse json_response(const json& body) {
  HttpResponse response{.content_type = "application/json",
                        .body = body.dump(-1, ' ', false, json::error_handler_t::replace)};
  web::add_page_headers(response, web::Caching::kNothing);
  return response;
}

// Adds the projects of these resources, whose names are the keys of a sorted map. Looks at one name
// for each project.
template <typename Map>
void add_projects(const Map& resources, std::set<std::string>* projects) {
  for (auto at = resources.begin();
       at != resources.end() && projects->size() < DeveloperPage::kMaxProjects;) {
    const std::string_view rest = std::string_view(at->first).substr(kProjects.size());
    const std::string project(rest.substr(0, rest.find('/')));
    projects->insert(project);
    // '0' comes after '/'.
    at = resources.lower_bound(std::string(kProjects) + project + "0");
  }
}

json json_of(const Core::Report& report) {
  json backlog{{"name", *report.name},
               {"backlog", report.backlog},
               {"leased", report.leased},
               {"delivered", report.counts.delivered},
               {"acked", report.counts.acked}};
  if (report.oldest_unacked_us) backlog["oldestUnackedMs"] = *report.oldest_unacked_us / 1'000;
  return backlog;
}

json json_of(const PeekedMessage& peeked) {
  google::pubsub::v1::PubsubMessage message;
  const std::string_view wire = peeked.message.wire();
  if (!message.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) {
    return {{"messageId", std::to_string(peeked.message.id)}, {"isDamaged", true}};
  }
  json attributes = json::object();
  for (const auto& [key, value] : message.attributes()) attributes[key] = value;
  const std::string& data = message.data();
  return {{"messageId", message.message_id()},
          {"publishTime", google::protobuf::util::TimeUtil::ToString(message.publish_time())},
          {"orderingKey", message.ordering_key()},
          {"attributes", std::move(attributes)},
          {"data", absl::Base64Escape(data.substr(0, DeveloperPage::kMaxShownBytes))},
          {"dataBytes", data.size()},
          {"deliveries", peeked.message.attempt},
          {"isLeased", peeked.is_leased}};
}

}  // namespace

DeveloperPage::DeveloperPage(Broker& broker, int port)
    : broker_(broker),
      files_({web::shared_pages(), web::broker_pages()}, web::Caching::kNothing),
      hosts_(web::loopback_hosts(port)),
      check_(hosts_) {}

RestPages DeveloperPage::pages() const {
  return {.folder = std::string(kFolder),
          .respond = [this](const HttpRequest& request) { return respond(request); },
          .hosts = hosts_};
}

HttpResponse DeveloperPage::respond(const HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") return refuse(405);
  if (const int status = check_.refusal(request)) return refuse(status);
  const std::string_view path = request.path;
  if (path == kFolder) {
    HttpResponse response = refuse(303);
    response.headers.emplace_back("Location", "/ui/");
    return response;
  }
  if (path == "/ui/data/projects") return projects();
  constexpr std::string_view kBacklogs = "/ui/data/backlogs/";
  if (path.starts_with(kBacklogs)) return backlogs(std::string(path.substr(kBacklogs.size())));
  constexpr std::string_view kPeek = "/ui/data/peek/";
  if (path.starts_with(kPeek)) return peek(std::string(path.substr(kPeek.size())));
  if (!path.starts_with("/ui/")) return refuse(404);
  HttpRequest file = request;
  file.path.remove_prefix(kFolder.size());
  return files_.find(file).value_or(refuse(404));
}

HttpResponse DeveloperPage::projects() const {
  const std::set<std::string> found = broker_.with_core([](const Core& core) {
    std::set<std::string> names;
    add_projects(core.topics(), &names);
    add_projects(core.subscriptions(), &names);
    add_projects(core.schemas(), &names);
    return names;
  });
  return json_response({{"projects", found}});
}

HttpResponse DeveloperPage::backlogs(const std::string& name) const {
  const std::string project = name + "/";
  json found = json::array();
  std::string after = project;
  broker_.with_core([&](const Core& core) {
    const auto id = core.subscriptions().find(name);
    if (id != core.subscriptions().end()) found.push_back(json_of(*core.report(id->second)));
    return true;
  });
  for (bool is_over = false; !is_over && found.size() < kMaxBacklogs;) {
    is_over = broker_.with_core([&](const Core& core) {
      const auto reports = core.reports(after, kReportsPerVisit);
      for (const Core::Report& report : reports) {
        if (!report.name->starts_with(project)) return true;
        found.push_back(json_of(report));
        after = *report.name;
      }
      return reports.size() < kReportsPerVisit;
    });
  }
  return json_response({{"subscriptions", std::move(found)}});
}

HttpResponse DeveloperPage::peek(const std::string& subscription) const {
  json messages = json::array();
  const absl::Status status =
      broker_.peek(subscription, kMaxPeekedMessages,
                   [&](const PeekedMessage& each) { messages.push_back(json_of(each)); });
  if (absl::IsNotFound(status)) return refuse(404);
  if (!status.ok()) return refuse(503);
  return json_response({{"messages", std::move(messages)}});
}

}  // namespace pollbus::broker
