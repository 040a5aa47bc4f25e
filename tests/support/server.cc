#include "support/server.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "support/eventually.h"

namespace pollbus::testing {
namespace {

using namespace std::chrono_literals;

// Long, because sanitizers are slow on a busy computer; tests that succeed do not wait for it.
constexpr std::chrono::seconds kStartDeadline = 60s;
constexpr std::chrono::seconds kStopDeadline = 30s;
constexpr std::size_t kShownLogBytes = 3'000;

}  // namespace

Server::Server(Plan plan) : plan_(std::move(plan)), log_(plan_.folder / (plan_.name + ".log")) {
  std::filesystem::create_directories(plan_.folder);
}

void Server::launch() {
  if (is_running()) throw std::logic_error(plan_.name + " runs already");
  process_ = std::make_unique<ChildProcess>(plan_.argv, plan_.environment, log_);
}

void Server::await_answer(std::chrono::milliseconds within) {
  const bool waited = eventually(within, [&] { return !is_running() || plan_.answers(); });
  if (!waited) throw std::runtime_error(trouble("does not answer"));
  if (!is_running()) throw std::runtime_error(trouble("ended while starting"));
}

void Server::start() {
  launch();
  await_answer(kStartDeadline);
}

int Server::stop() {
  signal(plan_.stop_signal);
  return wait_for_end(kStopDeadline);
}

int Server::wait_for_end(std::chrono::milliseconds within) {
  if (!process_) throw std::logic_error(plan_.name + " was never started");
  const auto code = process_->wait(within);
  if (!code) throw std::runtime_error(trouble("does not end"));
  return *code;
}

void Server::kill() { process_.reset(); }

void Server::signal(int number) {
  if (process_) process_->signal(number);
}

std::string Server::log() const {
  std::stringstream text;
  text << std::ifstream(log_).rdbuf();
  return text.str();
}

std::string Server::trouble(const std::string& what) const {
  std::string end = log();
  if (end.size() > kShownLogBytes) end = "…" + end.substr(end.size() - kShownLogBytes);
  return fmt::format("{} {}. Its log ends:\n{}", plan_.name, what, end);
}

}  // namespace pollbus::testing
