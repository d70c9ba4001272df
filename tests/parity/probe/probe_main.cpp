// run_probe() as a program, for the parity scripts: probe SPEC IN OUT, or probe --names SPEC.
#include <ATen/Parallel.h>

#include <iostream>
#include <string_view>

#include "core/train/probe.h"

int main(int argc, char** argv) {
  at::set_num_threads(1);
  if (argc == 3 && std::string_view(argv[1]) == "--names") {
    const auto names = autonorm::train::probe_names(argv[2]);
    (names.ok() ? std::cout : std::cerr) << (names.ok() ? *names : names.status().message() + "\n");
    return names.ok() ? 0 : 1;
  }
  if (argc != 4) {
    std::cerr << "usage: probe SPEC.json IN.safetensors OUT.safetensors | probe --names SPEC.json\n";
    return 2;
  }
  const autonorm::Status status = autonorm::train::run_probe(argv[1], argv[2], argv[3]);
  if (!status.ok()) std::cerr << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
