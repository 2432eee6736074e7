"""Networks compiled, or as they are where that fails or takes too long."""

from __future__ import annotations

import time

import torch

from .clock import Clock, TookTooLong
from .learning import Learner


def compile_or_not(learner: Learner, clock: Clock, seconds: float) -> bool:
    """Compiles what the task computes with by taking the gradients of one step; says which it is."""
    task, start = learner.task, time.monotonic()
    originals = dict(vars(task.loss_of)) if hasattr(task, "loss_of") else {"network": task.network}
    try:
        with clock.interruptible(seconds):
            task.compile(lambda function: torch.compile(function, dynamic=False))
            # Step 0 is one of those that take everything.
            task.loss(0).backward()
            wait_for(task.device)
        print(f"compiled, in {time.monotonic() - start:.0f} s", flush=True)
        return True
    except (TookTooLong, Exception) as error:  # noqa: BLE001 - whatever a compiler throws, there is another way
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
        print(f"not compiled, after {time.monotonic() - start:.0f} s: {type(error).__name__} {reason}", flush=True)
        for name, value in originals.items():
            setattr(getattr(task, "loss_of", task), name, value)
        torch._dynamo.reset()
        return False
    finally:
        for parameter in learner.module.parameters():
            parameter.grad = None


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
