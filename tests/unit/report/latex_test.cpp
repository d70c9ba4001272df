#include "coordinator/report/latex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "coordinator/report/html.h"
#include "tests/unit/report/sample_sweep.h"
#include "tests/unit/server/temporary_folder.h"

namespace autonorm::report {
namespace {

using testing::HasSubstr;
using testing::Not;

ReportData awkward_sweep() {
  ReportData data = sample_sweep();
  for (TrialRow& row : data.trials) {
    if (row.variant == "Teacher") row.variant = R"(50 % & $x_1$ #{a}~^\ <b> "q" |)";
  }
  data.sweep.variants[4] = data.trials.back().variant;
  return data;
}

TEST(Latex, EscapesWhatIsSpecial) {
  EXPECT_EQ(latex_escaped(R"(a_b 5% {x} $ & # ~ ^ \ <)"),
            "a\\_b 5\\% \\{x\\} \\$ \\& \\# \\textasciitilde{} \\textasciicircum{} \\textbackslash{} $<$");
  EXPECT_EQ(latex_escaped("Δ – † ‡ § ∞ ±"), "$\\Delta$ -- $\\dagger$ $\\ddagger$ \\S{} $\\infty$ $\\pm$");
}

// What compiles in every other format must compile here: the document is set by pdflatex where there is one.
TEST(Latex, CompilesWithPdflatex) {
  if (std::system("pdflatex --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "pdflatex is not installed";
  const TemporaryFolder folder;
  for (const std::string graphics : {"", "\\usepackage{graphicx}\n"}) {
    for (const bool trials : {false, true}) {
      std::ofstream(folder.path() / "report.tex")
          << "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{booktabs}\n"
          << graphics << "\\begin{document}\n"
          << rendered(awkward_sweep(), {Format::kLatex, trials}) << "\\end{document}\n";
      const std::string command =
          "cd '" + folder.path().string() + "' && pdflatex -halt-on-error -interaction=nonstopmode report >log 2>&1";
      EXPECT_EQ(std::system(command.c_str()), 0);
      EXPECT_TRUE(std::filesystem::exists(folder.path() / "report.pdf"));
      if (graphics.empty()) continue;
      std::ifstream log(folder.path() / "log");
      const std::string text((std::istreambuf_iterator<char>(log)), {});
      EXPECT_THAT(text, Not(HasSubstr("Overfull"))) << "no table is wider than the page";
    }
  }
}

// A table is pasted without what stands around it.
TEST(Latex, EveryTableSaysWhatItStandsOn) {
  ReportOptions options{Format::kLatex};
  options.selection.alpha = 0.1;
  std::string text = rendered(unfinished_sweep(), options);
  size_t tables = 0;
  for (size_t end; (end = text.find("\\end{table}")) != std::string::npos; text.erase(0, end + 1), ++tables) {
    const std::string table = text.substr(text.rfind("\\begin{table}", end), end);
    EXPECT_THAT(table, HasSubstr("POST HOC: alpha 0.1 instead of 0.05"));
    EXPECT_THAT(table, HasSubstr("interim: 16 of 24 trials finished"));
  }
  EXPECT_EQ(tables, 4u);
}

TEST(Latex, EveryRowHasTheColumnsOfItsTable) {
  const std::string text = rendered(awkward_sweep(), {Format::kLatex});
  EXPECT_THAT(text, HasSubstr("\\begin{tabular}{@{}llrrrrrrrrrrl@{}}"));
  EXPECT_THAT(text, HasSubstr("\\toprule"));
  EXPECT_THAT(text, HasSubstr("50 \\% \\& \\$x\\_1\\$ \\#\\{a\\}"));
}

TEST(Html, EscapesNamesAndNeedsNothingElse) {
  const std::string text = rendered(awkward_sweep(), {Format::kHtml});
  EXPECT_THAT(text, HasSubstr("50 % &amp; $x_1$ #{a}~^\\ &lt;b&gt; &quot;q&quot; |"));
  EXPECT_THAT(text, Not(HasSubstr("<b>")));
  for (const char* outside : {"http:", "https:", "<script", "<link", "src="})
    EXPECT_THAT(text, Not(HasSubstr(outside)));
}

}  // namespace
}  // namespace autonorm::report
