// One control message as a JSON object, field by field. Writer and reader offer the same calls, so that one list of a
// message's fields serves both directions.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "worker/control_protocol.h"

namespace autonorm::worker {

class FieldWriter {
 public:
  explicit FieldWriter(std::string_view type) { object_["type"] = type; }
  template <class T>
  void operator()(const char* key, T& value) {
    object_[key] = write(value);
  }
  // Trainer output may hold bytes that are not UTF-8: they are replaced rather than thrown about.
  std::string line() const;

 private:
  using Json = nlohmann::json;
  static Json write(const std::string& text) { return text; }
  static Json write(bool value) { return value; }
  static Json write(int value) { return value; }
  static Json write(int64_t value) { return value; }
  static Json write(double value);
  static Json write(StopKind kind);
  static Json write(const std::optional<std::string>& text);
  static Json write(const std::vector<Point>& points);
  template <class T>
  static Json write(const std::map<std::string, T>& map) {
    Json object = Json::object();
    for (const auto& [key, value] : map) object[key] = write(value);
    return object;
  }

  Json object_;
};

// Every field must be there with its kind, and no other.
class FieldReader {
 public:
  explicit FieldReader(const nlohmann::json& object) : object_(object) {}
  template <class T>
  void operator()(const char* key, T& value) {
    ++known_;
    if (!error_.empty()) return;
    const auto found = object_.find(key);
    if (found == object_.end()) {
      error_ = cat("field '", key, "' is missing");
    } else if (!read(*found, value)) {
      error_ = cat("field '", key, "' has a value of the wrong kind");
    }
  }
  // After all fields: the first problem, or "".
  std::string error();

 private:
  using Json = nlohmann::json;
  static bool read(const Json& in, std::string& out);
  static bool read(const Json& in, bool& out);
  static bool read(const Json& in, int64_t& out);
  static bool read(const Json& in, int& out);
  static bool read(const Json& in, double& out);
  static bool read(const Json& in, StopKind& out);
  static bool read(const Json& in, std::optional<std::string>& out);
  static bool read(const Json& in, std::vector<Point>& out);
  template <class T>
  static bool read(const Json& in, std::map<std::string, T>& out) {
    if (!in.is_object()) return false;
    for (const auto& [key, value] : in.items()) {
      if (!read(value, out[key])) return false;
    }
    return true;
  }

  const Json& object_;
  size_t known_ = 1;  // "type"
  std::string error_;
};

}  // namespace autonorm::worker
