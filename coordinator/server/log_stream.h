// Logs: what an attempt logged, page by page; followed, until the attempt has ended.
#pragma once
#include "autonorm/v1/control.pb.h"
#include "coordinator/server/log_desk.h"
#include "coordinator/server/periodic_stream.h"

namespace autonorm::server {

class LogStream final : public PeriodicStream<v1::LogsUpdate> {
 public:
  // `desk` must outlive the stream.
  LogStream(LogDesk& desk, const v1::LogsRequest& request);

 private:
  Status begin() override;
  Result<Look> look(v1::LogsUpdate& update) override;

  LogDesk& desk_;
  const v1::LogsRequest request_;
  int64_t row_ = 0;    // of the attempt
  int64_t after_ = 0;  // the last line that was sent
  bool introduced_ = false;
};

}  // namespace autonorm::server
