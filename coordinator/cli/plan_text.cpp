#include "coordinator/cli/plan_text.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "coordinator/cli/text_table.h"
#include "coordinator/cli/wording.h"
#include "core/base/text.h"
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
  for (const auto& cell : sweep.cells) {
    std::string column = column_of(sweep, cell);
    if (std::ranges::find(columns, column) == columns.end()) columns.push_back(std::move(column));
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

std::string cell_table(const config::Sweep& sweep, const std::set<TrialId>& cached, bool server_known) {
  std::map<std::pair<std::string, std::string>, CellCount> counts;
  std::map<std::string, int64_t> variant_ranks;
  for (const auto& cell : sweep.cells) {
    auto& count = counts[{cell.variant, column_of(sweep, cell)}];
    ++(cached.contains(sweep.trials[cell.trial].id) ? count.cached : count.fresh);
    variant_ranks[cell.variant] = std::max(variant_ranks[cell.variant], sweep.trials[cell.trial].common->ranks);
  }
  const auto columns = columns_of(sweep);
  std::vector<Column> heads{{"variant"}};
  for (const auto& column : columns) heads.push_back({column, Align::kRight});
  heads.push_back({"ranks", Align::kRight});
  std::vector<std::vector<std::string>> rows;
  for (const auto& variant : sweep.variants) {
    std::vector<std::string> row{variant == sweep.baseline ? variant + " (baseline)" : variant};
    for (const auto& column : columns) row.push_back(cell_text(counts[{variant, column}], server_known));
    row.push_back(cat(variant_ranks[variant]));
    rows.push_back(std::move(row));
  }
  return text_table(heads, rows);
}

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
  text += "\n" + trials_line(sweep, server) + slots_line(sweep, server) + time_line(server);
  text += "\n" + cell_table(sweep, server ? server->cached : std::set<TrialId>(), server.has_value());
  for (const auto& warning : sweep.warnings) text += "\n" + warning + (warning.ends_with('\n') ? "" : "\n");
  return text + "\n" +
         stats::power_check_text(static_cast<int>(sweep.seeds.size()), comparisons(sweep), sweep.margin, sweep.alpha);
}

}  // namespace autonorm::cli
