#include "core/config/metric_misfit.h"

#include <algorithm>
#include <string_view>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/diagnostics.h"

namespace autonorm::config {
namespace {

std::optional<std::string> untried_corruption(const std::string& metric, const std::vector<Corruption>& listed) {
  constexpr std::string_view kOne = "corrupted/";
  const bool any = metric == "test/corrupted_accuracy" || metric == "test/corruption_drop";
  if (!any && !metric.starts_with(kOne)) return std::nullopt;
  const auto wanted = any ? std::nullopt : parse_word<Corruption>(std::string_view(metric).substr(kOne.size()));
  if (wanted ? std::ranges::find(listed, *wanted) != listed.end() : !listed.empty()) return std::nullopt;
  return cat("are not judged by it; add ", wanted ? quoted(std::string(name(*wanted))) : "one", " to data.corruptions");
}

}  // namespace

std::optional<std::string> metric_misfit(const std::string& metric, const TrialConfig& config) {
  const bool images = config.data.source != DataSource::kCsv && config.model.family != ModelFamily::kMae;
  if (auto misfit = untried_corruption(metric, config.data.corruptions)) {
    return images ? *misfit : "have no images to be told apart when corrupted; choose another metric";
  }
  if (config.data.task == Task::kRegression) {
    if (!metric.ends_with("/accuracy")) return std::nullopt;
    return "learn real numbers (data.task = 'regression'); choose test/rmse or test/loss";
  }
  if (!metric.ends_with("/rmse")) return std::nullopt;
  const bool mae = config.model.family == ModelFamily::kMae;
  return cat(mae ? "rebuild images" : "learn classes", "; choose test/accuracy or test/loss");
}

}  // namespace autonorm::config
