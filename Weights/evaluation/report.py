"""Means, confusion and tables of what was measured, pair by pair."""

import statistics

MEASURES = ("psnr", "ssim", "ms_ssim", "gmsd")
# Told where all pairs have it.
OPTIONAL_MEASURES = ("butteraugli",)
CLEAN = "clean"  # has nothing to gain, so it counts in labels alone


def mean_of(pairs: list[dict], side: str, measure: str) -> float:
    return statistics.fmean(pair[side][measure] for pair in pairs)


def gain(pair: dict) -> float:
    """In PSNR, dB."""
    return pair["output"]["psnr"] - pair["input"]["psnr"]


def is_right(pair: dict) -> bool:
    """Of a mixture, "rainy+noisy", either label is right."""
    return pair["label"] in pair["degradation"].split("+")


def accuracy(pairs: list[dict]) -> float:
    return sum(map(is_right, pairs)) / len(pairs)


def confusion_of(pairs: list[dict]) -> dict[str, dict[str, int]]:
    confusion: dict[str, dict[str, int]] = {}
    for pair in sorted(pairs, key=lambda pair: pair["degradation"]):
        counts = confusion.setdefault(pair["degradation"], {})
        counts[pair["label"]] = counts.get(pair["label"], 0) + 1
    return confusion


def summarise(pairs: list[dict]) -> dict:
    sides = [side for side in ("input", "output", "forced") if side in pairs[0]]
    measures = [*MEASURES, *(name for name in OPTIONAL_MEASURES if all(
        name in pair[side] for pair in pairs for side in ("input", "output")))]
    rows = {}
    for degradation in sorted({pair["degradation"] for pair in pairs}):
        own = [pair for pair in pairs if pair["degradation"] == degradation]
        rows[degradation] = {
            side: {name: mean_of(own, side, name) for name in (measures if side != "forced" else MEASURES)} for side in sides}
        rows[degradation]["pairs"] = len(own)
        rows[degradation]["right"] = sum(map(is_right, own))
    wrong = [pair for pair in pairs if not is_right(pair) and pair["degradation"] != CLEAN]
    losses = [-gain(pair) for pair in wrong]
    degraded = [row for name, row in rows.items() if name != CLEAN] or list(rows.values())
    means = {side: {name: statistics.fmean(row[side][name] for row in degraded) for name in degraded[0][side]} for side in sides}
    return {
        "degradations": rows, "mean": means, "gain": means["output"]["psnr"] - means["input"]["psnr"],
        "accuracy": accuracy(pairs), "confusion": confusion_of(pairs),
        "wrongly_labelled": {"pairs": len(wrong), "greatest_loss": max(losses, default=0.0)} | (
            {side: mean_of(wrong, side, "psnr") for side in sides} if wrong else {}),
    }


def table(summary: dict) -> str:
    forced = "forced" in summary["mean"]
    optional = [name for name in OPTIONAL_MEASURES if name in summary["mean"]["output"]]
    head = ["degradation", "pairs", "labels", "PSNR in", "out", "gain", "SSIM in", "out", "MS-SSIM in", "out", "GMSD in", "out"]
    for name in optional:
        head += [f"{name} in", "out"]
    head += ["PSNR forced"] if forced else []
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    whole = {"pairs": sum(row["pairs"] for row in summary["degradations"].values()),
             "right": sum(row["right"] for row in summary["degradations"].values()), **summary["mean"]}
    for name, row in [*summary["degradations"].items(), ("mean of means", whole)]:
        before, after = row["input"], row["output"]
        cells = [name, str(row["pairs"]), f"{row['right']}/{row['pairs']}", f"{before['psnr']:.2f}", f"{after['psnr']:.2f}",
                 f"{after['psnr'] - before['psnr']:+.2f}"]
        for measure in MEASURES[1:]:
            cells += [f"{before[measure]:.3f}", f"{after[measure]:.3f}"]
        for name in optional:
            cells += [f"{before[name]:.1f}", f"{after[name]:.1f}"]
        lines.append("| " + " | ".join(cells + ([f"{row['forced']['psnr']:.2f}"] if forced else [])) + " |")
    return "\n".join(lines)


def confusion_table(confusion: dict[str, dict[str, int]]) -> str:
    labels = sorted({*confusion, *(label for counts in confusion.values() for label in counts)})
    lines = ["| true \\ found | " + " | ".join(labels) + " |", "|---|" + "---|" * len(labels)]
    for truth, counts in confusion.items():
        lines.append(f"| {truth} | " + " | ".join(str(counts.get(label, "")) for label in labels) + " |")
    return "\n".join(lines)


def pair_table(pairs: list[dict]) -> str:
    lines = ["| pair | label | PSNR in | out | SSIM in | out |", "|---|---|---|---|---|---|"]
    for pair in pairs:
        before, after = pair["input"], pair["output"]
        lines.append(
            f"| {pair['degradation']}/{pair['name']} | {pair['label']} ({pair['confidence']:.2f}) | {before['psnr']:.2f} | "
            f"{after['psnr']:.2f} | {before['ssim']:.3f} | {after['ssim']:.3f} |")
    return "\n".join(lines)


def rounds_made(answer: dict) -> list[str]:
    """The labels of the rounds that a picture went through; none where it came back as it was."""
    if answer["unchanged"]:
        return []
    return [made["degradation"] for made in answer.get("rounds") or [answer]]


def rounds_table(pairs: list[dict], choices: list[str]) -> str:
    """What each choice of rounds gains in PSNR, by how many rounds the last choice made."""
    head = ["rounds made", "pairs", "PSNR in", *(f"gain, {choice}" for choice in choices), *(f"least, {choice}" for choice in choices)]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]

    def made(pair: dict) -> int:
        return len(pair["by_rounds"][choices[-1]]["rounds"])

    groups = [(str(count), [pair for pair in pairs if made(pair) == count]) for count in sorted(set(map(made, pairs)))]
    for name, own in [*groups, ("all", pairs)]:
        gains = [[gain({"input": pair["input"], **pair["by_rounds"][choice]}) for pair in own] for choice in choices]
        cells = [name, str(len(own)), f"{mean_of(own, 'input', 'psnr'):.2f}", *(f"{statistics.fmean(each):+.2f}" for each in gains),
                 *(f"{min(each):+.2f}" for each in gains)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
