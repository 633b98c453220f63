"""Computes one pass of a model with torch, eager, on its GPU if it has one: what torch.ts asks for, and reads.

usage: python3 torch_models.py FOLDER ROUNDS

FOLDER holds graph.json (the ops in order, the result, the shapes of each layer's weights and biases), weights.bin (all
of them, in that order) and x.bin (the input), both float32. What it computes goes to NAME.bin there, what it measures to standard
output, as JSON.
"""
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

CUDA = torch.cuda.is_available()
DEVICE = "cuda" if CUDA else "cpu"

# What it is called, what it computes in, and whether matrix units may round float32 to TensorFloat-32.
VARIANTS = [("torch", torch.float32, False)]
if CUDA:
    VARIANTS += [("torch, TF32", torch.float32, True), ("torch, float16", torch.float16, False)]


class Network:
    """The ops of a graph over their weights."""

    def __init__(self, graph, weights, dtype):
        self.nodes, self.result = graph["nodes"], graph["result"]
        self.weights, start = {}, 0
        for name, shapes in graph["layers"].items():
            self.weights[name] = []
            for shape in map(torch.Size, shapes):
                tensor = weights[start : start + shape.numel()].reshape(shape)
                self.weights[name].append(tensor.to(DEVICE, dtype))
                start += shape.numel()
        self.last_use = {i: op["id"] for op in self.nodes for i in operands(op)}

    def __call__(self, x):
        values = {self.nodes[0]["id"]: x}
        del x  # which is an operand as others are
        for op in self.nodes[1:]:
            values[op["id"]] = getattr(self, op["op"])(op, values)
            for i in set(operands(op)):
                if self.last_use[i] == op["id"]:
                    del values[i]
        return values[self.result]

    def conv2d(self, op, values):
        x = values[op["x"]]
        weight, bias = self.weights[op["weights"]["name"]]
        stride = op["weights"].get("stride", 1)
        if weight.dim() == 2:  # a linear layer
            weight = weight[:, :, None, None]
        if op["upsample"]:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        if stride == 2:
            x = F.pad(x, (0, 1, 0, 1))
        y = F.conv2d(x, weight, bias, stride, weight.shape[-1] // 2 if stride == 1 else 0)
        return y + values[op["residual"]] if "residual" in op else y

    def groupNorm(self, op, values):
        x = values[op["x"]]
        weight, bias = self.weights[op["weights"]["name"]]
        y = F.group_norm(x, op["groups"], weight, bias, op["epsilon"])
        if "modulation" in op:
            scale, shift = (F.interpolate(values[op["modulation"][part]], x.shape[-2:]) for part in ("scale", "shift"))
            y = y * scale + shift
        return getattr(F, op["activation"])(y) if "activation" in op else y

    def attention(self, op, values):
        q, k, v = (values[op[name]].flatten(2).transpose(1, 2) for name in "qkv")
        return attend(q, k, v).transpose(1, 2).reshape(op["shape"])

    def nearestCode(self, op, values):
        (codes,) = self.weights[op["codebook"]["name"]]
        rows = values[op["x"]].permute(0, 2, 3, 1).flatten(0, 2)
        return torch.cdist(rows.float(), codes.float()).argmin(1)  # there is no cdist of float16


def attend(q, k, v):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    return torch.softmax(q @ k.transpose(1, 2) * q.shape[-1] ** -0.5, -1) @ v


def operands(op):
    found = [op[name] for name in ("x", "q", "k", "v", "residual") if name in op]
    return found + list(op.get("modulation", {}).values())


def timed(network, host):
    """Milliseconds from the input on the host to the result there, those of the GPU alone if there is one, and the result."""
    start = time.perf_counter()
    x = host.to(DEVICE, next(iter(network.weights.values()))[0].dtype)
    if CUDA:
        first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        y = network(x)
        last.record()
    else:
        y = network(x)
    y = y.float().cpu()
    ms = (time.perf_counter() - start) * 1e3
    return ms, first.elapsed_time(last) if CUDA else None, y


def measure(folder, rounds, graph, name, dtype, tf32):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    if CUDA:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    network = Network(graph, read(folder / "weights.bin"), dtype)
    host = read(folder / "x.bin").reshape(graph["nodes"][0]["shape"])
    first_ms, _, y = timed(network, host)
    runs = [timed(network, host) for _ in range(rounds)]
    y.numpy().tofile(folder / f"{name}.bin")
    return {
        "name": name,
        "firstMs": first_ms,
        "ms": min(ms for ms, _, _ in runs),
        "opsMs": min(ms for _, ms, _ in runs) if CUDA else None,
        "peakBytes": torch.cuda.max_memory_allocated() if CUDA else None,
    }


def read(path):
    return torch.from_file(str(path), size=path.stat().st_size // 4)


def main(folder, rounds):
    torch.backends.cudnn.benchmark = True  # let it choose by measuring, when it first sees a shape
    graph = json.loads((folder / "graph.json").read_text())
    with torch.inference_mode():
        print(json.dumps([measure(folder, rounds, graph, *variant) for variant in VARIANTS]))


main(Path(sys.argv[1]), int(sys.argv[2]))
