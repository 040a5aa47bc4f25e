// pubsub-broker whose disk and answers fail at named steps.
#include <google/pubsub/v1/pubsub.pb.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_interceptor.h>
#include <rocksdb/env.h>

#include <array>
#include <memory>
#include <vector>

#include "broker/store/rocksdb_options.h"
#include "faults/programs/faulty_program.h"

namespace pollbus::faults {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;

// RocksDB's write-ahead log: a publish is answered after its sync.
class Log final : public rocksdb::WritableFileWrapper {
 public:
  explicit Log(std::unique_ptr<rocksdb::WritableFile> file)
      : WritableFileWrapper(file.get()), file_(std::move(file)) {}
  rocksdb::Status Sync() override {
    if (!at_("broker.before_sync").ok()) return rocksdb::Status::IOError("broker.before_sync");
    if (rocksdb::Status status = file_->Sync(); !status.ok()) return status;
    if (!at_("broker.after_sync").ok()) return rocksdb::Status::IOError("broker.after_sync");
    return rocksdb::Status::OK();
  }

 private:
  const std::unique_ptr<rocksdb::WritableFile> file_;
  const Failpoints at_ = failpoints();
};

class Disk final : public rocksdb::EnvWrapper {
 public:
  explicit Disk(rocksdb::Env* real) : EnvWrapper(real) {}
  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    rocksdb::Status status = target()->NewWritableFile(name, file, options);
    if (status.ok() && name.ends_with(".log")) *file = std::make_unique<Log>(std::move(*file));
    return status;
  }
};

// A call of Publish or Acknowledge.
class Call final : public grpc::experimental::Interceptor {
 public:
  Call(std::string before, std::string after)
      : before_(std::move(before)), after_(std::move(after)) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      if (!at_(before_).ok()) methods->ModifySendStatus({grpc::StatusCode::UNAVAILABLE, before_});
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_SEND_MESSAGE))
      at_(after_).IgnoreError();
    methods->Proceed();
  }

 private:
  const std::string before_;
  const std::string after_;
  const Failpoints at_ = failpoints();
};

class Calls final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    const std::string_view method = info->method();
    if (method.ends_with("/Publish"))
      return new Call("broker.before_answer", "broker.after_answer");
    if (method.ends_with("/Acknowledge")) return new Call("broker.before_ack", "broker.after_ack");
    return nullptr;
  }
};

}  // namespace

std::span<const std::string_view> places() {
  static constexpr std::array<std::string_view, 6> kPlaces = {
      "broker.before_sync",  "broker.after_sync", "broker.before_answer",
      "broker.after_answer", "broker.before_ack", "broker.after_ack"};
  return kPlaces;
}

rocksdb::DBOptions real_database_options(rocksdb::Env* env) POLLBUS_REAL(DATABASE_OPTIONS);
rocksdb::DBOptions wrapped_database_options(rocksdb::Env* env) POLLBUS_WRAP(DATABASE_OPTIONS);

rocksdb::DBOptions wrapped_database_options(rocksdb::Env* env) {
  static Disk disk(env == nullptr ? rocksdb::Env::Default() : env);
  return real_database_options(&disk);
}

// A member function: its object is the first argument. The interceptors that the broker has set
// itself (it improves the texts of refusals) are replaced.
std::unique_ptr<grpc::Server> real_build_and_start(grpc::ServerBuilder* builder)
    POLLBUS_REAL(BUILD_AND_START);
std::unique_ptr<grpc::Server> wrapped_build_and_start(grpc::ServerBuilder* builder)
    POLLBUS_WRAP(BUILD_AND_START);

std::unique_ptr<grpc::Server> wrapped_build_and_start(grpc::ServerBuilder* builder) {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> creators;
  creators.push_back(std::make_unique<Calls>());
  builder->experimental().SetInterceptorCreators(std::move(creators));
  return real_build_and_start(builder);
}

}  // namespace pollbus::faults
