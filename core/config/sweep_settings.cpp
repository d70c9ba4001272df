// The [sweep] table.
#include <cmath>
#include <limits>
#include <set>

#include "core/base/text.h"
#include "core/config/alpha_range.h"
#include "core/config/catalogue.h"
#include "core/config/rerun.h"
#include "core/config/sweep_document.h"

namespace autonorm::config {
namespace {

constexpr int64_t kMaxSeeds = 10000;
constexpr int64_t kMaxParallel = 1'000'000;
constexpr int64_t kMaxFailures = 1'000'000;

class SettingsReader {
 public:
  SettingsReader(const Value& table, SweepSettings& out, Diagnostics& diagnostics)
      : table_(table), out_(out), diagnostics_(diagnostics) {}

  void run() {
    static const std::vector<std::string> kKeys{"name",  "question", "baseline", "metric",       "margin",    "alpha",
                                                "seeds", "profile",  "priority", "max_parallel", "on_failure"};
    out_.place = table_.place;
    for (const Entry& entry : *table_.table()) {
      if (std::find(kKeys.begin(), kKeys.end(), entry.key) == kKeys.end())
        report_unknown(entry, "[sweep]", kKeys, diagnostics_);
    }
    read_text("name", out_.name, "a short name of the study");
    if (is_rerun_name(out_.name)) {
      error(table_.find("name")->place, cat("[sweep] name '", out_.name,
                                            "' ends like those that `coordinator verify` gives to its re-runs; choose "
                                            "another"));
    }
    if (table_.find("question") != nullptr) read_text("question", out_.question, "what the study asks");
    read_text("baseline", out_.baseline, "the variant that all others are compared with");
    if (const Value* baseline = table_.find("baseline")) out_.baseline_place = baseline->place;
    read_metric();
    read_number("margin", out_.margin, 0, 1e9, "the smallest difference that matters");
    read_number("alpha", out_.alpha, kSmallestAlpha, kLargestAlpha, "the error rate of the comparisons");
    read_profile();
    read_seeds();
    read_integer(table_, "[sweep] ", "priority", -1000, 1000, out_.priority);
    read_integer(table_, "[sweep] ", "max_parallel", 1, kMaxParallel, out_.max_parallel);
    read_on_failure();
  }

 private:
  void error(Place place, const std::string& text) { diagnostics_.error(place, text); }

  // A needed text.
  void read_text(const char* key, std::string& member, const char* help) {
    const Value* value = table_.find(key);
    if (value == nullptr) return error(table_.place, cat("[sweep] ", key, " is missing: ", help));
    if (value->text() == nullptr || value->text()->empty()) {
      return error(value->place,
                   cat("[sweep] ", key, " must be a text that is not empty (", help, "); this is ", type_text(*value)));
    }
    member = *value->text();
  }

  // An optional number in [min, max]; NaN is outside.
  void read_number(const char* key, double& member, double min, double max, const char* help) {
    const Value* value = table_.find(key);
    if (value == nullptr) return;
    double number = std::numeric_limits<double>::quiet_NaN();
    if (const int64_t* integer = value->integer())
      number = static_cast<double>(*integer);
    else if (const double* real = std::get_if<double>(&value->data))
      number = *real;
    else
      return error(value->place,
                   cat("[sweep] ", key, " must be a number from ", min, " to ", max, "; this is ", type_text(*value)));
    if (!(number >= min && number <= max)) {
      return error(value->place, cat("[sweep] ", key, " = ", to_text(*value),
                                     " is out of range; allowed: a number from ", min, " to ", max, " (", help, ")"));
    }
    member = number;
  }

  // One word out of a list.
  void read_choice(const char* key, std::string& member, const std::vector<std::string>& allowed) {
    const Value* value = table_.find(key);
    if (value == nullptr) return;
    const std::string* word = value->text();
    if (word == nullptr)
      return error(value->place,
                   cat("[sweep] ", key, " must be one of ", join(allowed), "; this is ", type_text(*value)));
    if (std::find(allowed.begin(), allowed.end(), *word) == allowed.end()) {
      return error(value->place, cat("unknown ", key, " ", quoted(*word), "; allowed: ", join(allowed),
                                     did_you_mean(*word, allowed)));
    }
    member = *word;
  }

  void read_metric() {
    std::vector<std::string> names;
    for (const Metric& metric : metrics()) names.emplace_back(metric.name);
    read_choice("metric", out_.metric, names);
  }
  void read_profile() { read_choice("profile", out_.profile, {"faithful", "corrected"}); }

