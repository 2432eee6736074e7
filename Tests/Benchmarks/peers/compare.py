"""Times one evaluation of the restoration network in `restored` and in its peers, in interleaved rounds.

Prints medians, rates and ratios to restored, and the same as JSON. Only ratios of one run mean anything: the
machine's speed drifts by tens of per cent. Exits 1 where a contestant was not measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from networks import REPOSITORY, giga_macs, inputs, load_unet, read_bundle, write_universal_bundle

PEERS = [
    ("pytorch", "fp32"), ("pytorch", "bf16"), ("onnxruntime", "fp32"), ("openvino", "fp32"), ("openvino", "bf16"),
]


class Peer:
    """A peer in a process of its own, which waits while others are timed."""

    def __init__(self, name: str, precision: str, folder: Path, choice: argparse.Namespace):
        self.name = f"{name} {precision}"
        arguments = [sys.executable, str(Path(__file__).with_name("peer.py")), name, precision, "--bundle", str(folder)]
        for option in ("size", "batch", "threads"):
            arguments += [f"--{option}", str(getattr(choice, option))]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=dict(os.environ, OMP_NUM_THREADS=str(choice.threads)))
        self.difference = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            code = self.process.wait()
            raise RuntimeError(f"{self.name} ended with {code}: {self.log.read().decode(errors='replace')[-2000:]}")
        return json.loads(line)

    def measure(self, evaluations: int) -> list[float]:
        try:
            self.process.stdin.write(f"{evaluations}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died: its log says why
        return self.answer()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Restored:
    """The release binary; it loads the bundle anew each round and tells its own median."""

    name, difference = "restored", None

    def __init__(self, binary: Path, folder: Path, choice: argparse.Namespace):
        self.command = [
            str(binary), "bench", "--bundle", str(folder), "--size", str(choice.size), "--batch", str(choice.batch),
            "--threads", str(choice.threads), "--network-only", "--json",
        ] + choice.bench_option

    def measure(self, evaluations: int) -> list[float]:
        run = subprocess.run(self.command, stdout=subprocess.PIPE, text=True, check=True)
        return [entry["seconds_median"] for entry in json.loads(run.stdout)["network"]]

    def close(self):
        pass


def compare(title: str, folder: Path, choice: argparse.Namespace) -> dict:
    network = load_unet(folder)
    named = inputs(network, read_bundle(folder)["unet"], choice.size, choice.batch)
    work = giga_macs(network, named)
    del network

    contestants, failures = [], {}
    if choice.binary.exists():
        contestants.append(Restored(choice.binary, folder, choice))
    else:
        failures["restored"] = f"{choice.binary} is missing: swift build -c release"
    for name, precision in PEERS:
        if choice.peer and name not in choice.peer:
            continue
        try:
            contestants.append(Peer(name, precision, folder, choice))
        except RuntimeError as failure:
            failures[f"{name} {precision}"] = str(failure)

    rounds = {contestant.name: [] for contestant in contestants}
    for number in range(choice.rounds + 1):
        for contestant in contestants:
            time.sleep(0.3)  # threads of the last one stop spinning
            try:
                seconds = statistics.median(contestant.measure(choice.evaluations))
            except (RuntimeError, subprocess.CalledProcessError, KeyError, ValueError, OSError) as failure:
                failures[contestant.name] = str(failure)
                continue
            if number > 0:  # the first round warms up
                rounds[contestant.name].append(seconds)
    for contestant in contestants:
        contestant.close()

    reference = statistics.median(rounds["restored"]) if rounds.get("restored") else None
    results = []
    for contestant in contestants:
        if not rounds[contestant.name]:
            continue
        median = statistics.median(rounds[contestant.name])
        results.append({
            "name": contestant.name, "seconds": median, "rounds": rounds[contestant.name],
            "gflops": 2 * work / median, "ratio_to_restored": median / reference if reference else None,
            "difference_from_pytorch_fp32": contestant.difference,
        })
    return {
        "network": title, "size": choice.size, "batch": choice.batch, "threads": choice.threads, "gmac": work,
        "results": results, "failures": failures,
    }


def print_table(report: dict) -> None:
    print(f"\n{report['network']}, {report['batch']} x {report['size']}x{report['size']}, {report['threads']} threads, "
          f"{report['gmac']:.2f} GMAC")
    print(f"{'':18} {'seconds':>9} {'least':>9} {'most':>9} {'GFLOP/s':>9} {'/ restored':>11}  off by")
    for entry in report["results"]:
        ratio = f"{entry['ratio_to_restored']:.2f}" if entry["ratio_to_restored"] else "-"
        off = entry["difference_from_pytorch_fp32"]
        print(f"{entry['name']:18} {entry['seconds']:9.4f} {min(entry['rounds']):9.4f} {max(entry['rounds']):9.4f} "
              f"{entry['gflops']:9.1f} {ratio:>11}  {'-' if off is None else f'{off:.1e}'}")
    for name, failure in report["failures"].items():
        print(f"{name}: not measured: {failure}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=["mini", "universal"], action="append", help="default: both")
    parser.add_argument("--bundle", type=Path, help="the mini bundle; default Weights/mini")
    parser.add_argument("--binary", type=Path, default=REPOSITORY / ".build/release/restored")
    parser.add_argument("--bench-option", action="append", default=[], metavar="OPTION",
                        help="passed on to `restored bench`, as --bench-option=--precision=bf16")
    parser.add_argument("--peer", choices=["pytorch", "onnxruntime", "openvino"], action="append", help="default: all")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=3, help="a peer's evaluations a round")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    choice = parser.parse_args()
    os.environ.pop("OPENBLAS_CORETYPE", None)

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"load average {load:.1f}: something else is running, don't trust these figures", file=sys.stderr)
    mini = choice.bundle or next(
        (path for path in (REPOSITORY / "Weights/mini", REPOSITORY.parent / "shared/weights/mini") if path.exists()),
        REPOSITORY / "Weights/mini")
    reports = []
    with tempfile.TemporaryDirectory() as temporary:
        for title in choice.network or ["mini", "universal"]:
            folder = mini
            if title == "universal":
                folder = Path(temporary) / "universal"
                write_universal_bundle(folder)
            reports.append(compare(title, folder, choice))
            print_table(reports[-1])
    if choice.json:
        choice.json.write_text(json.dumps({"load_average": load, "reports": reports}, indent=1))
    sys.exit(any(report["failures"] for report in reports))


main()
