#include "broker/service/bounded_method.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <vector>

#include "broker/service/wire.h"

namespace pollbus::broker {
namespace {

// Another buffer of the same bytes.
grpc::ByteBuffer shared(grpc_byte_buffer* buffer) {
  std::vector<grpc::Slice> slices;
  grpc_byte_buffer_reader reader;
  if (grpc_byte_buffer_reader_init(&reader, buffer) == 0) return {};
  grpc_slice next;
  while (grpc_byte_buffer_reader_next(&reader, &next) != 0) {
    slices.emplace_back(next, grpc::Slice::STEAL_REF);
  }
  grpc_byte_buffer_reader_destroy(&reader);
  return {slices.data(), slices.size()};
}

grpc_byte_buffer* malformed_request() {
  grpc_slice tag_without_value = grpc_slice_from_static_string("\x08");
  return grpc_raw_byte_buffer_create(&tag_without_value, 1);
}

}  // namespace

bool BoundedHandler::is_allowed(grpc_byte_buffer* request) const {
  grpc::ByteBuffer bytes = shared(request);
  return may_parse(&bytes, request_);
}

void* BoundedHandler::Deserialize(grpc_call* call, grpc_byte_buffer* request, grpc::Status* status,
                                  void** data) {
  // Without a request, the call has ended before it was sent.
  if (request != nullptr && !is_allowed(request)) {
    grpc_byte_buffer_destroy(request);
    request = malformed_request();
  }
  return handler_->Deserialize(call, request, status, data);
}

int index_of_method(const char* service, const char* method) {
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  return pool->FindServiceByName(service)->FindMethodByName(method)->index();
}

}  // namespace pollbus::broker
