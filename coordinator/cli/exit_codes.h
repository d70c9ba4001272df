// What the program's exit codes mean; every --help prints them.
#pragma once
#include "core/base/status.h"

namespace autonorm::cli {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;         // trials failed, or something went wrong on the way
inline constexpr int kUsage = 2;          // wrong flags, a wrong sweep file, an unknown name
inline constexpr int kCannotConnect = 3;  // no coordinator answers

inline int exit_code(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return kOk;
    case Code::kInvalid:
    case Code::kNotFound:
      return kUsage;
    case Code::kUnavailable:
      return kCannotConnect;
    case Code::kConflict:
    case Code::kExhausted:
    case Code::kInternal:
      return kFailed;
  }
  return kFailed;
}

}  // namespace autonorm::cli
