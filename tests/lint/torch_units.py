"""LibTorch's include folder carries its own fmt and protobuf, so no unit may see LibTorch and one of those, not even through our
own headers. Usage: torch_units.py ROOT"""
import re
import sys

from source_tree import Tree, report

TORCH = re.compile(r"(ATen|c10|torch|caffe2)/")
CLASHING = re.compile(r"spdlog/|fmt/|google/protobuf/|grpc/|grpcpp/|.*\.pb\.h$")


def findings_of(tree):
    for name in tree.cpp():
        if name.endswith((".h", ".cuh")):
            continue
        reached = tree.reached(name)
        torch = next((path for path in sorted(reached) if TORCH.match(path)), None)
        if torch is None:
            continue
        for path in sorted(reached):
            if CLASHING.match(path):
                holder = reached[path][-1]
                line = next(line for line, _, included in tree.includes(holder) if included == path)
                way = " <- ".join(reversed(reached[path]))
                yield holder, line, f'"{path}" in a unit with LibTorch ("{torch}"): {way}'


if __name__ == "__main__":
    sys.exit(report(list(findings_of(Tree(sys.argv[1])))))
