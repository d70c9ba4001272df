// manifest.json of a checkpoint: as it is, and with the checksum put right, which no random change would find.
#include <nlohmann/json.hpp>

#include "core/base/sha256.h"
#include "core/checkpoint/manifest.h"
#include "tests/fuzz/fuzz_target.h"

namespace autonorm {
namespace {

constexpr int kDeepest = 70;  // somewhat more than a manifest may be

void check(const std::string& text) {
  const auto manifest = checkpoint::parse_manifest(text, "manifest.json");
  if (!manifest.ok()) {
    fuzz::require(manifest.status().message().find("manifest.json") != std::string::npos, "an error names the file");
    return;
  }
  for (const auto& [name, file] : manifest->files)
    fuzz::require(!name.empty() && name.find('/') == std::string::npos && file.bytes >= 0, "a file lies in the folder");
}

std::string with_checksum(std::string_view text) {
  const auto not_too_deep = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth <= kDeepest; };
  auto document = nlohmann::json::parse(text, not_too_deep, /*allow_exceptions=*/false);
  if (!document.is_object()) return "";
  try {
    document.erase("checksum");
    document["checksum"] = sha256(document.dump(1) + "\n").value();
    return document.dump(1) + "\n";
  } catch (const nlohmann::json::exception&) {  // not UTF-8
    return "";
  }
}

}  // namespace
}  // namespace autonorm

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = autonorm::fuzz::text_of(data, size);
  autonorm::check(std::string(text));
  if (const std::string whole = autonorm::with_checksum(text); !whole.empty()) autonorm::check(whole);
  return 0;
}
