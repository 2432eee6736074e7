"""The commands of `on-gpu`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import torch

from ..photographs import REPOSITORY, pairs_folder, photograph_folders, split_photographs
from ..pool import LABELS
from . import TRAVEL_LIMIT
from .packing import leaving_behind, pack, repository_bytes, room_for_pack
from .parts import join_parts
from .running import Run
from .state import NETWORKS, read_state


def chosen(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="on-gpu", description="Training on a machine with a GPU that is had for a quarter of an hour.")
    tasks = parser.add_subparsers(dest="task", required=True)
    packing = tasks.add_parser("pack", help="writes what travels there")
    packing.add_argument("of", choices=list(NETWORKS), help="what is to be trained")
    packing.add_argument("--out", type=Path, required=True, metavar="FILE")
    packing.add_argument("--photos", type=Path, nargs="+", metavar="FOLDER",
                         help="default: clean and photos in RESTORED_DATA, else in ../shared/data")
    packing.add_argument("--pairs", type=Path, metavar="FOLDER", help="default: train-pairs beside them, if it is there")
    packing.add_argument("--start-from", type=Path, default=REPOSITORY / "Weights/mini", metavar="BUNDLE")
    packing.add_argument("--state", type=Path, metavar="FILE", help="that an earlier run, or `train`, left")
    packing.add_argument("--whole-repository", action="store_true", help="nothing of the checkout is left behind: all of it counts")
    joining = tasks.add_parser("join", help="puts a bundle's parts together")
    joining.add_argument("folder", type=Path)
    joining.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="gets bundle/")
    joining.add_argument("--start-from", type=Path, default=REPOSITORY / "Weights/mini", metavar="BUNDLE", help="that training began with")
    for name, what in (("controller", "trains the controlled image encoder"), ("network", "trains the restoration network")):
        add_run(tasks.add_parser(name, help=what, formatter_class=argparse.ArgumentDefaultsHelpFormatter), name)
    return parser.parse_args(arguments)


def add_run(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("--pack", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="gets state, curves and the bundle in parts")
    parser.add_argument("--minutes", type=float, default=9, help="from the start to the last file")
    parser.add_argument("--state", type=Path, metavar="FILE", help="to go on from (default: the pack's, if it has one)")
    parser.add_argument("--plan", type=float, metavar="MINUTES",
                        help="the rate falls to nothing over so many minutes of training, those of the state counted; without it over this run")
    parser.add_argument("--steps", type=int, help="at most; a few are a rehearsal")
    parser.add_argument("--rate", type=float, default=0.004 if name == "controller" else 0.0008)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=torch.cuda.is_available())
    parser.add_argument("--compile-seconds", type=float, default=150, help="then the networks are taken as they are")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)), help="that make pictures")
    parser.add_argument("--pool-gib", type=float, help="of the device's memory for pictures (default: 45%%, 1 on a CPU)")
    parser.add_argument("--examples", type=int, default=48 if name == "controller" else 32, help="of a round, which a process makes at a time")
    parser.add_argument("--described", type=int, default=1000, help="pictures by which the network is told what the encoder says")
    parser.add_argument("--held-out", type=int, default=440, help="pictures to measure with")
    parser.add_argument("--pair-share", type=float, default=0.08, help="of the pictures are parts of real pairs")
    if name == "controller":
        parser.add_argument("--batch", type=int, default=256, help="pictures")
        parser.add_argument("--anchor", action="store_true", help="the content embeddings stay near the bundle's")
    else:
        parser.add_argument("--pixels", type=int, default=2_000_000, help="of a batch")
        parser.add_argument("--side", type=int, default=160, help="of a crop, in pixels")
        parser.add_argument("--keep", type=lambda text: frozenset(text.split(",")), metavar="LABEL,...", default=frozenset(),
                            help="labels for which the network goes on giving what the bundle's gives, where that restores")


def main(arguments: list[str], start: float) -> int:
    choice = chosen(arguments)
    try:
        if choice.task == "pack":
            return write_pack(choice)
        if choice.task == "join":
            print(f"wrote {join_parts(choice.folder, choice.start_from, choice.out)}")
            return 0
        if unknown := getattr(choice, "keep", frozenset()) - set(LABELS):
            raise ValueError(f"--keep: unknown labels {sorted(unknown)}")
        return Run(choice, start).run()
    except (ValueError, OSError, RuntimeError, ArithmeticError) as error:
        print(f"on-gpu: {error}", file=sys.stderr, flush=True)
        return 1


def write_pack(choice: argparse.Namespace) -> int:
    folders = choice.photos or photograph_folders()
    if not folders or not all(folder.is_dir() for folder in folders):
        raise ValueError(f"{folders or 'RESTORED_DATA'} has no such folder: set RESTORED_DATA, or give --photos")
    training, held_out = split_photographs(*folders)
    pairs = choice.pairs or (pairs_folder() if pairs_folder().is_dir() else None)
    state = read_state(choice.state, choice.of) if choice.state else None
    room = room_for_pack(choice.whole_repository)
    print(f"{TRAVEL_LIMIT:,} bytes may travel; the repository has {repository_bytes():,}, and {room:,} are left for the pack"
          + ("" if choice.whole_repository else " where what is not needed of it stays behind"), flush=True)
    packed = pack(choice.out, choice.of, training, held_out, pairs, choice.start_from, state, room)
    for part, size in packed.sizes.items():
        print(f"{size:>12,} bytes: {part}")
    print(f"{choice.out.stat().st_size:>12,} bytes: {choice.out}, of at most {room:,}")
    if not choice.whole_repository:
        away, back = leaving_behind()
        print(f"Before, in a checkout without changes:\n  {away}\nand afterwards:\n  {back}")
    return 0
