"""Several processes that train one module: one a core, each with its own batches, gradients shared."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
from torch import nn


def run_together(job: Callable[..., None], arguments: tuple, processes: int, rendezvous: Path) -> None:
    """Runs `job(rank, *arguments)` in so many processes at once, which meet at a file; a single one is this process.

    `job` and its arguments reach the others by pickle. One that fails ends all.
    """
    rendezvous.unlink(missing_ok=True)
    if processes == 1:
        job(0, *arguments)
    else:
        multiprocessing.spawn(_work, (job, arguments, processes, rendezvous.resolve()), nprocs=processes)


def _work(rank: int, job: Callable[..., None], arguments: tuple, processes: int, rendezvous: Path) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=processes)
    try:
        job(rank, *arguments)
    finally:
        # The group's threads must not outlive the interpreter: one that still runs at exit aborts the process.
        distributed.destroy_process_group()


def process_count() -> int:
    return distributed.get_world_size() if distributed.is_initialized() else 1


def process_number() -> int:
    return distributed.get_rank() if distributed.is_initialized() else 0


def share_gradients(module: nn.Module) -> None:
    """The mean over all processes, in one message."""
    if process_count() == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(together)
    together /= process_count()
    for gradient, values in zip(gradients, together.split([gradient.numel() for gradient in gradients])):
        gradient.copy_(values.view_as(gradient))


def agreed(value: float) -> float:
    """What the first process says: processes must leave a loop together."""
    if process_count() == 1:
        return value
    message = torch.tensor([value], dtype=torch.float64)
    distributed.broadcast(message, 0)
    return float(message)


def of_all(own: object) -> list:
    """What each process has, in the order of their numbers."""
    found = [own] * process_count()
    if process_count() > 1:
        distributed.all_gather_object(found, own)
    return found
