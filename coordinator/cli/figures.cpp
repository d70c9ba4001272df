#include "coordinator/cli/figures.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coordinator/plot/gnuplot.h"
#include "coordinator/report/comparison.h"
#include "coordinator/report/html.h"
#include "coordinator/report/selection.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

Result<std::map<TrialId, report::TrialHistory>> read_histories(Archive& archive, const report::ReportData& data) {
  std::set<TrialId> trials;
  for (const report::TrialRow& row : data.trials) trials.insert(row.trial);
  auto histories = archive.histories({trials.begin(), trials.end()});
  if (!histories.ok()) return histories.status();
  std::map<TrialId, report::TrialHistory> by_trial;
  for (report::TrialHistory& history : *histories) by_trial.emplace(history.trial, std::move(history));
  return by_trial;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// gnuplot gives the parts of every picture the same ids; in one page they would be each other's.
std::string inline_svg(std::string svg, size_t number) {
  svg.erase(0, svg.find("<svg"));
  const std::string prefix = cat("f", number, "-");
  replace_all(svg, "id=\"", "id=\"" + prefix);
  replace_all(svg, "id='", "id='" + prefix);
  replace_all(svg, "href='#", "href='#" + prefix);
  replace_all(svg, "href=\"#", "href=\"#" + prefix);
  replace_all(svg, "url(#", "url(#" + prefix);
  return svg;
}

struct Compared {
  report::ReportData data;
  report::Comparison comparison;
};

Result<Compared> read_comparison(Archive& archive, const std::string& sweep, const report::ReportOptions& how) {
  auto read = archive.read_sweep(sweep);
  if (!read.ok()) return read.status();
  auto data = report::select(std::move(read->data), how);
  if (!data.ok()) return data.status();
  report::Comparison comparison = report::compare(*data, how);
  return Compared{*std::move(data), std::move(comparison)};
}

// Verdicts stay what they are among all cells.
void keep_first_cells(Compared& compared, size_t count) {
  compared.comparison.cells.resize(count);
  std::erase_if(compared.data.trials, [&](const report::TrialRow& row) {
    return std::ranges::find(compared.comparison.cells, *row.labels, &report::CellTable::labels) ==
           compared.comparison.cells.end();
  });
}

Result<std::vector<plot::Figure>> draw(Archive& archive, const Compared& compared,
                                       const std::vector<const plot::PlotKind*>& kinds) {
  // Each cell has pictures of its own: refused before all is read and drawn for nothing.
  const bool by_cell = std::ranges::any_of(kinds, &plot::PlotKind::needs_histories);
  if (by_cell && compared.comparison.cells.size() > plot::kMostFigures) return plot::too_many_figures();
  std::map<TrialId, report::TrialHistory> histories;
  if (by_cell) {
    auto found = read_histories(archive, compared.data);
    if (!found.ok()) return found.status();
    histories = *std::move(found);
  }
  return plot::draw(kinds, {compared.data, compared.comparison, histories});
}

}  // namespace

std::string caption_of(const plot::Figure& figure) {
  return figure.note.empty() ? figure.title : cat(figure.title, "; ", figure.note);
}

Result<std::vector<plot::Figure>> read_figures(Archive& archive, const std::string& sweep,
                                               const report::ReportOptions& how,
                                               const std::vector<const plot::PlotKind*>& kinds) {
  const auto compared = read_comparison(archive, sweep, how);
  if (!compared.ok()) return compared.status();
  return draw(archive, *compared, kinds);
}

Result<PagePictures> read_page_pictures(Archive& archive, const std::string& sweep, const report::ReportOptions& how) {
  const auto all_kinds = plot::kinds_named({});
  auto compared = read_comparison(archive, sweep, how);
  if (!compared.ok()) return compared.status();
  const size_t all = compared->comparison.cells.size();
  auto figures = draw(archive, *compared, *all_kinds);
  for (const size_t shown : {size_t{20}, size_t{5}, size_t{1}}) {
    if (figures.ok() || shown >= all) break;
    keep_first_cells(*compared, shown);
    figures = draw(archive, *compared, *all_kinds);
  }
  if (!figures.ok()) return figures.status();
  PagePictures pictures{*std::move(figures), ""};
  const size_t shown = compared->comparison.cells.size();
  if (shown < all) {
    pictures.note = cat("Pictures of the first ", shown, " of ", all, " cells, up to ",
                        report::cell_name(compared->comparison.cells.back().labels, compared->comparison.label_keys),
                        "; `coordinator plot --where KEY=VALUE` draws others.");
  }
  return pictures;
}

Result<std::string> with_figures(std::string html, const PagePictures& pictures, const std::string& search_path) {
  const auto gnuplot = plot::Gnuplot::find(search_path);
  if (!gnuplot.ok()) return gnuplot.status();
  const std::vector<plot::Figure>& figures = pictures.figures;
  std::string section = "<section>\n<h2>pictures</h2>\n";
  if (!pictures.note.empty()) section += "<p>" + report::html_escaped(pictures.note) + "</p>\n";
  for (size_t i = 0; i < figures.size(); ++i) {
    auto svg = gnuplot->draw(figures[i], plot::ImageFormat::kSvg);
    if (!svg.ok()) return svg.status();
    section += "<figure>" + inline_svg(*std::move(svg), i + 1) + "<figcaption>" +
               report::html_escaped(caption_of(figures[i])) + "</figcaption></figure>\n";
  }
  const size_t place = html.find(report::kFiguresPlace);
  if (place == std::string::npos) return internal("the coordinator's html has no place for pictures");
  html.replace(place, std::string_view(report::kFiguresPlace).size(), section + "</section>\n");
  return html;
}

}  // namespace autonorm::cli
