"""What becomes of pictures that nothing is wrong with, kind by kind, and what a margin would cost and save."""

MARGINS = (0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
CLEAN = "clean"


def untouched_table(rows: list[dict]) -> str:
    """Of pictures with `kind`, `same`, `psnr` and what the program answered. A folder is a kind."""
    kinds = sorted({row["kind"] for row in rows})
    reasons = sorted({row["declined"] for row in rows if row["declined"]})
    head = ["kind", "pictures", "as they were", "", "clean", *reasons, "changed", "below 30 dB", "least dB"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for kind in [*kinds, "all"]:
        own = [row for row in rows if kind in ("all", row["kind"])]
        changed = [row["psnr"] for row in own if not row["same"]]
        same = len(own) - len(changed)
        clean = sum(row["same"] and not row["declined"] for row in own)
        cells = [kind, len(own), same, f"{same / len(own):.0%}", clean, *(sum(row["declined"] == reason for row in own) for reason in reasons),
                 len(changed), sum(psnr < 30 for psnr in changed), f"{min(changed):.1f}" if changed else ""]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def margin_of(answer: dict) -> float:
    """How much likelier the likeliest label is than clean."""
    clean = next((each["probability"] for each in answer["probabilities"] if each["label"] == CLEAN), 0)
    return answer["confidence"] - clean


def margin_table(degraded: list[dict], ordinary: list[dict]) -> str:
    """By label and margin: degraded pictures of that label that would be declined, and clean ones called it that would be saved."""
    labels = sorted({answer["degradation"] for answer in degraded + ordinary} - {CLEAN})
    lines = ["| label | degraded | " + " | ".join(f"lost below {margin:g}" for margin in MARGINS) + " | clean | "
             + " | ".join(f"saved below {margin:g}" for margin in MARGINS) + " |", "|" + "---|" * (3 + 2 * len(MARGINS))]
    for label in [*labels, "all"]:
        cells = [label]
        for answers in (degraded, ordinary):
            own = [margin_of(answer) for answer in answers
                   if answer["degradation"] != CLEAN and label in ("all", answer["degradation"])]
            cells += [len(own), *(sum(each < margin for each in own) for margin in MARGINS)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)
