// The report as one HTML file that needs nothing else: no script, no font, no network.
#pragma once
#include <string>

#include "coordinator/report/document.h"

namespace autonorm::report {

// Where pictures go; a comment of the page until then.
inline constexpr const char* kFiguresPlace = "<!-- pictures -->\n";

std::string html_text(const Document& document);
// Text as it stands in an element or a quoted attribute; bytes that are not UTF-8 are the browser's to replace.
std::string html_escaped(const std::string& text);

}  // namespace autonorm::report
