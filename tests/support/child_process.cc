#include "support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

// The headers of Debian 12 do not declare it.
extern "C" {
#include <sys/pidfd.h>
}

namespace pollbus::testing {
namespace {

[[noreturn]] void throw_errno(const std::string& what, int error = errno) {
  throw std::system_error(error, std::generic_category(), what);
}

std::vector<std::string> merged_environment(const Environment& ours) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!ours.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : ours) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> null_terminated(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const auto& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Everything is prepared before fork: between fork and exec, only async-signal-safe calls are
// allowed.
struct Launch {
  char** argv;
  char** environment;
  int log_fd;
  int error_fd;
  pid_t parent;
};

[[noreturn]] void report_and_exit(const Launch& launch) {
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(launch.error_fd, &error, sizeof error);
  ::_exit(127);
}

[[noreturn]] void become(const Launch& launch) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != launch.parent) ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null_fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null_fd < 0 || ::dup2(null_fd, 0) < 0 || ::dup2(launch.log_fd, 1) < 0 ||
      ::dup2(launch.log_fd, 2) < 0) {
    report_and_exit(launch);
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execvpe(launch.argv[0], launch.argv, launch.environment);
  report_and_exit(launch);
}

// Returns the errno of a failed exec; nothing if a successful exec closed the pipe.
std::optional<int> exec_error(int fd) {
  int error = 0;
  ssize_t size = 0;
  do {
    size = ::read(fd, &error, sizeof error);
  } while (size < 0 && errno == EINTR);
  return size == sizeof error ? std::optional(error) : std::nullopt;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv, const Environment& environment,
                           const std::filesystem::path& log) {
  const auto arguments = null_terminated(argv);
  const auto variables = merged_environment(environment);
  const auto variable_pointers = null_terminated(variables);
  const int log_fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) throw_errno(log.string());
  int error_pipe[2];
  if (::pipe2(error_pipe, O_CLOEXEC) != 0) throw_errno("pipe");

  const Launch launch{const_cast<char**>(arguments.data()),
                      const_cast<char**>(variable_pointers.data()), log_fd, error_pipe[1],
                      ::getpid()};
  pid_ = ::fork();
  if (pid_ == 0) become(launch);
  const int fork_error = errno;
  ::close(log_fd);
  ::close(error_pipe[1]);
  const auto error = pid_ < 0 ? std::optional(fork_error) : exec_error(error_pipe[0]);
  ::close(error_pipe[0]);
  if (error) {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    throw_errno(argv.at(0), *error);
  }
  pid_fd_ = ::pidfd_open(pid_, 0);
  if (pid_fd_ < 0) throw_errno("pidfd_open");
}

ChildProcess::~ChildProcess() {
  if (is_running()) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(pid_fd_);
}

void ChildProcess::signal(int number) {
  if (is_running()) ::kill(pid_, number);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds within) {
  if (exit_code_) return exit_code_;
  pollfd ended{pid_fd_, POLLIN, 0};
  while (::poll(&ended, 1, static_cast<int>(within.count())) < 0 && errno == EINTR) {
  }
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) exit_code_ = exit_code_of(status);
  return exit_code_;
}

}  // namespace pollbus::testing
