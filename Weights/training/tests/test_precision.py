"""Half precision in several threads at once."""

import subprocess
import sys
from pathlib import Path

# One thread compiles a network, another describes pictures. Nothing is measured: it ends, or it hangs.
BESIDE_EACH_OTHER = """
import threading
import torch
from restored_training.precision import half_precision

device, done = torch.device("cpu"), threading.Event()
network = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(60)])

def describe():
    while not done.is_set():
        with half_precision(device):
            pass

def answer(values):
    with half_precision(device):
        return network(values)

thread = threading.Thread(target=describe)
thread.start()
said = torch.compile(answer, backend="eager", fullgraph=True)(torch.zeros(1, 4))
done.set()
thread.join()
print(said.dtype)
"""


def test_one_thread_describes_while_another_compiles_and_neither_waits_for_ever():
    run = subprocess.run([sys.executable, "-c", BESIDE_EACH_OTHER], cwd=Path(__file__).parent.parent, capture_output=True, text=True,
                         timeout=100)
    assert run.stdout == "torch.bfloat16\n", run.stderr
