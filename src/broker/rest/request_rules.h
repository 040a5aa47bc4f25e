#pragma once

#include <boost/beast/http/message.hpp>

namespace pollbus::broker {

// What is wrong with the headers of a request that the parser has accepted.
struct RequestProblem {
  unsigned status = 0;  // of HTTP; 0: nothing is wrong
  const char* text = "";
};

// A request must have one meaning for everyone who reads it, this server and a proxy before it
// (RFC 9112, 6.3 and 11.2), and must not come from a web page of another server. Pure function.
RequestProblem problem_of(const boost::beast::http::request_header<>& request);

}  // namespace pollbus::broker
