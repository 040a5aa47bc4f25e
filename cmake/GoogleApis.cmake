# pollbus::google_apis: protobuf messages and gRPC stubs of google.pubsub.v1, generated from the
# definitions that the official client @google-cloud/pubsub and google-gax bring along
# (package-lock.json pins both; scripts/setup installs them).
set(POLLBUS_NODE_MODULES ${CMAKE_SOURCE_DIR}/node_modules CACHE PATH "Where npm put the API definitions")
set(pubsub_protos ${POLLBUS_NODE_MODULES}/@google-cloud/pubsub/build/protos)
set(gax_protos ${POLLBUS_NODE_MODULES}/google-gax/build/protos)
if(NOT EXISTS ${pubsub_protos}/google/pubsub/v1/pubsub.proto)
  message(FATAL_ERROR "The Pub/Sub API definitions are missing: run scripts/setup first.")
endif()

set(api_dir ${CMAKE_BINARY_DIR}/google_apis)
file(MAKE_DIRECTORY ${api_dir})
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

set(api_sources)
# Adds <package-relative name>.proto, found below `root`, to api_sources; "grpc" adds its stubs.
function(_google_api root name)
  set(outputs ${api_dir}/${name}.pb.cc ${api_dir}/${name}.pb.h)
  set(grpc_flags)
  if("grpc" IN_LIST ARGN)
    list(APPEND outputs ${api_dir}/${name}.grpc.pb.cc ${api_dir}/${name}.grpc.pb.h)
    set(grpc_flags --grpc_out=${api_dir} --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN})
  endif()
  add_custom_command(OUTPUT ${outputs}
    COMMAND protobuf::protoc --cpp_out=${api_dir} ${grpc_flags}
            -I${Protobuf_INCLUDE_DIRS} -I${pubsub_protos} -I${gax_protos} ${root}/${name}.proto
    DEPENDS ${root}/${name}.proto
    COMMENT "API definition ${name}.proto"
    VERBATIM)
  set(api_sources ${api_sources} ${outputs} PARENT_SCOPE)
endfunction()

foreach(name annotations client field_behavior http launch_stage resource)
  _google_api(${gax_protos} google/api/${name})
endforeach()
foreach(name status error_details)
  _google_api(${gax_protos} google/rpc/${name})
endforeach()
_google_api(${gax_protos} google/type/expr)
foreach(name options policy)
  _google_api(${gax_protos} google/iam/v1/${name})
endforeach()
_google_api(${gax_protos} google/iam/v1/iam_policy grpc)
_google_api(${pubsub_protos} google/pubsub/v1/schema grpc)
_google_api(${pubsub_protos} google/pubsub/v1/pubsub grpc)

add_library(pollbus_google_apis STATIC ${api_sources})
add_library(pollbus::google_apis ALIAS pollbus_google_apis)
target_include_directories(pollbus_google_apis SYSTEM PUBLIC ${api_dir})
target_link_libraries(pollbus_google_apis PUBLIC gRPC::grpc++ protobuf::libprotobuf)
target_compile_options(pollbus_google_apis PRIVATE -w -O1)
