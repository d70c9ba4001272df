"""Runs a probe program from Python, with torch tensors in and out.

safetensors (a length, a JSON header, raw little-endian data) is read and written here by hand, so that the format itself is
checked against an independent implementation.
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import torch
except ImportError:
    print(f"skipped: {sys.executable} has no PyTorch; set AUTONORM_PYTHON to one that has")
    sys.exit(77)

DTYPES = {"U8": torch.uint8, "F64": torch.float64, "F32": torch.float32, "BF16": torch.bfloat16, "I64": torch.int64, "BOOL": torch.bool}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def save(path, tensors):
    header, blobs, offset = {}, [], 0
    for name, tensor in tensors.items():
        blob = bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist()) if tensor.numel() else b""
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def load(path):
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        raw = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.uint8) if end > begin else torch.empty(0, dtype=torch.uint8)
        tensors[name] = raw.view(DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


class Probe:
    """command: the program and its leading arguments, e.g. ["build/bin/trainer", "probe"]."""

    def __init__(self, command):
        self.command = command

    def run(self, spec, tensors):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "spec.json").write_text(json.dumps(spec))
            save(folder / "in.safetensors", tensors)
            done = self._call(folder / "spec.json", folder / "in.safetensors", folder / "out.safetensors")
            if done.returncode != 0:
                raise AssertionError(f"probe failed: {done.stderr}\n{spec}")
            return load(folder / "out.safetensors")

    def error(self, spec, tensors):
        """The message of a probe that must fail."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "spec.json").write_text(json.dumps(spec))
            save(folder / "in.safetensors", tensors)
            done = self._call(folder / "spec.json", folder / "in.safetensors", folder / "out.safetensors")
            assert done.returncode == 1, f"expected exit status 1, got {done.returncode}"
            return done.stderr

    def names(self, spec):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "spec.json"
            path.write_text(json.dumps(spec))
            return self._call("--names", path, check=True).stdout.splitlines()

    def _call(self, *arguments, check=False):
        return subprocess.run([*self.command, *map(str, arguments)], capture_output=True, text=True, check=check, timeout=120)


def assert_near(name, ours, reference, tolerance):
    assert ours.shape == reference.shape, f"{name}: shape {tuple(ours.shape)}, expected {tuple(reference.shape)}"
    error = ((ours - reference).abs() / (1.0 + reference.abs())).max().item() if ours.numel() else 0.0
    assert error <= tolerance, f"{name}: differs by {error:.3e}, allowed {tolerance:.1e}"
    print(f"{name}: {error:.1e}")


def main(tests):
    """Runs every function of `tests` with a Probe over the command line's program."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    probe = Probe(sys.argv[1:])
    for test in tests:
        print(f"== {test.__name__}")
        test(probe)
    print(f"{len(tests)} passed")
