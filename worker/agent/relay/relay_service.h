// The thread that owns MPI communication: serves the relay channels of the gangs that this worker takes part in. It
// sleeps in poll() unless a collective or a leave-taking is under way, and then looks every 50 µs.
#pragma once
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/durable_file.h"
#include "worker/agent/relay/relay_channel.h"
#include "worker/agent/relay/relay_gang.h"

namespace autonorm::agent {

class RelayService {
 public:
  // Called on the service's thread at its start; so the transport lives on that thread alone.
  using FabricFactory = std::function<std::unique_ptr<Fabric>()>;

  RelayService(FabricFactory make_fabric, const Clock& clock);
  // Aborts every gang, takes leave for at most a second, joins the thread.
  ~RelayService();

  // All return at once; `tag` names the gang. Thread-safe.
  void open(GangLayout layout, std::shared_ptr<RelayChannel> channel);
  void abort(int tag, std::string reason);
  // The attempt is over and its trainer makes no more requests: the channel is let go.
  void close(int tag);

 private:
  struct Entry {
    int tag;
    RelayGang gang;
    std::shared_ptr<RelayChannel> channel;  // null once closed
    bool leaving = false;
  };
  using Task = std::function<void(SteadyTime)>;

  void post(Task task);
  void run();
  bool take_tasks(SteadyTime now);
  void serve(SteadyTime now);
  void wait();
  Entry* find(int tag);

  const FabricFactory make_fabric_;
  const Clock& clock_;
  Fd wake_;
  std::mutex mutex_;
  std::vector<Task> tasks_;  // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_

  std::unique_ptr<Fabric> fabric_;  // from here on: the thread's own
  std::list<Entry> entries_;
  // Request descriptors that wait() saw readable. Only these are served: whatever was posted before such a request is
  // carried out by then, so a request never reaches the gang that its channel belonged to before.
  std::set<int> requested_;
  std::thread thread_;
};

}  // namespace autonorm::agent
