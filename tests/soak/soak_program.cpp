#include "tests/soak/soak_program.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <optional>
#include <span>

namespace autonorm::soak {
namespace {

constexpr size_t kFailuresShown = 20;

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<Options> read_options(std::span<char*> words) {
  Options options;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--full") {
      options.full = true;
      continue;
    }
    const std::string_view value = ++i < words.size() ? words[i] : "";
    const bool known = word == "--count"  ? read_number(value, options.count)
                       : word == "--seed" ? read_number(value, options.seed)
                                          : false;
    if (!known) return std::nullopt;
  }
  return options.count >= 1 ? std::optional(options) : std::nullopt;
}

}  // namespace

int run_program(int argument_count, char** arguments, std::string_view title,
                const std::function<Outcome(const Options&)>& body) {
  const auto options = read_options(std::span(arguments, static_cast<size_t>(argument_count)));
  if (!options) {
    std::cerr << title << "\nusage: " << arguments[0]
              << " --count N [--seed S] [--full]   (N at least 1; S is 1 unless given; --full: specified times must "
                 "hold, too)\n";
    return 2;
  }
  const Outcome outcome = body(*options);
  for (size_t i = 0; i < std::min(outcome.failures.size(), kFailuresShown); ++i) {
    std::cout << "seed " << options->seed << ": " << outcome.failures[i] << '\n';
  }
  std::cout << title << ": " << outcome.counts;
  if (!outcome.failures.empty())
    std::cout << "; FAILED " << outcome.failures.size() << " times, --seed " << options->seed;
  std::cout << std::endl;
  return outcome.failures.empty() ? 0 : 1;
}

}  // namespace autonorm::soak
