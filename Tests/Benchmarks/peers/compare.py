"""Times one evaluation of a network in `restored`, at each of its precisions, and in its peers, in interleaved rounds.

Prints medians, rates and ratios to restored, and the same as JSON. Only ratios of one run mean anything: the machine's
speed drifts by tens of per cent. Exits 1 where a contestant was not measured, or is faster than `--floors` allows.
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

from networks import (
    ENCODERS, LATENT_NETWORKS, ONE_PASS, REPOSITORY, giga_macs, inputs, load_network, read_bundle, write_encoder_bundle,
    write_latent_bundle, write_one_pass_bundle, write_universal_bundle,
)

PEERS = [
    ("pytorch", "fp32"), ("pytorch", "bf16"), ("onnxruntime", "fp32"), ("openvino", "fp32"), ("openvino", "bf16"),
]


# What `restored bench` measures beside the network that restores.
PART_OPTIONS = {"daclip": ["--encoder"], "latent-decoder": ["--decoder"]}


class Peer:
    """A peer in a process of its own, which waits while others are timed."""

    def __init__(self, name: str, precision: str, folder: Path, part: str, exported: str, choice: argparse.Namespace):
        self.name = f"{name} {precision}"
        arguments = [sys.executable, str(Path(__file__).with_name("peer.py")), name, precision, "--bundle", str(folder), "--part", part,
                     "--exported", exported]
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
        """Ends it.

        Returns: the most memory that it took, nil where it has died.
        """
        try:
            self.process.stdin.close()
            peak = json.loads(self.process.stdout.readline() or "null")
        except (BrokenPipeError, ValueError):
            peak = None
        self.process.wait()
        return peak


class Restored:
    """The release binary; it loads the bundle anew each round and tells its own median."""

    difference = None

    def __init__(self, binary: Path, precision: str, folder: Path, part: str, choice: argparse.Namespace):
        self.name, self.precision, self.peak = f"restored {precision}", precision, 0
        self.command = [
            str(binary), "bench", "--bundle", str(folder), "--size", str(choice.size), "--batch", str(choice.batch),
            "--threads", str(choice.threads), "--network-only", "--json", "--precision", precision,
        ] + PART_OPTIONS.get(part, []) + choice.bench_option

    def report(self) -> dict:
        run = subprocess.run(self.command, stdout=subprocess.PIPE, text=True, check=True)
        report = json.loads(run.stdout)
        self.peak = max(self.peak, report["peak_resident_bytes"])
        return report

    def measure(self, evaluations: int) -> list[float]:
        return [entry["seconds_median"] for entry in self.report()["network"]]

    def close(self):
        return self.peak


def precisions(binary: Path, folder: Path) -> list[str]:
    """Those that this processor has instructions for."""
    command = [str(binary), "bench", "--bundle", str(folder), "--precision", "bf16", "--json", "--network-only", "--size", "32",
               "--batch", "1", "--evaluations", "1", "--seconds", "0"]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)["precision"]
    return ["fp32"] if found == "fp32" else ["fp32", found]


def started(names: list[str], starters: dict, failures: dict) -> list:
    running = []
    for name in names:
        try:
            running.append(starters[name]())
        except RuntimeError as failure:
            failures[name] = str(failure)
    return running


def take_turns(running: list, choice: argparse.Namespace, contestants: list, rounds: dict, peaks: dict, failures: dict) -> None:
    """Times contestants in rounds, and ends them."""
    for contestant in running:
        contestants.append(contestant)
        rounds[contestant.name] = []
    for number in range(choice.rounds + 1):
        for contestant in running:
            time.sleep(0.3)  # threads of the last one stop spinning
            try:
                seconds = statistics.median(contestant.measure(choice.evaluations))
            except (RuntimeError, subprocess.CalledProcessError, KeyError, ValueError, OSError) as failure:
                failures[contestant.name] = str(failure)
                continue
            if number > 0:  # the first round warms up
                rounds[contestant.name].append(seconds)
    peaks |= {contestant.name: contestant.close() for contestant in running}


def compare(title: str, folder: Path, part: str, exported: str, choice: argparse.Namespace) -> dict:
    network = load_network(folder, part)
    named = inputs(read_bundle(folder), part, choice.size, choice.batch)
    work = giga_macs(network, named)
    del network

    starters, failures = {}, {}
    if choice.binary.exists():
        for precision in precisions(choice.binary, folder):
            starters[f"restored {precision}"] = lambda precision=precision: Restored(choice.binary, precision, folder, part, choice)
    else:
        failures["restored"] = f"{choice.binary} is missing: swift build -c release"
    for name, precision in PEERS:
        if not choice.peer or name in choice.peer:
            starters[f"{name} {precision}"] = lambda name=name, precision=precision: Peer(name, precision, folder, part, exported, choice)

    contestants, rounds, peaks = [], {}, {}
    for group in [[name] for name in starters] if choice.one_by_one else [list(starters)]:
        take_turns(started(group, starters, failures), choice, contestants, rounds, peaks, failures)

    own = {name.split()[1]: statistics.median(seconds) for name, seconds in rounds.items() if name.startswith("restored") and seconds}
    results = []
    for contestant in contestants:
        if not rounds[contestant.name]:
            continue
        median = statistics.median(rounds[contestant.name])
        results.append({
            "name": contestant.name, "seconds": median, "rounds": rounds[contestant.name],
            "gflops": 2 * work / median, "peak_resident_bytes": peaks[contestant.name],
            "ratio_to_restored": {precision: median / seconds for precision, seconds in own.items()},
            "difference_from_pytorch_fp32": contestant.difference,
        })
    return {
        "network": title, "size": named["picture"].shape[-1] if part == "daclip" else choice.size, "batch": choice.batch,
        "threads": choice.threads, "gmac": work,
        "results": results, "failures": failures,
    }


def print_table(report: dict) -> None:
    print(f"\n{report['network']}, {report['batch']} x {report['size']}x{report['size']}, {report['threads']} threads, "
          f"{report['gmac']:.2f} GMAC")
    print(f"{'':18} {'seconds':>9} {'least':>9} {'most':>9} {'GFLOP/s':>9} {'/ fp32':>7} {'/ bf16':>7} {'MiB':>6}  off by")
    for entry in report["results"]:
        ratios = [f"{entry['ratio_to_restored'][name]:.2f}" if name in entry["ratio_to_restored"] else "-" for name in ("fp32", "bf16")]
        memory = f"{entry['peak_resident_bytes'] / 2**20:.0f}" if entry["peak_resident_bytes"] else "-"
        off = entry["difference_from_pytorch_fp32"]
        print(f"{entry['name']:18} {entry['seconds']:9.4f} {min(entry['rounds']):9.4f} {max(entry['rounds']):9.4f} "
              f"{entry['gflops']:9.1f} {ratios[0]:>7} {ratios[1]:>7} {memory:>6}  {'-' if off is None else f'{off:.1e}'}")
    for name, failure in report["failures"].items():
        print(f"{name}: not measured: {failure}")


def below_floors(report: dict, floors: dict) -> list[str]:
    """What a file of floors says of this network, size and batch that is not so."""
    key = f"{report['network']} {report['batch']}x{report['size']}"
    found = {entry["name"]: entry["ratio_to_restored"] for entry in report["results"]}
    faults = []
    for peer, least in floors.get(key, {}).items():
        for precision, floor in least.items():
            ratio = found.get(peer, {}).get(precision)
            if ratio is not None and ratio < floor:
                faults.append(f"{key}: {peer} takes {ratio:.2f} of restored's time at {precision}, expected at least {floor}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=["mini", "universal", *ENCODERS, *ONE_PASS, *LATENT_NETWORKS], action="append", help="default: mini, universal")
    parser.add_argument("--bundle", type=Path, help="the mini bundle, default Weights/mini; or one of AutoDIR's kind")
    parser.add_argument("--binary", type=Path, default=REPOSITORY / ".build/release/restored")
    parser.add_argument("--bench-option", action="append", default=[], metavar="OPTION",
                        help="passed on to `restored bench`, as --bench-option=--precision=bf16")
    parser.add_argument("--peer", choices=["pytorch", "onnxruntime", "openvino"], action="append", help="default: all")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=3, help="a peer's evaluations a round")
    parser.add_argument("--one-by-one", action="store_true",
                        help="end each contestant before the next one starts: for networks of which memory does not hold several")
    parser.add_argument("--exported", type=Path, help="keep what peers export here, for another run")
    parser.add_argument("--floors", type=Path, help="least ratios, as in floors.json beside this: exits 1 where one is missed")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    choice = parser.parse_args()
    os.environ.pop("OPENBLAS_CORETYPE", None)

    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"load average {load:.1f}: something else is running, don't trust these figures", file=sys.stderr)
    mini = choice.bundle or next(
        (path for path in (REPOSITORY / "Weights/mini", REPOSITORY.parent / "shared/weights/mini") if path.exists()),
        REPOSITORY / "Weights/mini")
    reports, faults = [], []
    floors = json.loads(choice.floors.read_text()) if choice.floors else {}
    with tempfile.TemporaryDirectory() as temporary:
        for title in choice.network or ["mini", "universal"]:
            folder, part = mini, "unet"
            if title == "universal":
                folder = Path(temporary) / title
                write_universal_bundle(folder)
            elif title in ENCODERS:
                folder, part = Path(temporary) / title, "daclip"
                write_encoder_bundle(folder, title)
            elif title in ONE_PASS:
                folder, part = Path(temporary) / title, title
                write_one_pass_bundle(folder, title)
            elif title in LATENT_NETWORKS:
                folder, part = choice.bundle or Path(temporary) / title, title.removesuffix("-small")
                write_latent_bundle(folder, title)
            with tempfile.TemporaryDirectory() as exported:
                reports.append(compare(title, folder, part, str(choice.exported or exported), choice))
            print_table(reports[-1])
            faults += below_floors(reports[-1], floors)
    if choice.json:
        choice.json.write_text(json.dumps({"load_average": load, "reports": reports}, indent=1))
    for fault in faults:
        print(fault)
    sys.exit(any(report["failures"] for report in reports) or bool(faults))


main()
