// Every call that changes something has an idempotency key: a call without one is refused, a repeated one changes
// nothing and gets the first answer. The calls are enumerated from the service's description, so that a new one cannot
// be forgotten here.
#include <google/protobuf/descriptor.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>

#include "autonorm/v1/control.grpc.pb.h"
#include "coordinator/server/version.h"
#include "coordinator/server/view_codec.h"
#include "coordinator/store/backup.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

const std::set<std::string> kQuestions{"PlanSweep", "ListSweeps",  "ListTrials", "Watch",     "Explain",      "Logs",
                                       "Report",    "ListWorkers", "GetInfo",    "ReadSweep", "ReadHistories"};

// A server with four queued trials of one sweep, a failed and a finished one of another, and a drained worker.
struct World {
  RunningServer server;
  std::unique_ptr<cli::ControlClient> client = server.client();
  FakeWorker worker{server.address()};
  std::unique_ptr<v1::Control::Stub> stub;

  void connect() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    stub = v1::Control::NewStub(
        grpc::CreateCustomChannel(server.address(), grpc::InsecureChannelCredentials(), arguments));
  }
  World() {
    connect();
    worker.send(hello_of("w0"));
    worker.next<fleet::Welcome>();
    EXPECT_TRUE(client->submit(small_sweep(1, "ended"), false, "ended").ok());
    worker.fail(worker.next<fleet::Start>());
    worker.complete(worker.next<fleet::Start>(), 0.9);
    while (worker.next<fleet::Ack>().seq < Seq(3)) {
    }
    EXPECT_EQ(client->drain("w0", engine::Drain::kAfterTrial, "setup")->workers_affected, 1);
    config::SweepSource longer = small_sweep(2, "queued");  // shares no trial with the other one
    std::string& text = longer.files.at("small.toml");
    text.replace(text.find("epochs = 1"), 10, "epochs = 2");
    EXPECT_TRUE(client->submit(longer, false, "queued").ok());
    leave_garbage();
  }
  // The folder of an attempt that was delivered long ago, of a worker that has gone.
  void leave_garbage() {
    const std::filesystem::path rank = server.state() / "work/rank-0", attempt = rank / "trials/abc/attempt-1";
    std::filesystem::create_directories(attempt);
    std::ofstream(rank / "lock") << "1";
    std::ofstream(attempt / "log.txt") << "12345";
    std::filesystem::last_write_time(attempt,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 8));
  }
};

struct Answer {
  grpc::Status status;
  std::string reply;  // serialized
};
using Call = std::function<Answer(World&, const std::string& key)>;

template <class Request, class Reply>
Call call(grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
          std::function<void(World&, Request&)> fill) {
  return [=](World& world, const std::string& key) {
    Request request;
    request.mutable_client()->set_protocol(kControlProtocol);
    request.set_idempotency_key(key);
    fill(world, request);
    grpc::ClientContext context;
    Reply reply;
    const grpc::Status status = (world.stub.get()->*method)(&context, request, &reply);
    return Answer{status, reply.SerializeAsString()};
  };
}

Call act_on(grpc::Status (v1::Control::Stub::*method)(grpc::ClientContext*, const v1::SweepActionRequest&,
                                                      v1::SweepActionReply*)) {
  return call<v1::SweepActionRequest, v1::SweepActionReply>(
      method, [](World&, v1::SweepActionRequest& request) { request.set_sweep("queued"); });
}

// How each is called so that it changes something, and a second time would answer differently where it can.
const std::map<std::string, Call>& mutations() {
  using Stub = v1::Control::Stub;
  static const std::map<std::string, Call> kCalls{
      {"SubmitSweep", call<v1::SubmitSweepRequest, v1::SubmitSweepReply>(
                          &Stub::SubmitSweep,
                          [](World&, auto& request) { encode(small_sweep(3, "third"), *request.mutable_source()); })},
      {"Cancel", act_on(&Stub::Cancel)},
      {"Pause", act_on(&Stub::Pause)},
      {"Resume", act_on(&Stub::Resume)},
      {"Retry",
       call<v1::RetryRequest, v1::RetryReply>(&Stub::Retry, [](World&, auto& request) { request.set_sweep("ended"); })},
      {"DrainWorker", call<v1::DrainWorkerRequest, v1::DrainWorkerReply>(&Stub::DrainWorker,
                                                                         [](World&, auto& request) {
                                                                           request.set_worker("w0");
                                                                           request.set_mode("no");
                                                                         })},
      {"Backup",
       call<v1::BackupRequest, v1::BackupReply>(
           &Stub::Backup,
           [](World& world, auto& request) { request.set_path((world.server.state() / "copy.db").string()); })},
      {"CollectGarbage", call<v1::CollectGarbageRequest, v1::CollectGarbageReply>(
                             &Stub::CollectGarbage, [](World&, auto& request) { request.set_remove(true); })},
  };
  return kCalls;
}

const google::protobuf::ServiceDescriptor& service() {
  return *google::protobuf::DescriptorPool::generated_pool()->FindServiceByName("autonorm.v1.Control");
}

TEST(Mutations, EveryCallIsAQuestionOrHasAKeyAndATestHere) {
  v1::GetInfoRequest::descriptor();  // links the description in
  std::set<std::string> with_key, without;
  for (int i = 0; i < service().method_count(); ++i) {
    const auto& method = *service().method(i);
    (method.input_type()->FindFieldByName("idempotency_key") ? with_key : without).insert(method.name());
  }
  EXPECT_EQ(without, kQuestions);
  std::set<std::string> tested;
  for (const auto& [name, call] : mutations()) tested.insert(name);
  EXPECT_EQ(with_key, tested);
}

