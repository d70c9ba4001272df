#include "core/checkpoint/manifest.h"

#include <cmath>

#include "core/base/sha256.h"

namespace autonorm::checkpoint {
namespace {

using nlohmann::json;

constexpr int kMaxManifestDepth = 64;  // nothing that we write is deeper, and deeper nesting could exhaust the stack

std::string text_of(const json& manifest) { return manifest.dump(1) + "\n"; }

// The path of the first number that is not finite, or "".
std::string find_non_finite(const json& value, const std::string& at) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) return at;
  if (!value.is_structured()) return {};
  for (const auto& [key, item] : value.items()) {
    if (auto found = find_non_finite(item, at + "." + key); !found.empty()) return found;
  }
  return {};
}

Status damaged_manifest(const std::string& file, std::string_view what) {
  return invalid(file, ": damaged manifest: ", what);
}

// Every field is present with its type, because the checksum has shown that this code wrote it; a foreign file may
// still lack one.
Manifest from_json(const json& document) {
  Manifest manifest;
  manifest.trial = TrialId(document.at("trial").get<std::string>());
  manifest.step = document.at("step").get<int64_t>();
  manifest.config = document.at("config");
  manifest.host_state = document.at("host_state");
  for (const auto& [name, entry] : document.at("files").items()) {
    manifest.files[name] = {Sha256(entry.at("sha256").get<std::string>()), entry.at("bytes").get<int64_t>()};
  }
  return manifest;
}

// The first file that cannot lie in the checkpoint's folder; "" = none.
std::string misplaced_file(const Manifest& manifest) {
  for (const auto& [name, file] : manifest.files) {
    const bool plain = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
    if (!plain || file.bytes < 0) return cat("'", name, "' of ", file.bytes, " bytes");
  }
  return "";
}

}  // namespace

Result<std::string> write_manifest(const Manifest& manifest) {
  for (const auto* part : {&manifest.config, &manifest.host_state}) {
    const std::string found = find_non_finite(*part, part == &manifest.config ? "config" : "host_state");
    if (!found.empty()) return invalid("checkpoint: ", found, " is not a finite number, which a manifest cannot hold");
  }
  json document = {{"format", kCheckpointFormat}, {"trial", manifest.trial.value()},   {"step", manifest.step},
                   {"config", manifest.config},   {"host_state", manifest.host_state}, {"files", json::object()}};
  for (const auto& [name, file] : manifest.files)
    document["files"][name] = {{"sha256", file.sha256.value()}, {"bytes", file.bytes}};
  try {
    document["checksum"] = sha256(text_of(document)).value();
    return text_of(document);
  } catch (const json::exception& error) {  // dump() refuses strings that are not UTF-8
    return invalid("checkpoint: cannot write the manifest: ", error.what());
  }
}

Result<Manifest> parse_manifest(const std::string& text, const std::string& file) {
  const auto not_too_deep = [](int depth, json::parse_event_t, json&) { return depth <= kMaxManifestDepth; };
  json document = json::parse(text, not_too_deep, /*allow_exceptions=*/false);
  if (!document.is_object())
    return damaged_manifest(file, cat("no JSON object in its ", text.size(), " bytes (truncated?)"));
  const auto format = document.find("format");
  if (format != document.end() && format->is_number_integer() && format->get<int64_t>() > kCheckpointFormat) {
    return conflict(file, ": checkpoint format ", format->get<int64_t>(), ", this build reads ", kCheckpointFormat,
                    "; use a newer trainer");
  }
  try {
    if (text_of(document) != text) return damaged_manifest(file, "its text is not as written");
    const std::string expected = document.value("checksum", "");
    document.erase("checksum");
    const Sha256 found = sha256(text_of(document));
    if (found.value() != expected)
      return damaged_manifest(file, cat("expected checksum ", expected, ", found ", found));
    Manifest manifest = from_json(document);
    if (const std::string name = misplaced_file(manifest); !name.empty())
      return damaged_manifest(file, cat("file ", name, " cannot lie in the checkpoint's folder"));
    return manifest;
  } catch (const json::exception& error) {
    return damaged_manifest(file, error.what());
  }
}

}  // namespace autonorm::checkpoint
