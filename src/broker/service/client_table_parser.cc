#include "broker/service/client_table_parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "broker/core/filter.h"
#include "broker/core/names.h"
#include "broker/core/utf8.h"

namespace pollbus::broker {
namespace {

constexpr std::size_t kMaxClients = 10'000;
constexpr std::size_t kMaxRulesOfClient = 1'000;
constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kMaxShownProblems = 20;
constexpr char kBlanks[] = " \t";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Takes the first word off a text.
std::string_view take_word(std::string_view* text) {
  const std::string_view all = trimmed(*text);
  const std::size_t end = std::min(all.find_first_of(kBlanks), all.size());
  *text = trimmed(all.substr(end));
  return all.substr(0, end);
}

// Takes key="value" off a text; the value may have blanks. Everything, if there is no such thing.
std::string_view take_attribute(std::string_view* text) {
  const std::string_view all = trimmed(*text);
  const std::size_t open = all.find('"');
  const std::size_t close = open == std::string_view::npos ? open : all.find('"', open + 1);
  const std::size_t end = close == std::string_view::npos ? all.size() : close + 1;
  *text = trimmed(all.substr(end));
  return all.substr(0, end);
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_.@: ").find(c) != std::string_view::npos;
}

bool has_more_than_one_star(std::string_view text) { return std::ranges::count(text, '*') > 1; }

// A text of the file in an error: bounded and printable.
std::string shown(std::string_view text) {
  constexpr std::size_t kMaxShown = 60;
  std::string safe(text.substr(0, kMaxShown));
  std::ranges::replace_if(
      safe, [](char c) { return c < ' ' || c > '~'; }, '?');
  return '"' + safe + (text.size() > kMaxShown ? "…\"" : "\"");
}

}  // namespace

absl::StatusOr<ClientTable> TableParser::parse(std::string_view text) {
  if (text.size() > ClientTable::kMaxBytes) {
    return absl::InvalidArgumentError(
        fmt::format("it has more than {} bytes", ClientTable::kMaxBytes));
  }
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string problem = read_line(text.substr(0, end));
    if (!problem.empty()) problems_.push_back(fmt::format("line {}: {}", number, problem));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (problems_.empty() && table_.exact_.empty() && table_.patterns_.empty()) {
    problems_.push_back("it names no client");
  }
  if (problems_.empty()) return std::move(table_);
  if (problems_.size() > kMaxShownProblems) {
    const std::size_t more = problems_.size() - kMaxShownProblems;
    problems_.resize(kMaxShownProblems);
    problems_.push_back(fmt::format("and {} more", more));
  }
  return absl::InvalidArgumentError(absl::StrJoin(problems_, "; "));
}

std::string TableParser::read_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string_view rest = trimmed(line);
  if (rest.empty() || rest.starts_with('#')) return "";
  if (!is_valid_utf8(rest) || rest.find('\0') != std::string_view::npos)
    return "it is not UTF-8 text";
  const std::string_view word = take_word(&rest);
  if (word == "project") return project(rest);
  if (word == "client") return client(rest);
  if (word != "publish" && word != "subscribe" && word != "view" && word != "admin") {
    return fmt::format("expected project, client, publish, subscribe, view or admin, not {}",
                       shown(word));
  }
  if (entry_ == nullptr) return fmt::format("{} must come after a client", word);
  if (word == "admin") {
    entry_->is_admin = true;
    return rest.empty() ? "" : fmt::format("admin: unexpected {}", shown(rest));
  }
  if (project_.empty()) return fmt::format("{} must come after a project", word);
  if (entry_->publish.size() + entry_->subscribe.size() + entry_->view.size() >=
      kMaxRulesOfClient) {
    return fmt::format("a client may have {} rules", kMaxRulesOfClient);
  }
  return word == "publish" ? publish(rest) : word == "subscribe" ? subscribe(rest) : view(rest);
}

std::string TableParser::project(std::string_view rest) {
  project_ = fmt::format("projects/{}", rest);
  if (check_project_name(project_).ok()) return "";
  project_.clear();
  return fmt::format("expected the name of a project, not {}", shown(rest));
}

