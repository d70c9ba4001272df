#include "coordinator/cli/archive.h"
#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/figures.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/report/html.h"
#include "coordinator/report/render.h"
#include "coordinator/report/sweep_pair.h"

namespace autonorm::cli {
namespace {

// A page without pictures is still the report: what they lack is said on `err`.
std::string illustrated(std::string html, Archive& archive, const Report& options, Environment& environment) {
  const auto pictures = read_page_pictures(archive, options.sweep, options.how);
  const auto page =
      pictures.ok() ? with_figures(html, *pictures, environment.search_path) : Result<std::string>(pictures.status());
  if (page.ok()) return *page;
  environment.err << "no pictures in this report: " << page.status().message() << std::endl;
  return html;
}

// A from the one, B from the other database.
Result<std::string> compare_databases(Archive& archive, const Report& options, const report::ReportOptions& how) {
  const auto other = open_database(*options.other_db);
  if (!other.ok()) return other.status();
  auto first = archive.read_sweep(options.compare[0]);
  if (!first.ok()) return first.status();
  auto second = (*other)->read_sweep(options.compare[1]);
  if (!second.ok()) return second.status().with_context(*options.other_db);
  second->data.sweep.origin = *options.other_db;
  const auto pair = report::pair_sweeps(first->data, second->data);
  if (!pair.ok()) return pair.status();
  return report::render(*pair, how);
}

}  // namespace

int report(const Report& options, const std::string& coordinator, Environment& environment) {
  report::ReportOptions how = options.how;
  how.colour = environment.colour && how.format == report::Format::kText;
  const auto archive = open_archive(options.place, coordinator, environment);
  if (!archive.ok()) return fail(environment, archive.status());
  auto text = options.other_db ? compare_databases(**archive, options, how)
                               : (*archive)->report(options.sweep, how, options.compare);
  if (!text.ok()) return fail(environment, text.status());
  const bool page = how.format == report::Format::kHtml && text->find(report::kFiguresPlace) != std::string::npos;
  if (page && options.compare.empty() && !how.trials)
    *text = illustrated(*std::move(text), **archive, options, environment);
  environment.out << *text << std::flush;
  return kOk;
}

}  // namespace autonorm::cli
