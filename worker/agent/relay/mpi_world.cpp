#include "worker/agent/relay/mpi_world.h"

#include <mpi.h>

#include <array>
#include <cstring>
#include <list>
#include <map>
#include <set>

#include "core/base/log.h"

namespace autonorm::agent {
namespace {

std::string error_text(int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return std::string(text.data(), static_cast<size_t>(length));
}

// The value of an integer or boolean MCA variable, as Open MPI itself took it from files, environment and command line.
int control_variable(const char* name) {
  int provided = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) != MPI_SUCCESS) return 0;
  int index = 0;
  int value = 0;
  MPI_T_cvar_handle handle = MPI_T_CVAR_HANDLE_NULL;
  int count = 0;
  if (MPI_T_cvar_get_index(name, &index) == MPI_SUCCESS &&
      MPI_T_cvar_handle_alloc(index, nullptr, &handle, &count) == MPI_SUCCESS) {
    std::array<int, 16> values{};
    if (count >= 1 && count <= 16 && MPI_T_cvar_read(handle, values.data()) == MPI_SUCCESS) value = values[0];
    MPI_T_cvar_handle_free(&handle);
  }
  MPI_T_finalize();
  return value;
}

class MpiFabric final : public Fabric {
 public:
  explicit MpiFabric(MPI_Comm comm) : comm_(comm) {}
  // Buffers of transfers that never ended stay allocated: MPI may still write into them.
  ~MpiFabric() override {
    for (auto& send : sends_) new Message(std::move(send.message));
    for (auto& [key, receive] : receives_) new Message(std::move(receive.message));
  }

  void send(int mpi_rank, int tag, Message message) override {
    Transfer& transfer = sends_.emplace_back(Transfer{mpi_rank, tag, std::move(message), MPI_REQUEST_NULL});
    check(mpi_rank, MPI_Isend(transfer.message.data(), static_cast<int>(transfer.message.size()), MPI_BYTE, mpi_rank,
                              tag, comm_, &transfer.request));
  }

  std::optional<Message> receive(int mpi_rank, int tag) override {
    const auto key = std::pair(mpi_rank, tag);
    auto found = receives_.find(key);
    if (found == receives_.end()) {
      found = begin_receive(mpi_rank, tag);
      if (found == receives_.end()) return std::nullopt;
    }
    int done = 0;
    check(mpi_rank, MPI_Test(&found->second.request, &done, MPI_STATUS_IGNORE));
    if (done == 0) return std::nullopt;
    Message message = std::move(found->second.message);
    receives_.erase(found);
    return message;
  }

  bool sends_done(int tag) override {
    bool all_done = true;
    for (auto send = sends_.begin(); send != sends_.end();) {
      int done = 0;
      const int code = MPI_Test(&send->request, &done, MPI_STATUS_IGNORE);
      check(send->mpi_rank, code);
      if (done != 0 || code != MPI_SUCCESS) {
        send = sends_.erase(send);
        continue;
      }
      all_done = all_done && send->tag != tag;
      ++send;
    }
    return all_done;
  }

  bool lost(int mpi_rank) const override { return lost_.contains(mpi_rank); }

 private:
  struct Transfer {
    int mpi_rank = 0;
    int tag = 0;
    Message message;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  using Receives = std::map<std::pair<int, int>, Transfer>;

  Receives::iterator begin_receive(int mpi_rank, int tag) {
    int there = 0;
    MPI_Message matched = MPI_MESSAGE_NULL;
    MPI_Status status{};
    check(mpi_rank, MPI_Improbe(mpi_rank, tag, comm_, &there, &matched, &status));
    if (there == 0) return receives_.end();
    int bytes = 0;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    Transfer transfer{mpi_rank, tag, Message(static_cast<size_t>(bytes)), MPI_REQUEST_NULL};
    const auto place = receives_.emplace(std::pair(mpi_rank, tag), std::move(transfer)).first;
    check(mpi_rank, MPI_Imrecv(place->second.message.data(), bytes, MPI_BYTE, &matched, &place->second.request));
    return place;
  }

  void check(int mpi_rank, int code) {
    if (code == MPI_SUCCESS || !lost_.insert(mpi_rank).second) return;
    log_warning("MPI rank ", mpi_rank, " cannot be reached: ", error_text(code));
  }

  MPI_Comm comm_;
  std::list<Transfer> sends_;  // a list: MPI keeps the addresses
  Receives receives_;
  std::set<int> lost_;
};

MPI_Comm duplicate_of_world() {
  MPI_Comm duplicate = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &duplicate);
  MPI_Comm_set_errhandler(duplicate, MPI_ERRORS_RETURN);
  return duplicate;
}

void find_local_rank(WorldFacts& facts) {
  MPI_Comm host = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, facts.rank, MPI_INFO_NULL, &host);
  MPI_Comm_rank(host, &facts.local_rank);
  MPI_Comm_size(host, &facts.local_size);
  MPI_Comm_free(&host);
}

std::string share_id(std::string id) {
  std::array<char, 64> text{};
  std::strncpy(text.data(), id.c_str(), text.size() - 1);
  MPI_Bcast(text.data(), static_cast<int>(text.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
  return text.data();
}

}  // namespace

struct MpiWorld::Communicator {
  MPI_Comm comm = MPI_COMM_NULL;
};

MpiWorld::MpiWorld() : duplicate_(std::make_unique<Communicator>()) {}

Result<std::unique_ptr<MpiWorld>> MpiWorld::start(const std::string& fresh_id, bool launched) {
  int provided = 0;
  // SERIALIZED: the relay's thread communicates; this thread starts and ends MPI.
  const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  if (code != MPI_SUCCESS) return internal("MPI did not start: ", error_text(code));
  if (provided < MPI_THREAD_SERIALIZED) return internal("this MPI library cannot be used from a thread of its own");
  std::unique_ptr<MpiWorld> world(new MpiWorld);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  WorldFacts& facts = world->facts_;
  MPI_Comm_rank(MPI_COMM_WORLD, &facts.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &facts.size);
  facts.launched = launched || facts.size > 1;
  facts.id = share_id(fresh_id);
  facts.recovery = control_variable("orte_enable_recovery") != 0;
  find_local_rank(facts);
  world->duplicate_->comm = duplicate_of_world();
  return world;
}

MpiWorld::~MpiWorld() { MPI_Finalize(); }

std::unique_ptr<Fabric> MpiWorld::make_fabric() { return std::make_unique<MpiFabric>(duplicate_->comm); }

}  // namespace autonorm::agent