std::string TableParser::client(std::string_view rest) {
  refused_ = ClientEntry();
  entry_ = &refused_;
  const bool is_name =
      std::ranges::all_of(rest, [](char c) { return is_name_character(c) || c == '*'; });
  if (rest.empty() || rest.size() > kMaxNameBytes || !is_name || has_more_than_one_star(rest)) {
    return fmt::format("expected the common name of a certificate, with at most one *, not {}",
                       shown(rest));
  }
  if (table_.exact_.size() + table_.patterns_.size() >= kMaxClients) {
    return fmt::format("the table may have {} clients", kMaxClients);
  }
  const auto has_name = [&](const auto& entry) { return entry->name.text() == rest; };
  if (table_.exact_.contains(rest) || std::ranges::any_of(table_.patterns_, has_name)) {
    return fmt::format("the client {} is there twice", shown(rest));
  }
  auto entry = std::make_unique<ClientEntry>();
  entry->name = Pattern(rest);
  entry_ = entry.get();
  if (entry->name.has_star()) {
    table_.patterns_.push_back(std::move(entry));
  } else {
    table_.exact_.emplace(rest, std::move(entry));
  }
  return "";
}

std::string TableParser::topic(std::string_view word, std::string* name) const {
  *name = fmt::format("{}/topics/{}", project_, word);
  if (check_topic_name(*name).ok()) return "";
  return fmt::format("expected the name of a topic, not {}", shown(word));
}

std::string TableParser::subscription(std::string_view word, Pattern* pattern) const {
  *pattern = Pattern(fmt::format("{}/subscriptions/{}", project_, word));
  const std::string example = absl::StrReplaceAll(pattern->text(), {{"*", "x"}});
  if (check_subscription_name(example).ok() && !has_more_than_one_star(word)) return "";
  return fmt::format("expected the name of a subscription, not {}", shown(word));
}

std::string TableParser::attribute(std::string_view word, ClientEntry::Publish* rule) const {
  const std::size_t equals = word.find('=');
  const std::string_view key = trimmed(word.substr(0, std::min(equals, word.size())));
  const std::string_view value =
      equals == std::string_view::npos ? "" : trimmed(word.substr(equals + 1));
  if (key.empty() || key.find_first_of("\" \t") != std::string_view::npos || value.size() < 2 ||
      !value.starts_with('"') || !value.ends_with('"') || has_more_than_one_star(value)) {
    return fmt::format("expected attribute=\"value\", not {}", shown(word));
  }
  const Pattern pattern(value.substr(1, value.size() - 2));
  if (pattern.has_star() && !entry_->name.has_star()) {
    return "* in a value needs a * in the client's name";
  }
  rule->attributes.emplace_back(key, pattern);
  return "";
}

std::string TableParser::publish(std::string_view rest) {
  ClientEntry::Publish rule;
  std::string problem = topic(take_word(&rest), &rule.topic);
  while (problem.empty() && !rest.empty()) problem = attribute(take_attribute(&rest), &rule);
  if (problem.empty()) entry_->publish.push_back(std::move(rule));
  return problem;
}

std::string TableParser::subscribe(std::string_view rest) {
  ClientEntry::Subscribe rule;
  std::string problem = subscription(take_word(&rest), &rule.subscription);
  if (problem.empty()) problem = topic(take_word(&rest), &rule.topic);
  if (!problem.empty()) return problem;
  if (has_more_than_one_star(rest)) return "a filter may have one *";
  rule.filter = Pattern(rest);
  if (rule.filter.has_star() && !rule.subscription.has_star() && !entry_->name.has_star()) {
    return "* in a filter needs a * in the name of the subscription or the client";
  }
  const auto filter = Filter::parse(absl::StrReplaceAll(std::string(rest), {{"*", "x"}}));
  if (!filter.ok()) return std::string(filter.status().message());
  entry_->subscribe.push_back(std::move(rule));
  return "";
}

std::string TableParser::view(std::string_view rest) {
  Pattern pattern;
  std::string problem = subscription(take_word(&rest), &pattern);
  if (problem.empty() && !rest.empty()) return fmt::format("view: unexpected {}", shown(rest));
  if (problem.empty() && pattern.has_star() && !entry_->name.has_star()) {
    return "* after view needs a * in the client's name";
  }
  if (problem.empty()) entry_->view.push_back(std::move(pattern));
  return problem;
}

}  // namespace pollbus::broker