// What a script sends whose variable is not set. Nothing then means "the newest" or "all of them".
TEST(Mutations, AnEmptyNameIsRefused) {
  World world;
  using Stub = v1::Control::Stub;
  const auto act = [](auto method) {
    return call<v1::SweepActionRequest, v1::SweepActionReply>(method, [](World&, auto&) {});
  };
  const auto retry = [](auto fill) {
    return call<v1::RetryRequest, v1::RetryReply>(&Stub::Retry, [=](World&, auto& request) { fill(request); });
  };
  const Call calls[] = {act(&Stub::Cancel),
                        act(&Stub::Pause),
                        act(&Stub::Resume),
                        retry([](auto& request) { request.set_sweep(""); }),
                        retry([](auto& request) { request.set_variant(""); }),
                        retry([](auto& request) { request.set_trial(""); })};
  for (const Call& wrong : calls) {
    const grpc::Status status = wrong(world, "key").status;
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_NE(status.error_message().find("is empty; name the one that is meant"), std::string::npos)
        << status.error_message();
  }
}

class EachMutation : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {  // only what is paused can be resumed
    if (GetParam() != "Resume") return;
    ASSERT_TRUE(world_.client->act(engine::SweepAction::kPause, "queued", "before").ok());
  }

  World world_;
  Answer answer(const std::string& key) { return mutations().at(GetParam())(world_, key); }
};

TEST_P(EachMutation, IsRefusedWithoutAKey) {
  for (const std::string& key : {std::string(), std::string(201, 'k')}) {
    const Answer refused = answer(key);
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(refused.status.error_message(), "idempotency_key must have 1 to 200 characters");
  }
}

TEST_P(EachMutation, RepeatedItGetsTheFirstAnswerAndChangesNothing) {
  const Answer first = answer("key");
  ASSERT_TRUE(first.status.ok()) << first.status.error_message();
  const auto sweeps = world_.client->sweeps();
  ASSERT_TRUE(sweeps.ok());
  const Answer again = answer("key");
  ASSERT_TRUE(again.status.ok()) << again.status.error_message();
  EXPECT_EQ(again.reply, first.reply);
  const auto after = world_.client->sweeps();
  ASSERT_TRUE(after.ok());
  ASSERT_EQ(after->size(), sweeps->size());
  for (size_t i = 0; i < after->size(); ++i) EXPECT_EQ(after->at(i).state, sweeps->at(i).state);
}

TEST_P(EachMutation, AKeyThatAnotherCallHasIsRefusedNamingIt) {
  ASSERT_TRUE(world_.client->act(engine::SweepAction::kPause, "ended", "taken").ok());
  const Answer refused = answer("taken");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(refused.status.error_message().find("idempotency key 'taken' was used for: pause of sweep 1; this is: "),
            std::string::npos)
      << refused.status.error_message();
}

TEST_P(EachMutation, AfterARestartItStillGetsTheFirstAnswer) {
  const Answer first = answer("key");
  ASSERT_TRUE(first.status.ok()) << first.status.error_message();
  world_.server.stop();
  world_.server.start();
  world_.connect();
  const Answer again = answer("key");
  ASSERT_TRUE(again.status.ok()) << again.status.error_message();
  EXPECT_EQ(again.reply, first.reply);
}

// What makes the tests above mean something: under another key each of them answers differently, or is refused.
TEST_P(EachMutation, UnderAnotherKeyItIsAnotherCall) {
  const Answer first = answer("key"), other = answer("other key");
  ASSERT_TRUE(first.status.ok()) << first.status.error_message();
  EXPECT_TRUE(!other.status.ok() || other.reply != first.reply);
}

// A coordinator that died after the deed and before it had written its answer down: the copy is there, the key is new.
TEST(Mutations, ABackupThatWasMadeBeforeTheAnswerWasKeptIsFoundAgain) {
  World world;
  const std::filesystem::path copy = world.server.state() / "copy.db";
  const auto made = store::back_up(world.server.state() / "autonorm.db", copy, "key");
  ASSERT_TRUE(made.ok()) << made.status().message();
  const auto then = std::filesystem::last_write_time(copy);
  for (int call = 0; call < 2; ++call) {  // the second is answered from the book
    const auto again = world.client->back_up(copy.string(), "key");
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ(*again, *made);
  }
  EXPECT_EQ(std::filesystem::last_write_time(copy), then) << "nothing was copied again";
  const auto other = world.client->back_up(copy.string(), "another key");
  EXPECT_EQ(other.status().code(), Code::kInvalid) << other.status().message();
}

// Likewise: what the first call removed is gone, and the repeated one takes the rest.
TEST(Mutations, AGarbageCollectionThatWasCutOffGoesOnWithWhatIsLeft) {
  World world;
  const auto first = world.client->collect_garbage(true, 0, false, "before");  // its answer is to another key
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(first->attempts.files, 1);
  const auto again = world.client->collect_garbage(true, 0, false, "key");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->attempts.files, 0);
  EXPECT_EQ(again->artifacts.files, first->artifacts.files);
  world.leave_garbage();
  EXPECT_EQ(world.client->collect_garbage(true, 0, false, "key")->attempts.files, 0) << "its answer is kept";
  EXPECT_EQ(world.client->collect_garbage(false, 0, false, "")->attempts.files, 1) << "and nothing was done";
}

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const auto& [name, call] : mutations()) names.push_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Control, EachMutation, ::testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace autonorm::server
