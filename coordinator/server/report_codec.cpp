#include "coordinator/server/report_codec.h"

#include <string>

#include "coordinator/report/words.h"

namespace autonorm::server {
namespace {

template <class Words, class Value>
Status read_word(const Words& words, const char* what, const std::string& text, Value& value) {
  const auto known = report::parse_word(words, text);
  if (!known) return invalid("unknown ", what, " '", text, "'; allowed are ", report::listed_words(words));
  value = *known;
  return {};
}

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

void encode(const report::ReportOptions& options, v1::ReportRequest& wire) {
  wire.set_format(std::string(report::word_of(report::kFormatWords, options.format)));
  wire.set_interval(std::string(report::word_of(report::kIntervalWords, options.interval)));
  wire.set_test(std::string(report::word_of(report::kTestWords, options.test)));
  wire.set_trials(options.trials);
  wire.set_colour(options.colour);
  const report::Selection& selection = options.selection;
  for (const auto& variant : selection.variants) wire.add_variants(variant);
  for (const auto& data : selection.data) wire.add_data(data);
  for (const auto& condition : selection.where) wire.add_where(condition);
  wire.set_metric(selection.metric.value_or(""));
  wire.set_baseline(selection.baseline.value_or(""));
  if (selection.alpha) wire.set_alpha(*selection.alpha);
  if (selection.margin) wire.set_margin(*selection.margin);
  wire.set_explain_cell(options.explain_cell);
}

Result<report::ReportOptions> decode_options(const v1::ReportRequest& wire) {
  report::ReportOptions options;
  AUTONORM_RETURN_IF_ERROR(read_word(report::kFormatWords, "report format", wire.format(), options.format));
  if (!wire.interval().empty()) {
    AUTONORM_RETURN_IF_ERROR(read_word(report::kIntervalWords, "interval", wire.interval(), options.interval));
  }
  if (!wire.test().empty()) {
    AUTONORM_RETURN_IF_ERROR(read_word(report::kTestWords, "test", wire.test(), options.test));
  }
  options.trials = wire.trials();
  options.colour = wire.colour();
  report::Selection& selection = options.selection;
  selection.variants.assign(wire.variants().begin(), wire.variants().end());
  selection.data.assign(wire.data().begin(), wire.data().end());
  selection.where.assign(wire.where().begin(), wire.where().end());
  selection.metric = unless_empty(wire.metric());
  selection.baseline = unless_empty(wire.baseline());
  if (wire.has_alpha()) selection.alpha = wire.alpha();
  if (wire.has_margin()) selection.margin = wire.margin();
  options.explain_cell = wire.explain_cell();
  return options;
}

}  // namespace autonorm::server
