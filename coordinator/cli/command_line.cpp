#include "coordinator/cli/command_line.h"

#include <algorithm>
#include <utility>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/verb_list.h"
#include "coordinator/server/version.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

ParsedLine usage_error(const std::string& message, const std::string& verb) {
  return {.invocation = std::nullopt,
          .text = cat("coordinator", verb.empty() ? "" : " " + verb, ": ", message, "\nsee: coordinator ",
                      verb.empty() ? "" : verb + " ", "--help\n"),
          .exit_code = kUsage};
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  return near.empty() ? "" : cat("; did you mean '", near, "'?");
}

// What the library did not understand: a flag with a typing error, or an argument too many.
std::string explain_extra(const CLI::App& verb, const std::string& extra) {
  if (!extra.starts_with('-')) return cat("unexpected argument '", extra, "'");
  std::vector<std::string> flags;
  for (const CLI::Option* option : verb.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  }
  const std::string word = extra.substr(0, extra.find('='));
  return cat("unknown flag '", word, "'", suggestion(word, flags), "\nallowed here: ", join(flags));
}

// The first argument that neither the program nor the verb knows; empty when all were understood.
std::string unknown_argument(const CLI::App& app, const Verb* verb) {
  if (!app.remaining().empty()) return app.remaining().front();
  return verb && !verb->app->remaining().empty() ? verb->app->remaining().front() : "";
}

void describe(CLI::App& app) {
  app.set_version_flag("--version", "coordinator " + std::string(server::kBuildVersion));
  app.footer(
      cat("Start with: coordinator run sweeps/quickstart.toml --workers 2\n",
          "AUTONORM_COORDINATOR and AUTONORM_STATE replace the defaults of --coordinator, --listen and --state; ",
          "flags win.\n", kExitCodes));
  app.get_formatter()->column_width(16);
  app.allow_extras();  // so that we can name the nearest flag ourselves
}

}  // namespace

ParsedLine parse_command_line(const std::vector<std::string>& arguments, const Defaults& defaults) {
  CLI::App app("Runs ablation sweeps of normalization layers: one file in, one table out.", "coordinator");
  describe(app);
  VerbList verbs(app, defaults);
  if (arguments.empty()) return {.invocation = std::nullopt, .text = app.help(), .exit_code = kUsage};
  const auto names = verbs.names();
  const auto& first = arguments.front();
  if (!first.starts_with('-') && std::ranges::find(names, first) == names.end()) {
    return usage_error(cat("unknown verb '", first, "'", suggestion(first, names), "\nverbs: ", join(names)), "");
  }
  std::string problem;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as the library wants them
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    const Verb* verb = verbs.chosen();
    return {.invocation = std::nullopt, .text = verb ? verb->app->help("coordinator") : app.help(), .exit_code = kOk};
  } catch (const CLI::CallForVersion& version) {
    return {.invocation = std::nullopt, .text = cat(version.what(), "\n"), .exit_code = kOk};
  } catch (const CLI::ParseError& error) {
    problem = error.what();
  }
  const Verb* verb = verbs.chosen();
  const std::string unknown = unknown_argument(app, verb);
  if (!unknown.empty()) problem = explain_extra(app.remaining().empty() && verb ? *verb->app : app, unknown);
  if (problem.empty() && !verb) problem = "which verb? " + join(names);
  if (!problem.empty()) return usage_error(problem, verb ? verb->app->get_name() : "");
  return {.invocation = Invocation{verb->command(), verbs.coordinator()}, .text = "", .exit_code = kOk};
}

}  // namespace autonorm::cli
