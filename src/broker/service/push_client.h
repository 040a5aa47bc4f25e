#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <memory>

#include "absl/status/statusor.h"
#include "broker/service/push_message.h"
#include "broker/service/push_policy.h"

namespace pollbus::broker {

// An HTTP connection to one push endpoint, kept open between requests. The endpoint may be hostile:
// the time of a whole request and the size of its answer are bounded, redirects are not followed,
// and proxies of the environment are not used. One thread at a time, except for abort().
class PushClient {
 public:
  // `timeout` is for a whole request. Borrows `policy`.
  PushClient(const PushEndpoint& endpoint, const PushPolicy& policy,
             std::chrono::milliseconds timeout);
  ~PushClient();

  // Returns the status code of the answer, or UNAVAILABLE with the reason why there is none.
  absl::StatusOr<int> post(const PushRequest& request);
  // Ends a post() that is running, and every later one. Thread-safe.
  void abort();

 private:
  struct FreeEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct FreeMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };

  static std::size_t count_bytes(char* data, std::size_t size, std::size_t count, void* self);
  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  void set_up();
  CURLcode perform();

  const PushEndpoint endpoint_;
  const PushPolicy& policy_;
  const std::chrono::milliseconds timeout_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::size_t answer_bytes_ = 0;
  bool was_refused_ = false;  // the policy allows none of the host's addresses
  std::atomic<bool> is_aborted_ = false;
};

}  // namespace pollbus::broker
