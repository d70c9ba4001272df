#include "worker/trainer/help_text.h"

#include <torch/version.h>

#include "core/base/build_id.h"
#include "core/base/text.h"

namespace autonorm::trainer {

std::string help_text() {
  return R"(trainer: runs one rank of one trial.

  trainer run FILE [--output DIR] [--resume] [--device cpu|cuda:N] [--data DIR]... [--input STAGE=DIR]... [--quiet]
      Trains the trial that FILE (JSON; keys left out have their defaults) describes, alone and without any other program.
      Progress goes to stderr; the last line of stdout is the result as one JSON object.
      --output DIR      checkpoints go to DIR/checkpoints, the resolved configuration to DIR/trial.json
                        (default: runs/by-hand/<first 12 digits of the trial's id>)
      --resume          goes on from the newest usable checkpoint in --output; from the start when there is none
      --device D        instead of the configuration's device ("auto" there: a GPU when there is one)
      --data DIR        a folder to look for data sets in, before AUTONORM_DATA and the checkout's data folder
      --input STAGE=DIR the checkpoint of a stage that this trial depends on (distillation)
      Example: trainer run trial.json --output /tmp/t1

  trainer probe SPEC.json IN.safetensors OUT.safetensors
      Evaluates a norm, model, optimizer, schedule, loss, augmentation or corruption of the catalogue on given
      tensors.
  trainer probe --names SPEC.json
      Lists its parameters and state with their shapes.

  trainer fold CHECKPOINT OUT [--data DIR]...
      Moves what a trained model's norms end with, a scale and a shift, into the Linear layers behind them (before a ReLU:
      into the layer before, where the norm is nothing else), and writes the smaller model as a checkpoint OUT/step-N.
      Compares both on test images and refuses when an output differs by more than 1e-4; prints the largest difference,
      the inference speed of both, and which norms stay for what reason.

  trainer serve --parent PID --in FD --out FD [--relay FD --relay-request FD --relay-completion FD]
      Started by worker: takes trials from one pipe and reports on another.

  trainer --help | --version

Environment: AUTONORM_DATA   folders with data sets, separated by ':'
Exit codes:  0 trial completed or diverged   1 trial failed   2 wrong command line or configuration   3 data missing
             4 data damaged   5 stopped by Ctrl-C after writing a checkpoint
)";
}

std::string version_text() {
  return cat("trainer " AUTONORM_VERSION ", torch " TORCH_VERSION ", build ", program_build_id(), "\n");
}

}  // namespace autonorm::trainer
