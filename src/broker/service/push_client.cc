#include "broker/service/push_client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string>

namespace pollbus::broker {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5'000};
// Of headers and body together. A push endpoint's answer has no content that matters.
constexpr std::size_t kMaxAnswerBytes = 64 << 10;
// How often a wait looks around although nothing has happened.
constexpr std::chrono::milliseconds kPollInterval{1'000};

void initialize_library_once() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)code;  // what does not work then fails in curl_easy_init()
}

}  // namespace

PushClient::PushClient(const PushEndpoint& endpoint, const PushPolicy& policy,
                       std::chrono::milliseconds timeout)
    : endpoint_(endpoint), policy_(policy), timeout_(timeout) {
  initialize_library_once();
  multi_.reset(curl_multi_init());
  easy_.reset(curl_easy_init());
  if (easy_ != nullptr) set_up();
}

PushClient::~PushClient() = default;

void PushClient::set_up() {
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, endpoint_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  if (!policy_.authorities.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, policy_.authorities.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // A shutdown does not wait for a name server.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectTimeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_.count()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &PushClient::count_bytes);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &PushClient::count_bytes);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &PushClient::open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
}

// Less than `count` ends the request.
std::size_t PushClient::count_bytes(char* /*data*/, std::size_t size, std::size_t count,
                                    void* self) {
  auto* const client = static_cast<PushClient*>(self);
  client->answer_bytes_ += size * count;
  return client->answer_bytes_ <= kMaxAnswerBytes ? size * count : 0;
}

curl_socket_t PushClient::open_socket(void* self, curlsocktype /*purpose*/,
                                      curl_sockaddr* address) {
  auto* const client = static_cast<PushClient*>(self);
  if (!client->policy_.allows_address(client->endpoint_, address->addr)) {
    client->was_refused_ = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

absl::StatusOr<int> PushClient::post(const PushRequest& request) {
  if (multi_ == nullptr || easy_ == nullptr) return absl::UnavailableError("Out of memory.");
  curl_slist* list = curl_slist_append(nullptr, "Expect:");  // no "100-continue" before the body
  list = curl_slist_append(list, ("Content-Type: " + request.content_type).c_str());
  for (const auto& [name, value] : request.headers) {
    // A header without a value is written with a semicolon.
    const std::string header =
        value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
    list = curl_slist_append(list, header.c_str());
  }
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, curl_slist_free_all);
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, request.body.data());
  answer_bytes_ = 0;
  was_refused_ = false;
  const CURLcode code = perform();
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, nullptr);
  // The status line decides, also when the rest of the answer is too long or never comes.
  if (status != 0) return static_cast<int>(status);
  if (was_refused_) {
    return absl::UnavailableError(
        fmt::format("{} has an address that may not be pushed to without --push-target {}",
                    endpoint_.host, endpoint_.host));
  }
  return absl::UnavailableError(is_aborted_ ? "aborted" : curl_easy_strerror(code));
}

CURLcode PushClient::perform() {
  if (curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode result = CURLE_ABORTED_BY_CALLBACK;
  int running = 1;
  while (!is_aborted_ && curl_multi_perform(multi_.get(), &running) == CURLM_OK && running > 0) {
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(kPollInterval.count()), nullptr);
  }
  int left = 0;
  if (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left);
      message != nullptr && message->msg == CURLMSG_DONE) {
    result = message->data.result;
  }
  curl_multi_remove_handle(multi_.get(), easy_.get());
  return result;
}

void PushClient::abort() {
  is_aborted_ = true;
  if (multi_ != nullptr) curl_multi_wakeup(multi_.get());
}

}  // namespace pollbus::broker
