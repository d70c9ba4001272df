#include "coordinator/report/html.h"

namespace autonorm::report {
namespace {

// A verdict stands at the end of its row: the table fits a laptop's width, and where it is scrolled the variant stays.
// Pictures keep a size at which they can be read.
constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:90rem;margin:2rem auto;padding:0 "
    "1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92em}"
    "th,td{padding:.25rem .5rem;text-align:left;white-space:nowrap;border-color:#1a1a1a}"
    "@media(min-width:50rem){tbody th{position:sticky;left:0;background:#fff}}"
    "thead th{border-top:2px solid;border-bottom:1px solid}tbody tr:last-child>*{border-bottom:2px solid #1a1a1a}"
    ".right{text-align:right}.strong{font-weight:bold}.alarm{color:#b00020}.faint{color:#5a5a5a}"
    "figure{margin:1.5rem 0;break-inside:avoid;overflow-x:auto}"
    "figure svg{max-width:100%;min-width:40rem;height:auto}figcaption{font-size:.9rem}"
    "footer{margin-top:2rem;font-size:.9rem}"
    "@media print{body{max-width:none;margin:0}section{break-inside:avoid}table{font-size:7pt}"
    "th,td{padding:.1rem .3rem}.scroll,figure{overflow:visible}}";

const char* css_class(Emphasis emphasis) {
  switch (emphasis) {
    case Emphasis::kNone:
      return "";
    case Emphasis::kStrong:
      return "strong";
    case Emphasis::kAlarm:
      return "alarm";
    case Emphasis::kFaint:
      return "faint";
  }
  return "";
}

std::string opening_tag(const std::string& name, Align align, Emphasis emphasis) {
  std::string classes = align == Align::kRight ? "right" : "";
  const std::string look = css_class(emphasis);
  if (!look.empty()) classes += (classes.empty() ? "" : " ") + look;
  return "<" + name + (classes.empty() ? "" : " class=\"" + classes + "\"") + ">";
}

std::string table_html(const Table& table) {
  std::string text = "<div class=\"scroll\"><table>\n<thead><tr>";
  for (size_t i = 0; i < table.header.size(); ++i) {
    text += opening_tag("th scope=\"col\"", table.align[i], Emphasis::kNone) + html_escaped(table.header[i]) + "</th>";
  }
  text += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    text += "<tr>";
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string name = i == 0 ? "th" : "td";
      text += opening_tag(i == 0 ? "th scope=\"row\"" : name, table.align[i], row[i].emphasis) +
              html_escaped(row[i].text) + "</" + name + ">";
    }
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

}  // namespace

std::string html_escaped(const std::string& text) {
  std::string out;
  for (const char c : one_line(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string html_text(const Document& document) {
  const std::string title = html_escaped(document.title);
  std::string text = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  text += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" + title + "</title>\n";
  text += std::string("<style>") + kStyle + "</style>\n</head>\n<body>\n<h1>" + title + "</h1>\n";
  for (const std::string& line : document.preamble) text += "<p>" + html_escaped(line) + "</p>\n";
  for (const Section& section : document.sections) {
    text += "<section>\n<h2>" + html_escaped(section.heading) + "</h2>\n" + table_html(section.table) + "</section>\n";
  }
  text += kFiguresPlace;
  if (!document.footnotes.empty()) text += "<footer>\n";
  for (const std::string& note : document.footnotes) text += "<p>" + html_escaped(note) + "</p>\n";
  if (!document.footnotes.empty()) text += "</footer>\n";
  return text + "</body>\n</html>\n";
}

}  // namespace autonorm::report
