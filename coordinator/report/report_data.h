// What a report is computed from: plain rows, as read from the database by coordinator/store/report_reader.h.
#pragma once
#include <boost/container/flat_map.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/shared.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/messages/trial_state.h"

namespace autonorm::report {

// A report holds one row for each of perhaps 100,000 trials: what they have in common is shared, and small tables are
// flat.
using Labels = std::map<std::string, std::string>;
template <class Value>
using ByName = boost::container::flat_map<std::string, Value>;
using TextList = ByName<std::string>;
// Metric → value. The names are those of many trials; who looks for one gives its text.
struct ByText {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return text(a) < text(b);
  }

 private:
  static std::string_view text(const Shared<std::string>& name) { return *name; }
  template <class T>
  static std::string_view text(const T& name) {
    return name;
  }
};
using Results = boost::container::flat_map<Shared<std::string>, double, ByText>;

// As `labels`, but with this value of a key.
Labels with_label(Labels labels, const std::string& key, const std::string& value);

struct TrialRow {  // one per claim label (variant × cell × seed)
  TrialId trial;
  std::string variant;
  Shared<Labels> labels;  // matrix key → value; always "data.name"
  uint64_t seed = 0;
  TrialState state{};
  std::optional<EndReason> end;
  std::string reason;  // why it failed, in words
  int attempts = 0;
  int64_t ranks = 1;
  double duration_s = 0;  // training time of the last attempt
  Shared<std::string> worker, device;
  Shared<std::string> configuration;  // hash of the resolved configuration without its seed
  // When the sweep was submitted its last attempt had ended, or an earlier one had ended in a result.
  bool ended_before = false;
  // The sweep whose `submit --fresh` replaced a result that was known.
  std::optional<SweepId> trained_again_by = {};
  Results results;
  Shared<TextList> common_facts;  // those that other trials have, too: build, torch_version, order_sha256, …
  TextList own_facts;             // weights_sha256; of a name that is in both this one counts
  Shared<TextList> initial;       // parameter name and shape → hash of the initial value
};
struct SweepRow {
  SweepId id;
  std::string name, question, baseline, metric, profile;
  std::string origin = {};  // the database it is of, where two are compared
  double margin = 0, alpha = 0.05;
  std::vector<uint64_t> seeds;
  std::vector<std::string> variants;  // in the file's order
  std::vector<std::string> matrix_keys;
  std::string content;   // SHA-256 of the source files: what was registered
  WallTime submitted{};  // and when
  // An earlier sweep with the same cells, registered before its results, has a maximum that covers these seeds, and
  // neither its seeds nor any whose results were known are left out.
  bool extends_earlier = false;
};
// Trials whose known result a sweep's `submit --fresh` replaced → the first such sweep.
using TrainedAgain = std::map<TrialId, SweepId>;
struct ReportData {
  SweepRow sweep;
  std::vector<TrialRow> trials;
  std::vector<std::string> departures = {};  // how the report differs from what the sweep registered
  std::vector<std::string> remarks = {};     // lines for the head of the report
};

// Null when it has not recorded it. Lives as long as the row.
inline const std::string* fact_of(const TrialRow& row, const std::string& name) {
  if (const auto own = row.own_facts.find(name); own != row.own_facts.end()) return &own->second;
  const auto common = row.common_facts->find(name);
  return common == row.common_facts->end() ? nullptr : &common->second;
}
// All that it has recorded.
inline TextList facts_of(const TrialRow& row) {
  TextList facts = row.own_facts;
  facts.insert(row.common_facts->begin(), row.common_facts->end());
  return facts;
}
inline void note_trained_again(const TrainedAgain& again, std::vector<TrialRow>& rows) {
  if (again.empty()) return;
  for (TrialRow& row : rows) {
    if (const auto found = again.find(row.trial); found != again.end()) row.trained_again_by = found->second;
  }
}
// Its metrics may be used: it succeeded, stopped or diverged.
bool has_result(const TrialRow& row);
// The largest size of a value that is used: the squares and cubes of differences of such values do not overflow.
inline constexpr double kLargestValue = 1e100;
// A trial's usable value of a metric; absent when it has none, or no result, or one that is not finite or larger than
// that.
std::optional<double> value_of(const TrialRow& row, const std::string& metric);
// Metrics, primary first, the others by name.
std::vector<std::string> metrics_of(const ReportData& data);
// In the file's order, then others in order of appearance.
std::vector<std::string> variants_of(const ReportData& data);
// Matrix keys in the file's order, then other labels by name.
std::vector<std::string> label_keys_of(const ReportData& data);
// "data.name=mnist, train.lr=0.001", in the order of `keys`.
std::string cell_name(const std::map<std::string, std::string>& labels, const std::vector<std::string>& keys);

enum class Format { kText, kCsv, kJson, kMarkdown, kLatex, kHtml };
enum class IntervalMethod { kStudent, kBca, kPermutation };
enum class TestMethod { kStudent, kSignFlip };

// What of a sweep to look at, and how, where that is not what its file says.
struct Selection {
  std::vector<std::string> variants = {};  // empty = all; the baseline always stays
  std::vector<std::string> data = {};      // values of data.name
  std::vector<std::string> where = {};     // "key=value" over matrix keys; values of one key are alternatives
  std::optional<std::string> metric = {}, baseline = {};
  std::optional<double> alpha = {}, margin = {};
};
struct ReportOptions {
  Format format = Format::kText;
  bool trials = false;  // one row per trial and label instead of the comparison
  bool colour = false;  // text only
  IntervalMethod interval = IntervalMethod::kStudent;
  TestMethod test = TestMethod::kStudent;
  Selection selection = {};
  std::string explain_cell = {};  // "variant/cell": the provenance of that cell as text, instead of the report
};

}  // namespace autonorm::report
