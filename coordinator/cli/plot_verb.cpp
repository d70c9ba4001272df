#include <filesystem>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/figures.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/plot/gnuplot.h"
#include "core/base/durable_file.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

namespace fs = std::filesystem;

// `caption`: what people must know to read the file; empty when another file of the figure has it.
Status write(const fs::path& path, const std::string& content, const std::string& caption, Environment& environment) {
  AUTONORM_RETURN_IF_ERROR(write_file_durably(path, content));
  environment.out << path.string() << (caption.empty() ? "" : ": ") << caption << '\n';
  return {};
}

// The numbers, and with --format data also the script that draws them.
Status write_data(const plot::Figure& figure, const Plot& options, Environment& environment) {
  const fs::path base = fs::path(options.out) / figure.name;
  AUTONORM_RETURN_IF_ERROR(write(base.string() + ".csv", report::csv_text(figure.data), "", environment));
  if (options.format != PlotFormat::kData) return {};
  const std::string script = plot::Gnuplot::full_script(figure, plot::ImageFormat::kSvg, figure.name + ".svg");
  return write(base.string() + ".gp", script, caption_of(figure), environment);
}

Status write_pictures(const std::vector<plot::Figure>& figures, const Plot& options, Environment& environment) {
  const bool png = options.format == PlotFormat::kPng;
  const auto gnuplot = plot::Gnuplot::find(environment.search_path);
  if (options.format != PlotFormat::kData && !gnuplot.ok()) return gnuplot.status();
  std::error_code error;
  fs::create_directories(options.out, error);
  if (error) return invalid("cannot make the folder ", options.out, ": ", error.message(), "; name another with --out");
  for (const plot::Figure& figure : figures) {
    AUTONORM_RETURN_IF_ERROR(write_data(figure, options, environment));
    if (options.format == PlotFormat::kData) continue;
    const auto picture = gnuplot->draw(figure, png ? plot::ImageFormat::kPng : plot::ImageFormat::kSvg);
    if (!picture.ok()) return picture.status();
    const fs::path path = fs::path(options.out) / (figure.name + (png ? ".png" : ".svg"));
    AUTONORM_RETURN_IF_ERROR(write(path, *picture, caption_of(figure), environment));
  }
  return {};
}

Status draw(const Plot& options, const std::string& coordinator, Environment& environment) {
  const auto kinds = plot::kinds_named(options.kinds);
  if (!kinds.ok()) return kinds.status();
  const auto archive = open_archive(options.place, coordinator, environment);
  if (!archive.ok()) return archive.status();
  const auto figures = read_figures(**archive, options.sweep, options.how, *kinds);
  if (!figures.ok()) return figures.status();
  // Whoever asks for all kinds takes what there is; what was asked for by name is missed.
  if (!options.kinds.empty()) {
    for (const std::string& line : plot::undrawn(*kinds, *figures)) environment.err << line << '\n';
    environment.err << std::flush;
  }
  return write_pictures(*figures, options, environment);
}

}  // namespace

int plot(const Plot& options, const std::string& coordinator, Environment& environment) {
  const Status status = draw(options, coordinator, environment);
  environment.out << std::flush;
  return status.ok() ? kOk : fail(environment, status);
}

}  // namespace autonorm::cli
