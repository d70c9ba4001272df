#include "coordinator/plot/chart.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <sstream>

#include "coordinator/report/machine_number.h"
#include "coordinator/report/table.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

constexpr std::array kColours = {"#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};
constexpr std::array kMarkers = {7, 5, 9, 13, 11, 6, 4, 8, 12, 10};  // filled first: circle, square, triangles, diamond
constexpr std::array kDashes = {"solid", "(11,4)", "(11,4,2,4)", "(5,3)", "(2,3)", "(16,3,2,3,2,3)"};

// Frame, ticks and key; then what a chart says itself.
constexpr const char* kStyle =
    "set encoding utf8\n"
    "set border 3 lc rgb '#444444' lw 1\n"
    "set tics nomirror out scale 0.6 textcolor rgb '#222222' font ',11'\n"
    "set grid y lc rgb '#DDDDDD' lt 1 lw 0.7 dt 1\n"
    "set key outside right top vertical Left reverse noenhanced samplen 2.5 spacing 1.15 width 1 font ',11'\n"
    "set style fill transparent solid 0.12 noborder\n"
    "set errorbars small\n"
    "set datafile missing 'NaN'\n";

// Dark blue to light green: the lower part of the viridis map, whose lightness grows evenly.
std::string viridis(double t) {
  static constexpr std::array<std::array<double, 3>, 5> kStops = {
      {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {190, 205, 35}}};
  const double position = t * static_cast<double>(kStops.size() - 1);
  const auto below = std::min(static_cast<size_t>(position), kStops.size() - 2);
  const double share = position - static_cast<double>(below);
  char text[8];
  std::array<int, 3> rgb{};
  for (size_t c = 0; c < 3; ++c) {
    rgb[c] = static_cast<int>(std::lround(kStops[below][c] * (1 - share) + kStops[below + 1][c] * share));
  }
  std::snprintf(text, sizeof text, "#%02X%02X%02X", rgb[0] & 0xFF, rgb[1] & 0xFF, rgb[2] & 0xFF);
  return text;
}

// Bytes; so many fit into a picture of usual width, in large and in small letters.
constexpr size_t kTitleWidth = 84, kSubtitleWidth = 100;
constexpr size_t kKeyWidth = 28;  // characters

std::vector<std::string> broken(const std::string& text, size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::string& line = lines.back();
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      lines.push_back(word);
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
  }
  return lines;
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : report::one_line(text)) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::string quoted_label(const std::string& text) {
  std::string out;
  for (const char c : quoted(text)) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

std::string shortened(const std::string& text, size_t most) {
  std::vector<size_t> starts;  // of characters
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) starts.push_back(i);
  }
  if (starts.size() <= most) return text;
  const size_t kept = most - 3, end = kept / 3, begin = kept - end;
  return text.substr(0, starts[begin]) + "..." + text.substr(starts[starts.size() - end]);
}

std::string key_title(const std::string& name) { return quoted(shortened(name, kKeyWidth)); }

std::string number(double value) { return std::isfinite(value) ? report::machine_number(value) : "NaN"; }

std::string file_word(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    out += plain && static_cast<unsigned char>(c) < 0x80 ? c : '_';
  }
  return out;
}

std::string colour(size_t i) { return kColours[i % kColours.size()]; }

std::string line_style(size_t i) {
  return cat("lc rgb '", colour(i), "' lt 1 dt ", kDashes[i % kDashes.size()], " lw ", i == 0 ? "2.4" : "2");
}

std::string marker(size_t i) { return cat("pt ", kMarkers[i % kMarkers.size()], " ps 0.9"); }

std::string point_style(size_t i) { return cat("lc rgb '", colour(i), "' ", marker(i)); }

std::string ordered_line_style(size_t i, size_t of) {
  const double t = of < 2 ? 0 : static_cast<double>(i) / static_cast<double>(of - 1);
  return cat("lc rgb '", viridis(t), "' lt 1 dt ", kDashes[i % 3], " lw 1.8");
}

Chart::Chart(const std::string& title, const std::string& x_label, const std::string& y_label) {
  begin_panel(title, x_label, y_label);
}

void Chart::begin_panel(const std::string& title, const std::string& x_label, const std::string& y_label) {
  panels_.push_back({title});
  command(cat("set xlabel ", quoted(x_label), " noenhanced"));
  command(cat("set ylabel ", quoted(y_label), " noenhanced"));
}

void Chart::next_panel(const std::string& title, const std::string& x_label, const std::string& y_label) {
  begin_panel(title, x_label, y_label);
}

size_t Chart::heading_lines() const {
  size_t most = 0;
  for (const Panel& panel : panels_)
    most = std::max(most, broken(panel.title, kTitleWidth).size() + panel.subtitles.size());
  return most;
}

void Chart::subtitle(const std::string& text) {
  for (std::string& line : broken(text, kSubtitleWidth)) panels_.back().subtitles.push_back(std::move(line));
}

// From the left edge on: a centred title is cut when it is wider than the plot beside its key. gnuplot's own title only
// makes room for all lines.
std::string Chart::Panel::script() const {
  const std::vector<std::string> head = broken(title, kTitleWidth);
  const size_t lines = head.size() + subtitles.size();
  std::string text = "set title \"";
  for (size_t i = 1; i < lines; ++i) text += " \\n";
  text += " \"\n";
  for (size_t i = 0; i < lines; ++i) {
    const bool large = i < head.size();
    text += cat("set label ", i + 1, ' ', quoted(large ? head[i] : subtitles[i - head.size()]),
                " at screen 0.015, graph 1 left offset 0, character ", lines - i, " noenhanced",
                large ? "" : " font ',11' textcolor rgb '#444444'", '\n');
  }
  for (const std::string& line : commands) text += line + "\n";
  text += "plot " + join(elements, ", \\\n     ") + "\n";
  for (size_t i = 2; i <= lines; ++i) text += cat("unset label ", i, '\n');
  return text;
}

std::string Chart::block(const std::vector<std::string>& rows) {
  const std::string name = cat("$d", blocks_.size() + 1);
  std::string text = name + " << EOD\n";
  for (const std::string& row : rows) text += row + "\n";
  blocks_.push_back(text + "EOD\n");
  return name;
}

std::string Chart::script(int columns) const {
  std::string text = kStyle;
  for (const std::string& block : blocks_) text += block;
  const int count = static_cast<int>(panels_.size());
  if (count > 1) text += cat("set multiplot layout ", (count + columns - 1) / columns, ",", columns, "\n");
  for (const Panel& panel : panels_) text += panel.script();
  return count > 1 ? text + "unset multiplot\n" : text;
}

}  // namespace autonorm::plot
