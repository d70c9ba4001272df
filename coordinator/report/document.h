// The report for people: headings, tables and footnotes, before they become text or Markdown.
#pragma once
#include <string>
#include <vector>

#include "coordinator/report/comparison.h"
#include "coordinator/report/report_data.h"
#include "coordinator/report/table.h"

namespace autonorm::report {

struct Section {
  std::string heading;
  Table table;
};
struct Document {
  std::string title;
  std::vector<std::string> preamble;  // question, how far the sweep is
  std::vector<std::string> standing;  // lines of it that go where a table goes: registered or post hoc, interim
  std::vector<Section> sections;
  std::vector<std::string> footnotes;
};

// Per cell the primary metric against the baseline, then the other metrics worth a glance; footnotes name test,
// confidence level and correction, and count unclean pairs.
Document comparison_document(const ReportData& data, const Comparison& comparison);
// One row per trial and label.
Document trials_document(const ReportData& data);

// "18 trials: 16 succeeded, 1 failed, 1 diverged", or "interim: 12 of 18 trials finished" with what the others wait
// for.
std::string progress_text(const ReportData& data);

}  // namespace autonorm::report
