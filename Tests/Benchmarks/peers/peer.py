"""One peer in its own process: prepares a network, then times evaluations, as many as each line of standard input says.

Answers each line with a JSON list of seconds; the first line of output says how far its result is from PyTorch's.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from networks import ONE_PASS, PREFIXES, inputs, load_network, read_bundle


def torch_peer(network, named, precision):
    if precision == "bf16":
        network = network.to(memory_format=torch.channels_last)
        named = {
            name: value.to(memory_format=torch.channels_last) if value.dim() == 4 else value
            for name, value in named.items()
        }

    def evaluate():
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return network(**named).float().numpy()

    return evaluate


def export(network, named, folder):
    path = Path(folder) / "network.onnx"
    if path.exists():
        return path  # by the peer before
    torch.onnx.export(
        network, (), str(path), kwargs=named, input_names=list(named), output_names=["output"], dynamo=True,
        verbose=False)
    return path


def onnxruntime_peer(path, named, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {entry.name: named[entry.name].numpy() for entry in session.get_inputs()}
    return lambda: session.run(None, feed)[0]


def openvino_peer(path, named, threads, precision):
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision],
    }
    request = core.compile_model(core.read_model(str(path)), "CPU", settings).create_infer_request()
    feed = {name: value.numpy() for name, value in named.items()}
    return lambda: next(iter(request.infer(feed).values()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=["pytorch", "onnxruntime", "openvino"])
    parser.add_argument("precision", choices=["fp32", "bf16"])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--exported", type=Path, required=True, help="a folder that peers of one comparison share")
    parser.add_argument("--part", choices=["unet", "daclip", *ONE_PASS, *PREFIXES], required=True)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    choice = parser.parse_args()

    torch.set_num_threads(choice.threads)
    network = load_network(choice.bundle, choice.part)
    named = inputs(read_bundle(choice.bundle), choice.part, choice.size, choice.batch)
    answers = sys.stdout
    sys.stdout = sys.stderr  # exporters talk
    with torch.inference_mode():
        expected = network(**named).numpy()
    if choice.peer == "pytorch":
        evaluate = torch_peer(network, named, choice.precision)
    else:
        path = export(network, named, choice.exported)
        del network
        if choice.peer == "onnxruntime":
            evaluate = onnxruntime_peer(path, named, choice.threads)
        else:
            evaluate = openvino_peer(path, named, choice.threads, choice.precision)
    found = evaluate()
    difference = float(np.abs(found - expected).max() / np.abs(expected).max())
    print(json.dumps(difference), file=answers, flush=True)

    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            evaluate()
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), file=answers, flush=True)
    # (What getrusage says begins with the memory of the process that started this one.)
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    print(json.dumps(peak), file=answers, flush=True)


main()
