#include "worker/agent/relay/relay_service.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <ctime>

namespace autonorm::agent {
namespace {

constexpr timespec kBusyWait{0, 50'000};
constexpr timespec kDrainWait{0, 2'000'000};
constexpr std::chrono::seconds kLastDrain{1};

void signal_fd(int fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof(one));
}

}  // namespace

RelayService::RelayService(FabricFactory make_fabric, const Clock& clock)
    : make_fabric_(std::move(make_fabric)), clock_(clock), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  AUTONORM_CHECK(wake_.valid(), "no eventfd for the relay");
  thread_ = std::thread([this] { run(); });
}

RelayService::~RelayService() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  signal_fd(wake_.get());
  thread_.join();
}

void RelayService::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  signal_fd(wake_.get());
}

void RelayService::open(GangLayout layout, std::shared_ptr<RelayChannel> channel) {
  post([this, layout = std::move(layout), channel = std::move(channel)](SteadyTime) {
    const int tag = layout.tag;
    entries_.push_back({.tag = tag, .gang = RelayGang(layout, *fabric_), .channel = channel});
  });
}

void RelayService::abort(int tag, std::string reason) {
  post([this, tag, reason = std::move(reason)](SteadyTime now) {
    if (Entry* entry = find(tag)) entry->gang.abort(reason, now);
  });
}

void RelayService::close(int tag) {
  post([this, tag](SteadyTime now) {
    Entry* entry = find(tag);
    if (entry == nullptr) return;
    if (entry->gang.busy()) {
      entry->gang.abort("the attempt has ended", now);
      if (entry->gang.progress(now)) entry->channel->complete();
    }
    entry->gang.close(now);
    entry->channel.reset();
    entry->leaving = true;
  });
}

RelayService::Entry* RelayService::find(int tag) {
  for (Entry& entry : entries_) {
    if (entry.tag == tag && !entry.leaving) return &entry;
  }
  return nullptr;
}

void RelayService::run() {
  prctl(PR_SET_TIMERSLACK, 1000UL);  // ns: the default of 50 µs would double the polling interval
  fabric_ = make_fabric_();
  while (take_tasks(clock_.now().steady)) {
    serve(clock_.now().steady);
    wait();
  }
  const SteadyTime give_up = clock_.now().steady + kLastDrain;
  for (Entry& entry : entries_) {
    entry.gang.abort("the worker is stopping", clock_.now().steady);
    if (entry.gang.busy() && entry.gang.progress(clock_.now().steady)) entry.channel->complete();
    entry.leaving = true;
  }
  while (!entries_.empty() && clock_.now().steady < give_up) {
    serve(clock_.now().steady);
    nanosleep(&kDrainWait, nullptr);
  }
  entries_.clear();
  fabric_.reset();
}

bool RelayService::take_tasks(SteadyTime now) {
  std::vector<Task> tasks;
  bool go_on = true;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
    go_on = !stopping_;
  }
  for (const Task& task : tasks) task(now);
  return go_on;
}

void RelayService::serve(SteadyTime now) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    RelayGang& gang = entry->gang;
    if (entry->channel && !gang.busy() && requested_.contains(entry->channel->request_fd()) &&
        entry->channel->take_request()) {
      gang.begin(entry->channel->segment(), now);
    }
    if (gang.busy() && gang.progress(now)) entry->channel->complete();
    entry = entry->leaving && gang.drain(now) ? entries_.erase(entry) : std::next(entry);
  }
}

void RelayService::wait() {
  bool busy = false;
  std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
  for (const Entry& entry : entries_) {
    busy = busy || entry.gang.busy();
    if (entry.channel && !entry.gang.busy()) fds.push_back({entry.channel->request_fd(), POLLIN, 0});
  }
  bool draining = false;
  for (const Entry& entry : entries_) draining = draining || entry.leaving;
  const timespec* limit = busy ? &kBusyWait : draining ? &kDrainWait : nullptr;
  ppoll(fds.data(), fds.size(), limit, nullptr);
  requested_.clear();
  for (size_t i = 1; i < fds.size(); ++i) {
    if (fds[i].revents != 0) requested_.insert(fds[i].fd);
  }
  uint64_t count = 0;
  if (fds[0].revents != 0) [[maybe_unused]]
    const ssize_t got = read(wake_.get(), &count, sizeof(count));
}

}  // namespace autonorm::agent
