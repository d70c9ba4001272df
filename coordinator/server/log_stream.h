// Logs: what an attempt logged, page by page; followed, until the attempt has ended.
#pragma once
#include "autonorm/v1/control.pb.h"
#include "coordinator/server/periodic_stream.h"
#include "coordinator/server/report_desk.h"

namespace autonorm::server {

class LogStream final : public PeriodicStream<v1::LogsUpdate> {
 public:
  // `desk` is used on `pool`'s one thread; both must outlive the stream.
  LogStream(ReportDesk& desk, RequestPool& pool, const v1::LogsRequest& request);

 private:
  Status begin() override;
  Result<Look> look(v1::LogsUpdate& update) override;

  ReportDesk& desk_;
  const v1::LogsRequest request_;
  int64_t row_ = 0;    // of the attempt
  int64_t after_ = 0;  // the last line that was sent
  bool introduced_ = false;
};

}  // namespace autonorm::server
