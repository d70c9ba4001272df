#include "worker/trainer/argument_reader.h"

namespace autonorm::trainer {

void ArgumentReader::flag(const std::string& name, std::function<void()> handler) {
  entries_[name] = {false, [handler = std::move(handler)](const std::string&) {
                      handler();
                      return std::string();
                    }};
}

void ArgumentReader::option(const std::string& name, Handler handler) { entries_[name] = {true, std::move(handler)}; }

Status ArgumentReader::unknown(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [known, entry] : entries_) names.push_back(known);
  const std::string near = nearest(name, names);
  return invalid("unknown flag ", name, near.empty() ? "" : "; did you mean " + near + "?", " Allowed: ", join(names));
}

Result<std::vector<std::string>> ArgumentReader::read(std::span<const std::string> arguments) const {
  std::vector<std::string> words;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!word.starts_with("--")) {
      words.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return unknown(name);
    std::string value;
    if (equals != std::string::npos) {
      if (!entry->second.takes_value) return invalid(name, " takes no value");
      value = word.substr(equals + 1);
    } else if (entry->second.takes_value) {
      if (i + 1 == arguments.size()) return invalid(name, " needs a value");
      value = arguments[++i];
    }
    if (const std::string problem = entry->second.handler(value); !problem.empty())
      return invalid(name, " ", value, ": ", problem);
  }
  return words;
}

}  // namespace autonorm::trainer
