#include "coordinator/cli/command_line.h"

#include <algorithm>
#include <optional>
#include <span>
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

// The first argument that `app` does not know; absent when all were understood.
std::optional<std::string> unknown_argument(const CLI::App& app) {
  auto rest = app.remaining();
  if (const auto mark = std::ranges::find(rest, "--"); mark != rest.end()) rest.erase(mark);  // ends the flags
  return rest.empty() ? std::nullopt : std::optional(rest.front());
}

// The first option that was given an empty value, as $SWEEP leaves it in a script that does not set it; none may have
// one.
std::optional<std::string> empty_option(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (std::ranges::find(option->results(), "") != option->results().end()) return option->get_name();
  }
  return std::nullopt;
}

// What is wrong with `words`, all of them after the verb; empty when nothing is.
std::string parse_words(CLI::App& app, std::span<const std::string> words) {
  std::string problem;
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as the library wants them
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    throw;
  } catch (const CLI::CallForVersion&) {
    throw;
  } catch (const CLI::ParseError& error) {
    problem = error.what();
  }
  if (const auto unknown = unknown_argument(app)) return explain_extra(app, *unknown);
  const auto empty = empty_option(app);
  return problem.empty() && empty ? *empty + " is empty" : problem;
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
  // Only the first word is a verb: behind it, the name of a verb is a value like any other.
  const Verb* verb = verbs.find(first);
  if (!first.starts_with('-') && !verb) {
    return usage_error(cat("unknown verb '", first, "'", suggestion(first, names), "\nverbs: ", join(names)), "");
  }
  std::string problem;
  try {
    problem = parse_words(verb ? *verb->app : app, std::span(arguments).subspan(verb ? 1 : 0));
  } catch (const CLI::CallForHelp&) {
    return {.invocation = std::nullopt, .text = verb ? verb->app->help("coordinator") : app.help(), .exit_code = kOk};
  } catch (const CLI::CallForVersion& version) {
    return {.invocation = std::nullopt, .text = cat(version.what(), "\n"), .exit_code = kOk};
  }
  if (problem.empty() && !verb) problem = "which verb? " + join(names);
  if (!problem.empty()) return usage_error(problem, verb ? first : "");
  return {.invocation = Invocation{verb->command(), verbs.coordinator()}, .text = "", .exit_code = kOk};
}

}  // namespace autonorm::cli
