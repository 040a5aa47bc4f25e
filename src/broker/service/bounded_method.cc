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

void* BoundedHandler::Deserialize(grpc_call* call, grpc_byte_buffer* request, grpc::Status* status,
                                  void** data) {
  grpc::ByteBuffer bytes = shared(request);
  if (!may_parse(&bytes, request_)) {
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
