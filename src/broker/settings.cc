#include "broker/settings.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status.h"
#include "base/text.h"
#include "broker/core/names.h"

namespace pollbus::broker {
namespace {

std::optional<HostAndPort> address_of(const std::string& listen) {
  return parse_host_and_port(listen, /*least_port=*/0);
}

std::optional<std::string> check_topic(const std::string& value) {
  if (check_topic_name(full_name("p", "topics", value)).ok()) return std::nullopt;
  return "expected a topic, or projects/<project>/topics/<topic>";
}

std::optional<std::string> check_subscription(const std::string& value) {
  const auto parts = split_subscription(value);
  if (parts && check_subscription_name(full_name("p", "subscriptions", parts->name)).ok() &&
      check_topic_name(full_name("p", "topics", parts->topic)).ok()) {
    return std::nullopt;
  }
  return "expected <subscription>:<topic>, each with or without its projects/<project>/…/";
}

// Whether a name, or one of the two names of a subscription and its topic, has no project.
bool needs_project(const std::string& value) {
  if (value.find('/') == std::string::npos) return true;
  const auto parts = split_subscription(value);
  return parts && (parts->name.find('/') == std::string::npos ||
                   parts->topic.find('/') == std::string::npos);
}

bool is_loopback(std::string_view host) {
  return host == "127.0.0.1" || host == "::1" || host == "[::1]" || host == "localhost";
}

}  // namespace

void BrokerSettings::add_to(Settings& settings) {
  settings.text(
      {"listen", "PUBSUB_BROKER_LISTEN", "HOST:PORT",
       "Address on which the Pub/Sub API is served. Port 0 chooses a free port and logs it"},
      &listen, [](const std::string& value) -> std::optional<std::string> {
        if (address_of(value)) return std::nullopt;
        return "expected host:port with a port from 0 to 65535";
      });
  settings.text({"host", "", "HOST", "Replaces the host of --listen, as with Google's emulator"},
                &only_host, check_not_empty);
  settings.integer({"port", "", "PORT", "Replaces the port of --listen, as with Google's emulator"},
                   &only_port, 0, kMaxPort);
  settings.text({"project", "PUBSUB_PROJECT_ID", "PROJECT",
                 "The project of names that have none in --create-topic, --create-subscription and "
                 "--resources. Clients can use every project"},
                &project, [](const std::string& value) -> std::optional<std::string> {
                  if (check_project_name("projects/" + value).ok()) return std::nullopt;
                  return "expected the ID of a project";
                });
  settings.texts({"create-topic", "PUBSUB_BROKER_CREATE_TOPICS", "TOPIC",
                  "Create this topic at start if it does not exist; may be given several times. "
                  "Either a name in --project or projects/P/topics/T"},
                 &create_topics, check_topic);
  settings.texts(
      {"create-subscription", "PUBSUB_BROKER_CREATE_SUBSCRIPTIONS", "SUBSCRIPTION:TOPIC",
       "Create this subscription at start if it does not exist, after the topics; may be "
       "given several times"},
      &create_subscriptions, check_subscription);
  settings.text({"resources", "PUBSUB_BROKER_RESOURCES", "FILE",
                 "YAML or JSON file with schemas, topics and subscriptions: created at start, or "
                 "changed to what the file says (docs/broker-operation.md)"},
                &resources);
  settings.rule([this]() -> std::optional<std::string> {
    const bool is_complete = std::ranges::none_of(create_topics, needs_project) &&
                             std::ranges::none_of(create_subscriptions, needs_project);
    if (is_complete || !project.empty()) return std::nullopt;
    return "--project (PUBSUB_PROJECT_ID): expected a project for names that have none";
  });
  settings.boolean({"ui", "PUBSUB_BROKER_UI", "",
                    "Serve a page for developers at http://HOST:PORT/ui/, on a loopback address "
                    "only: topics, subscriptions, their messages, publish and seek"},
                   &has_page);
  settings.rule([this]() -> std::optional<std::string> {
    if (!has_page || (is_loopback(host()) && tls_certificate.empty())) return std::nullopt;
    return "--ui (PUBSUB_BROKER_UI): expected --listen with 127.0.0.1, [::1] or localhost, and no "
           "--tls flag, because the page asks nobody who they are";
  });
  settings.boolean({"reflection", "PUBSUB_BROKER_REFLECTION", "",
                    "Serve gRPC server reflection, for tools like grpcurl. Only for clients that "
                    "you trust: one request can take more than 1 GB of memory"},
                   &has_reflection);
  settings.text({"data-dir", "PUBSUB_BROKER_DATA_DIR", "FOLDER",
                 "Folder for topics, subscriptions and messages. It is created when it is missing, "
                 "only its owner can access it, and only one broker at a time can use it"},
                &data_folder);
  settings.boolean({"in-memory", "PUBSUB_BROKER_IN_MEMORY", "",
                    "Keep everything in memory; it is lost when the broker stops"},
                   &in_memory);
  settings.rule([this]() -> std::optional<std::string> {
    if (in_memory || !data_folder.empty()) return std::nullopt;
    return "--data-dir (PUBSUB_BROKER_DATA_DIR): expected a folder or --in-memory";
  });
  settings.text(
      {"tls-cert", "PUBSUB_BROKER_TLS_CERT", "FILE",
       "PEM file with the server's certificate and its chain. The API is then served only "
       "over TLS, otherwise unencrypted"},
      &tls_certificate);
  settings.text(
      {"tls-key", "PUBSUB_BROKER_TLS_KEY", "FILE", "PEM file with the private key of --tls-cert"},
      &tls_key);
  settings.text(
      {"tls-client-ca", "PUBSUB_BROKER_TLS_CLIENT_CA", "FILE",
       "PEM file with certificate authorities. Only clients with a certificate from one of "
       "them are served"},
      &tls_client_ca);
  settings.rule([this]() -> std::optional<std::string> {
    const bool is_whole = tls_certificate.empty() == tls_key.empty();
    if (is_whole && (tls_client_ca.empty() || !tls_key.empty())) return std::nullopt;
    return "--tls-cert (PUBSUB_BROKER_TLS_CERT) and --tls-key (PUBSUB_BROKER_TLS_KEY): expected "
           "both, or no --tls flag at all";
  });
  settings.text({"clients", "PUBSUB_BROKER_CLIENTS", "FILE",
                 "Table of clients: what each may do, by the name in its certificate "
                 "(docs/broker-operation.md). Clients that are not in it are refused"},
                &clients);
  settings.rule([this]() -> std::optional<std::string> {
    if (clients.empty() || !tls_client_ca.empty()) return std::nullopt;
    return "--clients (PUBSUB_BROKER_CLIENTS): expected --tls-client-ca too, because only "
           "certificates tell who a client is";
  });
  settings.boolean({"enable-push", "PUBSUB_BROKER_ENABLE_PUSH", "",
                    "Allow push subscriptions. Any client can then make the broker post messages "
                    "to the hosts that --push-target allows"},
                   &enable_push);
  settings.texts({"push-target", "PUBSUB_BROKER_PUSH_TARGETS", "HOST[:PORT]",
                  "Push only to this host; may be given several times. Without it, to every host "
                  "except loopback and link-local addresses"},
                 &push_targets, [](const std::string& value) -> std::optional<std::string> {
                   if (PushTarget::parse(value)) return std::nullopt;
                   return "expected HOST or HOST:PORT, with an IPv6 address in brackets";
                 });
  settings.text({"push-ca", "PUBSUB_BROKER_PUSH_CA", "FILE",
                 "PEM file with the certificate authorities of https endpoints; without it, those "
                 "that the system trusts"},
                &push_authorities);
  settings.rule([this]() -> std::optional<std::string> {
    if (enable_push || (push_targets.empty() && push_authorities.empty())) return std::nullopt;
    return "--push-target (PUBSUB_BROKER_PUSH_TARGETS) and --push-ca (PUBSUB_BROKER_PUSH_CA): "
           "expected --enable-push too";
  });
  settings.boolean({"ignore-filters", "PUBSUB_BROKER_IGNORE_FILTERS", "",
                    "For tests only: accept filters but deliver every message to every "
                    "subscription, as versions of Google's emulator up to 0.8.20 do"},
                   &ignore_filters);
}

std::string BrokerSettings::default_data_folder(const Settings::Environment& environment) {
  if (const auto state = environment("XDG_STATE_HOME"); state && !state->empty()) {
    return *state + "/pollbus/broker";
  }
  const auto home = environment("HOME");
  return home && !home->empty() ? *home + "/.local/state/pollbus/broker" : "";
}

std::string BrokerSettings::host() const {
  return only_host.empty() ? listen.substr(0, listen.rfind(':')) : only_host;
}

int BrokerSettings::port() const {
  if (only_port) return static_cast<int>(*only_port);
  return address_of(listen).value_or(HostAndPort{}).port;
}

absl::StatusOr<StartUpResources> BrokerSettings::start_up_resources() const {
  StartUpResources all;
  RETURN_IF_ERROR(all.add_variables(Settings::process_environment()));
  for (const std::string& topic : create_topics) all.add_topic(project, topic);
  for (const std::string& subscription : create_subscriptions) {
    all.add_subscription(project, subscription);
  }
  if (!resources.empty()) RETURN_IF_ERROR(all.add_file(project, resources));
  return all;
}

ServerOptions BrokerSettings::server_options() const {
  PushPolicy push{.is_enabled = enable_push, .authorities = push_authorities};
  for (const std::string& text : push_targets) {
    if (const auto target = PushTarget::parse(text)) push.targets.push_back(*target);
  }
  return {.host = host(),
          .port = port(),
          .tls = {.certificate = tls_certificate, .key = tls_key, .client_ca = tls_client_ca},
          .clients = clients,
          .core = {.ignore_filters = ignore_filters},
          .push = std::move(push),
          .data_folder = in_memory ? "" : data_folder,
          .has_page = has_page,
          .has_reflection = has_reflection};
}

}  // namespace pollbus::broker
