"""What other programs lay out from a text: graphs by graphviz, and music by lilypond."""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from .theme import SANS, SERIF, colour
from .writer import Writer


def graph(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    program = ["dot", "dot", "neato", "fdp", "circo", "twopi"][index % 6]
    directed, count, hue = program == "dot" or w.chance(0.4), w.whole(5, 22), w.real(0, 1)
    shapes = (w.pick([["box"], ["ellipse"], ["box", "diamond", "ellipse"], ["circle"], ["record"],
        ["cylinder", "box3d", "note"], ["hexagon"]]))
    filled = w.chance(0.6)
    lines = ([(f'graph [dpi={w.pick([72, 96, 110])} bgcolor="{w.pick(["white", "white", "#f5f5f0", "#20242c"])}" '
        f'rankdir={w.pick(["TB", "LR"])} overlap=false splines={w.pick(["true", "ortho", "line", "curved"])}]'),
        (f'node [fontname="{w.pick(SANS + SERIF)}" fontsize={w.whole(10, 16)} style="'
        f'{w.pick(["rounded,", ""]) if "record" not in shapes else ""}{"filled" if filled else "solid"}" '
        f'penwidth={w.pick([1, 1, 2])}]'), (f'edge [color="{w.pick(["#333333", "#777777", "#2266aa"])}" arrowsize=.8 '
        f'fontname="{w.pick(SANS)}" fontsize=10]')])
    if "#20242c" in lines[0]:
        lines[1] = lines[1].replace("node [", 'node [fontcolor="white" color="#99aabb" ')
    for n in range(count):
        label = f"{{{w.label()}|{w.identifier()}\\l{w.identifier()}\\l}}" if shapes == ["record"] else w.title(1, 3)
        dark = "#20242c" in lines[0]
        lines.append(f'n{n} [label="{label}" shape={w.pick(shapes)}' + (
            f' fillcolor="{colour(hue + w.pick([0, 0.1, 0.5]), 0.3 if dark else 0.85, 0.5)}"' if filled else "") + "]")
    for n in range(1, count + w.whole(0, count // 2)):
        label = f' [label="{w.noun()}"]' if w.chance(0.2) else ""
        lines.append(f"n{w.whole(max(0, n % count - 5), max(0, n % count - 1))} {'->' if directed else '--'} "
            f"n{n % count}{label}")
    text = ("digraph" if directed else "graph") + " {\n" + "\n".join(lines) + "\n}"
    run = subprocess.run([program, "-Tpng:cairo"], input=text.encode(), capture_output=True, check=True)
    with Image.open(io.BytesIO(run.stdout)) as file:
        picture = Image.new("RGBA", file.size, "white")
        picture.alpha_composite(file.convert("RGBA"))
    return picture.convert("RGB")


def music(rng: np.random.Generator, index: int) -> Image.Image:
    w = Writer(rng)
    def voice(low: int) -> str:
        bars = []
        for _ in range(w.whole(10, 24)):
            notes = w.pick([["4"] * 4, ["8"] * 8, ["2", "4", "4"], ["4.", "8", "2"], ["1"], ["16"] * 8 + ["4"] * 2])
            bars.append(" ".join(w.pick("cdefgabr" if n else "cdefgab") + ("" if low else w.pick(["'", "'", "''"])) + length
                for n, length in enumerate(notes)))
        return " | ".join(bar.replace("r''", "r").replace("r'", "r") for bar in bars)
    key = f"\\key {w.pick('cdefgab')} \\{w.pick(['major', 'minor'])}"
    staff = f"\\new Staff {{ {key} {voice(0)} }}"
    if w.chance(0.5):
        staff = f"\\new PianoStaff << {staff} \\new Staff {{ \\clef bass {key} {voice(1)} }} >>"
    text = (f'\\version "2.24.0" \\header {{ title = "{w.title(1, 4)}" composer = "'
        f'{w.name()}" tagline = ##f }} \\paper {{ #(set-paper-size "{w.pick(["a5", "a5landscape", "a6landscape", "a4"])}") '
        f'}} {{ {staff} }}')
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["lilypond", "--loglevel=ERROR", f"-dresolution={w.pick([90, 101, 120])}", "--png", "-o", "score", "-"],
            input=text.encode(), cwd=folder, check=True, capture_output=True)
        with Image.open(sorted(Path(folder).glob("*.png"))[0]) as file:
            return file.convert(w.pick(["RGB", "L"]))
