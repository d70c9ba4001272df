// The report as LaTeX: one booktabs table per section, to be pasted into a paper.
#pragma once
#include <string>

#include "coordinator/report/document.h"

namespace autonorm::report {

// A fragment without preamble; its first line, a comment, names the packages that it needs. Ends in a newline.
std::string latex_text(const Document& document);
// Characters that LaTeX treats specially, and the signs that reports use, as commands.
std::string latex_escaped(const std::string& text);

}  // namespace autonorm::report
