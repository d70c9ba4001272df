"""Who may include whom (the layout of README.md). Usage: include_rules.py ROOT"""
import dataclasses
import re
import sys

from source_tree import Tree, report

# What an include path belongs to.
FAMILIES = {
    "LibTorch": r"(ATen|c10|torch|caffe2|at)/",
    "gRPC": r"(grpc|grpcpp)/|.*\.grpc\.pb\.h$",
    "protobuf": r"google/protobuf/|.*\.pb\.h$",
    "SQLite": r"sqlite3\.h$|SQLiteCpp/",
    "MPI": r"mpi\.h$",
    "CUDA": r"(cuda|cublas|nccl|cudnn|curand|nvrtc)\w*\.h$|cuda/|c10/cuda/|ATen/cuda/",
    "threads": r"(thread|mutex|shared_mutex|condition_variable|future|semaphore|barrier|latch|stop_token|pthread\.h)$",
    "toml++": r"toml\+\+/|toml\.hpp$",
    "spdlog": r"spdlog/",
    "torch/torch.h or torch::nn": r"torch/(torch|all|nn)\.h$|torch/nn/|torch/csrc/api/include/torch/nn",
    "tests/": r"tests/",
    "coordinator/": r"coordinator/",
    "worker/": r"worker/",
    "worker/agent/": r"worker/agent/",
    "worker/trainer/": r"worker/trainer/",
    "proto/": r"proto/",
    # Readers of data files need no LibTorch; a plan checks tables with them.
    "LibTorch parts of core": r"core/(norms|models|augment|optim|train|eval|checkpoint|distributed|kernels)/"
                              r"|core/data/(?!(compressed_file|data_files|learned_table|table)\.h$)",
    "coordinator outside engine and scheduler": r"coordinator/(?!engine/|scheduler/)",
    "the engine": r"coordinator/engine/",
}
PATTERNS = {name: re.compile(pattern) for name, pattern in FAMILIES.items()}


@dataclasses.dataclass
class Rule:
    files: str      # files that the rule is about
    forbidden: list  # families
    why: str
    unless: str = r"$^"  # files that are allowed


THIRD_PARTY = ["LibTorch", "gRPC", "protobuf", "SQLite", "MPI", "CUDA"]
RULES = [
    Rule(r"core/(base|config|stats|messages)/", THIRD_PARTY + ["LibTorch parts of core"],
         "core/{base,config,stats,messages} are free of LibTorch, gRPC, SQLite, MPI and CUDA"),
    Rule(r"core/", ["coordinator/", "worker/", "proto/", "gRPC", "protobuf", "SQLite", "MPI", "spdlog"],
         "core is below coordinator, worker and proto, and knows none of their libraries"),
    Rule(r"core/", ["torch/torch.h or torch::nn"], "layers are plain structs over at::Tensor; these headers cost 20 s each"),
    Rule(r"coordinator/(engine|scheduler)/",
         THIRD_PARTY + ["threads", "proto/", "coordinator outside engine and scheduler", "LibTorch parts of core"],
         "engine and scheduler include core only: no wire types, no database, no threads"),
    Rule(r"coordinator/scheduler/", ["the engine"], "the scheduler is a pure function of a snapshot, below the engine"),
    Rule(r"coordinator/(store|report)/", ["gRPC", "protobuf", "proto/"], "wire types stop at proto/codec"),
    Rule(r"coordinator/", ["worker/", "LibTorch", "MPI", "LibTorch parts of core"],
         "coordinator never includes worker/ and links neither LibTorch nor MPI"),
    Rule(r"worker/", ["coordinator/", "SQLite"], "worker and coordinator meet in proto/ and core/ only"),
    Rule(r"worker/agent/", ["worker/trainer/", "LibTorch", "LibTorch parts of core"],
         "agent and trainer share only relay_protocol.h and control_protocol; the agent has no LibTorch"),
    Rule(r"worker/trainer/", ["worker/agent/", "gRPC", "protobuf", "proto/", "MPI"],
         "agent and trainer share only relay_protocol.h and control_protocol; the trainer has neither gRPC nor MPI"),
    Rule(r"worker/[^/]+$", ["worker/agent/", "worker/trainer/", "LibTorch", "gRPC", "protobuf", "MPI"],
         "what agent and trainer share needs neither's libraries"),
    Rule(r"proto/", ["coordinator/", "worker/", "LibTorch", "SQLite", "MPI", "LibTorch parts of core"],
         "proto/codec converts between wire and core values, nothing else"),
    Rule(r"(?!coordinator/store/|tests/)", ["SQLite"], "coordinator/store is the only folder with SQLite"),
    Rule(r"(?!coordinator/server/|tests/)", ["gRPC"], "gRPC only in coordinator/server and the two clients",
         unless=r"coordinator/cli/(\w+/)?\w*client\w*\.(h|cpp)$|worker/agent/(\w+/)?session_client\.(h|cpp)$"),
    Rule(r"(?!worker/agent/|tests/)", ["MPI"], "MPI only in worker/agent"),
    Rule(r"(?!core/config/|tests/)", ["toml++"], "the sweep reader in core/config is the only user of toml++"),
    Rule(r"(?!tests/)", ["tests/"], "nothing outside tests includes test code"),
]


def findings_of(tree):
    rules = [(re.compile(rule.files), re.compile(rule.unless), rule) for rule in RULES]
    for name in tree.cpp():
        for files, unless, rule in rules:
            if not files.match(name) or unless.match(name):
                continue
            for line, _, path in tree.includes(name):
                for family in rule.forbidden:
                    if PATTERNS[family].match(path):
                        yield name, line, f'"{path}" ({family}): {rule.why}'


if __name__ == "__main__":
    sys.exit(report(list(findings_of(Tree(sys.argv[1])))))
