// Expected failures as values. Status says whether something worked; Result<T> carries the value or the reason.
// Exceptions are left to programmer errors and to third-party code, and are caught at one place per process.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/text.h"

namespace autonorm {

enum class Code {
  kOk,
  kInvalid,      // the caller's input is wrong; repeating it cannot help
  kNotFound,     // the named thing does not exist
  kConflict,     // the state does not allow it (late report, second server, version mismatch)
  kUnavailable,  // may work later (no server, connection lost)
  kExhausted,    // a limit or resource is used up (disk full, queue full)
  kInternal,     // a defect of ours or a failure of the system below us
};
std::string_view name(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // ok
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // The same failure with what was being done in front: "reading x.toml: no such file".
  Status with_context(std::string_view context) const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

template <class... Parts>
Status invalid(const Parts&... parts) {
  return {Code::kInvalid, cat(parts...)};
}
template <class... Parts>
Status not_found(const Parts&... parts) {
  return {Code::kNotFound, cat(parts...)};
}
template <class... Parts>
Status conflict(const Parts&... parts) {
  return {Code::kConflict, cat(parts...)};
}
template <class... Parts>
Status unavailable(const Parts&... parts) {
  return {Code::kUnavailable, cat(parts...)};
}
template <class... Parts>
Status exhausted(const Parts&... parts) {
  return {Code::kExhausted, cat(parts...)};
}
template <class... Parts>
Status internal(const Parts&... parts) {
  return {Code::kInternal, cat(parts...)};
}
// The failure of the last system call: "what: No space left on device". ENOSPC and EDQUOT become kExhausted, ENOENT
// kNotFound.
Status system_error(std::string_view what, int error_number);

// Prints the message and aborts. For programmer errors only.
[[noreturn]] void check_failed(const char* expression, const char* file, int line, const std::string& message);
#define AUTONORM_CHECK(expression, ...)                                                                         \
  do {                                                                                                          \
    if (!(expression)) ::autonorm::check_failed(#expression, __FILE__, __LINE__, ::autonorm::cat(__VA_ARGS__)); \
  } while (false)

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) {
    AUTONORM_CHECK(!status_.ok(), "a Result needs a value or a failure");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  // Requires ok().
  T& value() & {
    AUTONORM_CHECK(ok(), status_.message());
    return *value_;
  }
  const T& value() const& {
    AUTONORM_CHECK(ok(), status_.message());
    return *value_;
  }
  T&& value() && {
    AUTONORM_CHECK(ok(), status_.message());
    return *std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

// Returns from the enclosing function when `expression` (a Status) failed.
#define AUTONORM_RETURN_IF_ERROR(expression)                                                              \
  do {                                                                                                    \
    if (::autonorm::Status autonorm_status = (expression); !autonorm_status.ok()) return autonorm_status; \
  } while (false)

}  // namespace autonorm
