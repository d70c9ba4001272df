#include "coordinator/cli/plan_text.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/cli/text_table.h"
#include "coordinator/cli/wording.h"
#include "core/base/text.h"
#include "core/config/shared_stages.h"
#include "core/stats/power.h"

namespace autonorm::cli {
namespace {

// "mnist", or "mnist, 6" with two matrix keys.
std::string column_of(const config::Sweep& sweep, const config::Cell& cell) {
  std::vector<std::string> parts;
  for (const auto& key : sweep.matrix_keys) {
    if (const auto label = cell.labels->find(key); label != cell.labels->end()) parts.push_back(label->second);
  }
  if (const auto data = cell.labels->find("data.name"); parts.empty() && data != cell.labels->end())
    return data->second;
  return join(parts);
}

// In the order of the cells, which is the file's.
std::vector<std::string> columns_of(const config::Sweep& sweep) {
  std::vector<std::string> columns;
  std::set<std::string> known;
  const config::CellLabels* last = nullptr;
  for (const auto& cell : sweep.cells) {
    if (std::exchange(last, cell.labels.get()) == cell.labels.get()) continue;  // another seed
    std::string column = column_of(sweep, cell);
    if (known.insert(column).second) columns.push_back(std::move(column));
  }
  return columns;
}

struct CellCount {
  int64_t fresh = 0, cached = 0;
};

std::string cell_text(const CellCount& count, bool server_known) {
  if (count.fresh + count.cached == 0) return "-";
  if (!server_known || count.cached == 0) return cat(count.fresh + count.cached, " new");
  return count.fresh == 0 ? cat(count.cached, " cached") : cat(count.fresh, " new, ", count.cached, " cached");
}

// The names that a table shows, and how many more it sums up in one row or column.
struct Shown {
  std::vector<std::string> names;
  size_t more = 0;
};

Shown shown(std::vector<std::string> names, size_t limit) {
  Shown out{std::move(names), 0};
  if (out.names.size() <= limit) return out;
  out.more = out.names.size() - (limit - 1);
  out.names.resize(limit - 1);
  return out;
}

std::string more_text(size_t more) { return cat("... and ", number_text(static_cast<int64_t>(more)), " more"); }

class CellTable {
 public:
  CellTable(const config::Sweep& sweep, const std::set<TrialId>& cached)
      : sweep_(sweep), variants_(shown(sweep.variants, kShownRows)), columns_(shown(columns_of(sweep), kShownColumns)) {
    for (size_t i = 0; i < variants_.names.size(); ++i) row_of_[variants_.names[i]] = i;
    for (size_t i = 0; i < columns_.names.size(); ++i) column_index_[columns_.names[i]] = i;
    counts_.resize(rows(), std::vector<CellCount>(columns()));
    ranks_.resize(rows(), 1);
    for (const auto& cell : sweep.cells) count(cell, cached.contains(sweep.trials[cell.trial].id));
  }

  std::string text(bool server_known) const {
    std::vector<Column> heads{{"variant"}};
    for (const auto& column : columns_.names) heads.push_back({column, Align::kRight});
    if (columns_.more > 0) heads.push_back({more_text(columns_.more), Align::kRight});
    heads.push_back({"ranks", Align::kRight});
    std::vector<std::vector<std::string>> rows;
    for (size_t i = 0; i < counts_.size(); ++i) {
      std::vector<std::string> row{name_of(i)};
      for (const CellCount& count : counts_[i]) row.push_back(cell_text(count, server_known));
      row.push_back(cat(ranks_[i]));
      rows.push_back(std::move(row));
    }
    return text_table(heads, rows);
  }

 private:
  static constexpr size_t kShownRows = 40, kShownColumns = 8;

  size_t rows() const { return variants_.names.size() + (variants_.more > 0 ? 1 : 0); }
  size_t columns() const { return columns_.names.size() + (columns_.more > 0 ? 1 : 0); }
  std::string name_of(size_t row) const {
    if (row == variants_.names.size()) return more_text(variants_.more);
    return variants_.names[row] == sweep_.baseline ? variants_.names[row] + " (baseline)" : variants_.names[row];
  }
  void count(const config::Cell& cell, bool cached) {
    const auto row = row_of_.find(cell.variant);
    const auto column = column_index_.find(column_of(sweep_, cell));
    const size_t i = row == row_of_.end() ? rows() - 1 : row->second;
    const size_t j = column == column_index_.end() ? columns() - 1 : column->second;
    ++(cached ? counts_[i][j].cached : counts_[i][j].fresh);
    ranks_[i] = std::max(ranks_[i], sweep_.trials[cell.trial].common->ranks);
  }

