// Lines between agent and trainer, one after the other as they come out of a pipe: each is decoded or refused, and what
// was decoded says the same when it is written again.
#include "tests/fuzz/fuzz_target.h"
#include "worker/control_protocol.h"

namespace autonorm {
namespace {

template <class Decode>
void check(std::string_view line, Decode&& decode) {
  const auto message = decode(line);
  if (!message.ok()) {
    fuzz::require(message.status().code() == Code::kInvalid, "a wrong line is invalid, nothing else");
    return;
  }
  const std::string written = worker::encode(*message);
  fuzz::require(written.find('\n') == std::string::npos, "a message is one line");
  const auto again = decode(written);
  fuzz::require(again.ok() && worker::encode(*again) == written, "what was decoded can be sent on");
}

}  // namespace
}  // namespace autonorm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = autonorm::fuzz::text_of(data, size);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    autonorm::check(line, [](std::string_view text) { return autonorm::worker::decode_command(text); });
    autonorm::check(line, [](std::string_view text) { return autonorm::worker::decode_event(text); });
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return 0;
}
