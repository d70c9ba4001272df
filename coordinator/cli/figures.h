// Pictures of a sweep for the verbs that draw: reads what the kinds need and draws it.
#pragma once
#include <string>
#include <vector>

#include "coordinator/cli/archive.h"
#include "coordinator/plot/registry.h"

namespace autonorm::cli {

// `how`: what of the sweep, and how it is compared.
Result<std::vector<plot::Figure>> read_figures(Archive& archive, const std::string& sweep,
                                               const report::ReportOptions& how,
                                               const std::vector<const plot::PlotKind*>& kinds);

// Title and note.
std::string caption_of(const plot::Figure& figure);

// What a page can show: all kinds of pictures, of the first cells where there are too many.
struct PagePictures {
  std::vector<plot::Figure> figures;
  std::string note;  // which cells are shown; empty = all
};
Result<PagePictures> read_page_pictures(Archive& archive, const std::string& sweep, const report::ReportOptions& how);

// The page of report::html_text with the pictures in it, as inline SVG, so that it needs nothing else.
Result<std::string> with_figures(std::string html, const PagePictures& pictures, const std::string& search_path);

}  // namespace autonorm::cli
