// A picture before it is drawn: a gnuplot script that carries its data, and the same data as a table for other tools.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "coordinator/report/comparison.h"
#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"
#include "coordinator/report/tidy.h"

namespace autonorm::plot {

struct Figure {
  std::string kind = {};          // of registry.h, which fills it in
  std::string name;               // file name without its ending: letters, digits, '-', '_', '.'
  std::string title;              // for people: the caption in the html report and on the command line
  std::string note = {};          // what the reader must be told beside it; mostly empty
  report::TidyTable data;         // what is drawn, one row per point, columns with names
  std::string script;             // gnuplot commands without terminal and output
  int width = 800, height = 500;  // CSS pixels
};

// What pictures are made from. References outlive it. `standing` is filled by draw() of registry.h.
struct PlotInput {
  const report::ReportData& data;  // as selected
  const report::Comparison& comparison;
  const std::map<TrialId, report::TrialHistory>& histories;  // of the selected trials; empty unless a kind needs them
  std::vector<std::string> standing = {};                    // what every picture must say of itself: interim, post hoc
};

// One kind of picture: one file, one row of registry.cpp.
struct PlotKind {
  const char* name;
  const char* help;  // for --help and the README
  bool needs_histories;
  const char* needs;                                    // what a sweep without such pictures lacks
  std::vector<Figure> (*draw)(const PlotInput& input);  // none when the sweep has nothing of it to show
};

}  // namespace autonorm::plot
