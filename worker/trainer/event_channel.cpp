#include "worker/trainer/event_channel.h"

#include <unistd.h>

namespace autonorm::trainer {

void EventChannel::send(const worker::TrainerEvent& event) {
  const std::string line = worker::encode(event) + "\n";
  const std::lock_guard lock(mutex_);
  // _exit: destructors would wait for threads and collectives that may never end.
  if (!write_all(fd_.get(), line, "the event pipe").ok()) _exit(0);
}

}  // namespace autonorm::trainer