  void read_seeds() {
    const Value* value = table_.find("seeds");
    if (value == nullptr)
      return error(table_.place, "[sweep] seeds is missing; write seeds = { count = 5 } or seeds = [0, 1, 2]");
    if (value->is_list()) return read_seed_list(*value);
    if (value->is_table()) return read_seed_table(*value);
    error(value->place, cat("[sweep] seeds must be a table like { count = 5 } or a list like [0, 1, 2]; this is ",
                            type_text(*value)));
  }

  // [0, 1, 2]: distinct, in the order given.
  void read_seed_list(const Value& value) {
    std::set<int64_t> seen;
    if (value.list()->empty()) error(value.place, "[sweep] seeds is empty; at least one seed is needed");
    if (static_cast<int64_t>(value.list()->size()) > kMaxSeeds)
      return error(value.place, cat("more than ", kMaxSeeds, " seeds"));
    for (const Value& item : *value.list()) {
      const int64_t* seed = item.integer();
      if (seed == nullptr || *seed < 0) {
        error(item.place, cat("a seed must be an integer from 0 on, not ",
                              seed == nullptr ? std::string(type_text(item)) : to_text(item)));
      } else if (!seen.insert(*seed).second) {
        error(item.place, cat("seed ", *seed, " is listed twice"));
      } else {
        out_.seeds.push_back(static_cast<uint64_t>(*seed));
      }
    }
  }

  // { count, first, max }: first, first + 1, …; max is what a later extension may reach.
  void read_seed_table(const Value& value) {
    static const std::vector<std::string> kKeys{"count", "first", "max"};
    for (const Entry& entry : *value.table()) {
      if (std::find(kKeys.begin(), kKeys.end(), entry.key) == kKeys.end())
        report_unknown(entry, "seeds", kKeys, diagnostics_);
    }
    if (value.find("count") == nullptr) return error(value.place, "[sweep] seeds.count is missing: how many seeds");
    int64_t count = 0, first = 0;
    if (!read_integer(value, "[sweep] seeds.", "count", 1, kMaxSeeds, count)) return;
    if (!read_integer(value, "[sweep] seeds.", "first", 0, std::numeric_limits<int64_t>::max() - kMaxSeeds, first))
      return;
    if (!read_integer(value, "[sweep] seeds.", "max", count, kMaxSeeds, out_.max_seeds)) return;
    for (int64_t i = 0; i < count; ++i) out_.seeds.push_back(static_cast<uint64_t>(first + i));
  }

  // "continue" or { fail_fast = n }.
  void read_on_failure() {
    const Value* value = table_.find("on_failure");
    if (value == nullptr) return;
    if (value->text() != nullptr && *value->text() == "continue") return;
    if (!value->is_table()) {
      return error(value->place,
                   cat("[sweep] on_failure must be \"continue\" or a table like { fail_fast = 3 }, not ",
                       value->text() != nullptr ? quoted(*value->text()) : std::string(type_text(*value))));
    }
    for (const Entry& entry : *value->table()) {
      if (entry.key != "fail_fast") report_unknown(entry, "on_failure", {"fail_fast"}, diagnostics_);
    }
    if (value->find("fail_fast") == nullptr)
      return error(value->place, "[sweep] on_failure.fail_fast is missing: how many failed trials halt the sweep");
    read_integer(*value, "[sweep] on_failure.", "fail_fast", 1, kMaxFailures, out_.fail_fast);
  }

  // An optional integer; false, with an error, when it is none or out of range.
  bool read_integer(const Value& table, const char* where, const char* key, int64_t min, int64_t max, int64_t& member) {
    const Value* value = table.find(key);
    if (value == nullptr) return true;
    if (const int64_t* number = value->integer(); number != nullptr && *number >= min && *number <= max) {
      member = *number;
      return true;
    }
    const std::string found = value->integer() != nullptr ? to_text(*value) : std::string(type_text(*value));
    error(value->place, cat(where, key, " must be an integer from ", min, " to ", max, ", not ", found));
    return false;
  }

  const Value& table_;
  SweepSettings& out_;
  Diagnostics& diagnostics_;
};

}  // namespace

void read_settings(const Value& table, SweepSettings& settings, Diagnostics& diagnostics) {
  if (!table.is_table()) return diagnostics.error(table.place, cat("[sweep] must be a table, not ", type_text(table)));
  SettingsReader(table, settings, diagnostics).run();
}

}  // namespace autonorm::config
