#include "coordinator/report/latex.h"

#include <array>
#include <string_view>
#include <utility>

namespace autonorm::report {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;
constexpr auto kCommands = std::to_array<Replacement>({
    {"\\", "\\textbackslash{}"},
    {"&", "\\&"},
    {"%", "\\%"},
    {"$", "\\$"},
    {"#", "\\#"},
    {"_", "\\_"},
    {"{", "\\{"},
    {"}", "\\}"},
    {"~", "\\textasciitilde{}"},
    {"^", "\\textasciicircum{}"},
    {"<", "$<$"},
    {">", "$>$"},
    {"\"", "\\textquotedbl{}"},
    {"|", "\\textbar{}"},
    {"Δ", "$\\Delta$"},
    {"α", "$\\alpha$"},
    {"±", "$\\pm$"},
    {"∞", "$\\infty$"},
    {"–", "--"},
    {"†", "$\\dagger$"},
    {"‡", "$\\ddagger$"},
    {"§", "\\S{}"},
    {"×", "$\\times$"},
});

// A number's sign is a minus in print, not a hyphen.
std::string cell_latex(const TableCell& cell, Align align) {
  std::string text = latex_escaped(cell.text);
  if (align == Align::kRight && !text.empty() && text.find_first_of("0123456789") != std::string::npos) {
    for (size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 3) text.replace(at, 1, "$-$");
  }
  return cell.emphasis == Emphasis::kStrong ? "\\textbf{" + text + "}" : text;
}

// Statistics are set as symbols.
std::string heading_latex(const std::string& heading) {
  if (heading == "d_z") return "$d_z$";
  if (heading == "p") return "$p$";
  if (heading.starts_with("p (")) return "$p$" + latex_escaped(heading.substr(1));
  return latex_escaped(heading);
}

std::string row_latex(const std::vector<TableCell>& cells, const Table& table) {
  std::string line = "  ";
  for (size_t i = 0; i < cells.size(); ++i) line += (i > 0 ? " & " : "") + cell_latex(cells[i], table.align[i]);
  return line + " \\\\\n";
}

// A table that is wider than the line shrinks to it.
constexpr std::string_view kFitted = "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}";

std::string table_latex(const Section& section, const std::vector<std::string>& notes) {
  std::string text = "\n\\begin{table}[htbp]\n\\centering\\footnotesize\\setlength{\\tabcolsep}{3.5pt}\n\\caption{" +
                     latex_escaped(section.heading) + "}\n";
  text += std::string(kFitted) + "{%\n\\begin{tabular}{@{}";
  for (const Align align : section.table.align) text += align == Align::kRight ? 'r' : 'l';
  text += "@{}}\n  \\toprule\n  ";
  for (size_t i = 0; i < section.table.header.size(); ++i) {
    text += (i > 0 ? " & " : "") + heading_latex(section.table.header[i]);
  }
  text += " \\\\\n  \\midrule\n";
  for (const auto& row : section.table.rows) text += row_latex(row, section.table);
  text += "  \\bottomrule\n\\end{tabular}}\n";
  for (const std::string& note : notes) text += "\\par\\smallskip\\raggedright " + latex_escaped(note) + "\n";
  return text + "\\end{table}\n";
}

}  // namespace

std::string latex_escaped(const std::string& text) {
  const std::string line = one_line(text);
  std::string out;
  for (size_t at = 0; at < line.size();) {
    const std::string_view rest = std::string_view(line).substr(at);
    size_t taken = 1;
    std::string_view command = rest.substr(0, 1);
    for (const auto& [sign, replacement] : kCommands) {
      if (!rest.starts_with(sign)) continue;
      command = replacement;
      taken = sign.size();
      break;
    }
    out += command;
    at += taken;
  }
  return out;
}

std::string latex_text(const Document& document) {
  std::string text =
      "% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}; \\usepackage{graphicx} shrinks tables that are "
      "wider than the line\n";
  text += "% " + one_line(document.title) + "\n";
  for (const std::string& line : document.preamble) text += "% " + one_line(line) + "\n";
  text += "\\providecommand{\\resizebox}[3]{#3}\n";  // without graphicx they stay as they are
  for (const Section& section : document.sections) text += table_latex(section, document.standing);
  if (document.footnotes.empty()) return text;
  text += "\n\\begin{flushleft}\\footnotesize\n";
  for (const std::string& note : document.footnotes) text += latex_escaped(note) + "\\par\n";
  return text + "\\end{flushleft}\n";
}

}  // namespace autonorm::report