  const config::Sweep& sweep_;
  const Shown variants_, columns_;
  std::unordered_map<std::string, size_t> row_of_, column_index_;
  std::vector<std::vector<CellCount>> counts_;  // the last row and column sum up the rest, where there is one
  std::vector<int64_t> ranks_;
};

std::string trials_line(const config::Sweep& sweep, const std::optional<ServerPlan>& server) {
  const auto stages = std::ranges::count_if(sweep.trials, &config::PlannedTrial::is_stage);
  std::string text = cat("trials  ", count_text(static_cast<int64_t>(sweep.trials.size()), "distinct trial"));
  if (stages > 0) text += cat(", ", stages, " of them ", stages == 1 ? "a stage" : "stages");
  if (!server) return text + "; new or cached: unknown without a coordinator\n";
  int64_t cached = 0;
  for (const auto& trial : sweep.trials) cached += server->cached.contains(trial.id) ? 1 : 0;
  return text + cat(": ", number_text(static_cast<int64_t>(sweep.trials.size()) - cached), " new, ",
                    number_text(cached), " cached\n");
}

std::string slots_line(const config::Sweep& sweep, const std::optional<ServerPlan>& server) {
  int64_t slots_at_once = 0;
  for (const auto& trial : sweep.trials) slots_at_once += trial.common->ranks;
  const int64_t gang = largest_gang(sweep);
  std::string text = cat("slots   at least ", gang, gang == 1 ? " worker" : " workers of one mpirun", "; more than ",
                         number_text(slots_at_once), " are never used at once");
  if (server) text += cat("; connected now: ", server->slots);
  return text + "\n";
}

std::string time_line(const std::optional<ServerPlan>& server) {
  if (!server) return "time    unknown without a coordinator\n";
  if (server->predicted_s)
    return cat("time    about ", duration_text(*server->predicted_s), " with the workers connected now\n");
  return server->slots == 0 ? "time    unknown: no worker is connected\n"
                            : "time    unknown: some cells have no past trials\n";
}

}  // namespace

int comparisons(const config::Sweep& sweep) {
  const auto variants = static_cast<int>(sweep.variants.size());
  return std::max(0, variants - 1) * static_cast<int>(columns_of(sweep).size());
}

int64_t largest_gang(const config::Sweep& sweep) {
  int64_t ranks = 1;
  for (const auto& trial : sweep.trials) ranks = std::max(ranks, trial.common->ranks);
  return ranks;
}

std::string plan_text(const config::Sweep& sweep, const std::optional<ServerPlan>& server) {
  const auto columns = columns_of(sweep).size();
  std::string text = cat("sweep   ", sweep.name, sweep.question.empty() ? "" : ": " + sweep.question, "\n");
  text += cat("cells   ", number_text(static_cast<int64_t>(sweep.cells.size())), " = ",
              count_text(static_cast<int64_t>(sweep.variants.size()), "variant"), " × ",
              count_text(static_cast<int64_t>(columns), "column"), " × ",
              count_text(static_cast<int64_t>(sweep.seeds.size()), "seed"));
  if (sweep.cells.size() != sweep.variants.size() * columns * sweep.seeds.size()) text += ", without the excluded ones";
  text += "\n" + trials_line(sweep, server);
  if (!sweep.shared_stages.empty()) text += "stages  " + config::shared_stages_text(sweep.shared_stages) + "\n";
  text += slots_line(sweep, server) + time_line(server);
  text += "\n" + CellTable(sweep, server ? server->cached : std::set<TrialId>()).text(server.has_value());
  for (const auto& warning : sweep.warnings) text += "\n" + warning + (warning.ends_with('\n') ? "" : "\n");
  return text + "\n" +
         stats::power_check_text(static_cast<int>(sweep.seeds.size()), comparisons(sweep), sweep.margin, sweep.alpha,
                                 server ? server->past_spread : std::nullopt);
}

}  // namespace autonorm::cli
