#include "worker/trainer/options.h"

#include <charconv>

#include "worker/trainer/argument_reader.h"
#include "worker/trainer/help_text.h"

namespace autonorm::trainer {
namespace {

ArgumentReader::Handler whole_number(int& target) {
  return [&target](const std::string& value) -> std::string {
    const char* end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, target);
    return error == std::errc() && at == end && target >= 0 ? "" : "expected a whole number";
  };
}

Result<Options> parse_run(std::span<const std::string> arguments) {
  RunOptions options;
  ArgumentReader reader;
  reader.flag("--resume", [&] { options.resume = true; });
  reader.flag("--quiet", [&] { options.quiet = true; });
  reader.option("--output", [&](const std::string& value) { return options.output = value, std::string(); });
  reader.option("--device", [&](const std::string& value) { return options.device = value, std::string(); });
  reader.option("--data", [&](const std::string& value) { return options.data.emplace_back(value), std::string(); });
  reader.option("--input", [&](const std::string& value) -> std::string {
    const size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0) return "expected STAGE=FOLDER";
    options.inputs[value.substr(0, equals)] = value.substr(equals + 1);
    return "";
  });
  const auto words = reader.read(arguments);
  if (!words.ok()) return words.status();
  if (words->size() != 1)
    return invalid("'trainer run' needs one configuration file, found ", words->size(),
                   "; example: trainer run trial.json");
  options.config = words->front();
  return Options(options);
}

Result<Options> parse_serve(std::span<const std::string> arguments) {
  ServeOptions options;
  RelayDescriptors relay;
  ArgumentReader reader;
  reader.option("--parent", whole_number(options.parent));
  reader.option("--in", whole_number(options.in));
  reader.option("--out", whole_number(options.out));
  reader.option("--relay", whole_number(relay.segment));
  reader.option("--relay-request", whole_number(relay.request));
  reader.option("--relay-completion", whole_number(relay.completion));
  const auto words = reader.read(arguments);
  if (!words.ok()) return words.status();
  if (!words->empty()) return invalid("'trainer serve' takes no positional argument, found '", words->front(), "'");
  if (options.parent <= 0 || options.in < 0 || options.out < 0)
    return invalid("'trainer serve' needs --parent, --in and --out; it is started by worker");
  const int given = (relay.segment >= 0) + (relay.request >= 0) + (relay.completion >= 0);
  if (given != 0 && given != 3) return invalid("--relay, --relay-request and --relay-completion go together");
  if (given == 3) options.relay = relay;
  return Options(options);
}

Result<Options> parse_probe(std::span<const std::string> arguments) {
  ProbeOptions options;
  ArgumentReader reader;
  reader.flag("--names", [&] { options.names = true; });
  const auto words = reader.read(arguments);
  if (!words.ok()) return words.status();
  const size_t needed = options.names ? 1 : 3;
  if (words->size() != needed) {
    return invalid("'trainer probe' needs SPEC.json IN.safetensors OUT.safetensors, or --names SPEC.json; found ",
                   words->size(), " files");
  }
  options.spec = words->at(0);
  if (!options.names) {
    options.in = words->at(1);
    options.out = words->at(2);
  }
  return Options(options);
}

Result<Options> parse_fold(std::span<const std::string> arguments) {
  FoldOptions options;
  ArgumentReader reader;
  reader.option("--data", [&](const std::string& value) { return options.data.emplace_back(value), std::string(); });
  const auto words = reader.read(arguments);
  if (!words.ok()) return words.status();
  if (words->size() != 2)
    return invalid("'trainer fold' needs the folder of a checkpoint and one to write to; found ", words->size(),
                   " folders; example: trainer fold runs/by-hand/3f2a/checkpoints/step-220 folded");
  options.checkpoint = words->at(0);
  options.out = words->at(1);
  return Options(options);
}

}  // namespace

Result<Options> parse_options(std::span<const std::string> arguments) {
  const std::vector<std::string> verbs{"run", "serve", "probe", "fold"};
  if (arguments.empty()) return invalid("a verb is missing; one of ", join(verbs), " (see trainer --help)");
  for (const std::string& word : arguments) {
    if (word == "--help" || word == "-h") return Options(ShowText{help_text()});
  }
  const std::string& verb = arguments.front();
  const auto rest = arguments.subspan(1);
  if (verb == "--version") return Options(ShowText{version_text()});
  if (verb == "run") return parse_run(rest);
  if (verb == "serve") return parse_serve(rest);
  if (verb == "probe") return parse_probe(rest);
  if (verb == "fold") return parse_fold(rest);
  const std::string near = nearest(verb, verbs);
  return invalid("unknown verb '", verb, "'", near.empty() ? "" : "; did you mean " + near + "?", " One of ",
                 join(verbs));
}

}  // namespace autonorm::trainer
