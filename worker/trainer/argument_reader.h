// Takes flags and positional words off a command line.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace autonorm::trainer {

class ArgumentReader {
 public:
  // `handler` returns "" or what is wrong with the value.
  using Handler = std::function<std::string(const std::string& value)>;

  void flag(const std::string& name, std::function<void()> handler);
  void option(const std::string& name, Handler handler);  // "--name VALUE" or "--name=VALUE"

  // The positional words; kInvalid names the first wrong flag with what is allowed.
  Result<std::vector<std::string>> read(std::span<const std::string> arguments) const;

 private:
  struct Entry {
    bool takes_value = false;
    Handler handler;
  };
  Status unknown(const std::string& name) const;

  std::map<std::string, Entry> entries_;
};

}  // namespace autonorm::trainer
