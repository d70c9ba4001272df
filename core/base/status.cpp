#include "core/base/status.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace autonorm {

std::string_view name(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not found";
    case Code::kConflict:
      return "conflict";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kExhausted:
      return "exhausted";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

Status Status::with_context(std::string_view context) const {
  if (ok()) return *this;
  return {code_, cat(context, ": ", message_)};
}

Status system_error(std::string_view what, int error_number) {
  Code code = Code::kInternal;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EMFILE) code = Code::kExhausted;
  if (error_number == ENOENT) code = Code::kNotFound;
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS) code = Code::kInvalid;
  return {code, cat(what, ": ", std::strerror(error_number))};
}

void check_failed(const char* expression, const char* file, int line, const std::string& message) {
  std::fprintf(stderr, "%s:%d: check failed: %s %s\n", file, line, expression, message.c_str());
  std::abort();
}

}  // namespace autonorm
