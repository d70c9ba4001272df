// Writes gnuplot scripts in one style: colours of Okabe & Ito (2008) that colour-blind readers tell apart, and with
// them a line style and a marker of its own for each series, so that a black-and-white print can be read too.
#pragma once
#include <string>
#include <vector>

namespace autonorm::plot {

// Text as a gnuplot string; line breaks become blanks.
std::string quoted(const std::string& text);
// The same for a label of an axis, where gnuplot takes % for a format.
std::string quoted_label(const std::string& text);
// At most so many characters (of UTF-8, whole ones): beginning and end, which tell names apart, with "..." between.
// `most` > 3.
std::string shortened(const std::string& text, size_t most);
// The title of a series in the key, as a gnuplot string: short enough to leave the plot its room.
std::string key_title(const std::string& name);
// A number as gnuplot reads it, with full precision; "NaN" where there is none, which leaves a gap.
std::string number(double value);
// `text` as part of a file name: everything but letters, digits, '-', '_' and '.' becomes '_'.
std::string file_word(const std::string& text);

// Style i of a series: 0 is black, solid and a circle, for the baseline.
std::string line_style(size_t i);   // "lc rgb '#0072B2' lt 1 dt 2 lw 2"
std::string marker(size_t i);       // "pt 5 ps 0.9"
std::string point_style(size_t i);  // "lc rgb '#0072B2' pt 5 ps 0.9"
std::string colour(size_t i);       // "#0072B2"
// Of many ordered things (layers of a network): from dark to light, `of` steps, readable on white.
std::string ordered_line_style(size_t i, size_t of);

class Chart {
 public:
  explicit Chart(const std::string& title, const std::string& x_label, const std::string& y_label);

  // Below the title of the panel that is begun, small: what the picture shows and how to read it. Long ones are broken.
  void subtitle(const std::string& text);
  void command(const std::string& line) { panels_.back().commands.push_back(line); }
  // Adds a data block; its name is for draw(). Fields are separated by blanks: numbers by number(), texts by quoted().
  std::string block(const std::vector<std::string>& rows);
  // One element of the plot command, e.g. "$d1 using 1:2 with lines title 'a'".
  void draw(const std::string& element) { panels_.back().elements.push_back(element); }
  // Of the panel that has most above its plot: title and subtitles as they are broken.
  size_t heading_lines() const;
  bool empty() const { return panels_.back().elements.empty(); }
  // Starts the next panel of a picture with several: `commands` and elements so far are one panel.
  void next_panel(const std::string& title, const std::string& x_label, const std::string& y_label);

  // `columns`: of panels; 1 for a single one.
  std::string script(int columns = 1) const;

 private:
  struct Panel {
    std::string title;
    std::vector<std::string> subtitles = {}, commands = {}, elements = {};
    std::string script() const;
  };
  void begin_panel(const std::string& title, const std::string& x_label, const std::string& y_label);

  std::vector<std::string> blocks_;
  std::vector<Panel> panels_;  // the last one is being filled
};

}  // namespace autonorm::plot
