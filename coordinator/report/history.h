// What happened while a trial trained, as read from the database by coordinator/store/history_reader.h.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/messages/trial_state.h"

namespace autonorm::report {

struct CurvePoint {
  int64_t step = 0;
  double value = 0;  // NaN where it was not a number
  int attempt = 0;
};
struct Curve {
  std::string metric;
  std::vector<CurvePoint> points;  // by step
};
struct NormCurve {  // one number that the norm of a site reports: "gate", "alpha", …
  std::string site, name;
  std::vector<CurvePoint> points;  // by step
};
struct AttemptRow {
  int number = 0;
  WallTime assigned{};
  std::optional<WallTime> running, ended;
  std::optional<EndReason> end;
  std::vector<std::string> workers;  // by rank
};
struct TrialHistory {
  TrialId trial;
  std::vector<Curve> curves;  // by metric; from every attempt the points in (its resume step, the next one's]
  std::vector<NormCurve> norms;
  std::vector<AttemptRow> attempts;
};

}  // namespace autonorm::report
