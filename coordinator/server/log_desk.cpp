#include "coordinator/server/log_desk.h"

namespace autonorm::server {

Result<store::LogReader*> LogDesk::reader() {
  if (!reader_) {
    auto opened = store::LogReader::open(database_);
    if (!opened.ok()) return opened.status();
    reader_ = *std::move(opened);
  }
  return reader_.get();
}

}  // namespace autonorm::server
