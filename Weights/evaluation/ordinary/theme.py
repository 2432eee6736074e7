"""How a page looks: colours, fonts, corners and sizes, drawn once for each page."""

from __future__ import annotations

import colorsys
import shutil
import subprocess

from .writer import Writer

# Families of Debian's font packages that PACKAGES of make-ordinary names.
SANS = (["Cantarell", "Cabin", "Karla", "Dosis", "Comfortaa", "Inter", "B612", "Manrope", "Yanone Kaffeesatz",
    "Noto Sans Display", "Noto Sans"])
SERIF = (["EB Garamond", "Linux Libertine O", "Vollkorn", "Junicode", "Charis SIL", "Roboto Slab", "Noto Serif Display",
    "Noto Serif"])
MONO = ["JetBrains Mono", "mononoki", "Courier Prime", "B612 Mono"]
FALLBACK = "'WenQuanYi Micro Hei', 'Noto Sans Arabic', 'Noto Sans Devanagari', 'Noto Sans', sans-serif"


def missing_families() -> list[str]:
    """Those that this machine has not; others take their place."""
    there = subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True).stdout if shutil.which("fc-list") else ""
    return [family for family in SANS + SERIF + MONO if family not in there]


def colour(hue: float, lightness: float, saturation: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(hue % 1, lightness, saturation)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


class Theme:
    def __init__(self, w: Writer, dark_share: float = 0.35) -> None:
        self.dark = w.chance(dark_share)
        hue, tint = w.real(0, 1), w.pick([0, 0, 0.1, 0.3])
        self.hue = hue
        self.accent = colour(hue, w.real(0.55, 0.7) if self.dark else w.real(0.3, 0.5), w.real(0.35, 0.95))
        self.second = colour(hue + w.pick([0.08, 0.33, 0.5]), 0.55 if self.dark else 0.45, w.real(0.3, 0.8))
        if self.dark:
            base = w.pick([0.0, 0.06, 0.1, 0.13, 0.17])
            self.ground, self.panel = colour(hue, base, tint), colour(hue, base + w.real(0.03, 0.07), tint)
            self.ink, self.muted = colour(hue, w.real(0.82, 1), tint / 3), colour(hue, w.real(0.5, 0.62), tint / 3)
            self.line = colour(hue, base + 0.13, tint)
        else:
            base = w.pick([1.0, 1.0, 0.97, 0.94, 0.9])
            self.ground, self.panel = colour(hue, base, tint), colour(hue, w.pick([1.0, base - 0.03, base - 0.06]), tint)
            self.ink, self.muted = colour(hue, w.real(0, 0.2), tint / 2), colour(hue, w.real(0.4, 0.55), tint / 3)
            self.line = colour(hue, base - w.real(0.08, 0.2), tint)
        self.body = w.pick(SANS + SERIF) if w.chance(0.5) else w.pick(SANS)
        self.head = w.pick(SANS + SERIF) if w.chance(0.5) else self.body
        self.mono = w.pick(MONO)
        self.size = w.whole(12, 18)
        self.round = w.pick([0, 0, 3, 6, 12, 20])
        self.lifted = w.pick(["none", "none", "0 1px 3px rgba(0,0,0,.2)", "0 4px 14px rgba(0,0,0,.18)"])

    def css(self) -> str:
        return f"""
*{{box-sizing:border-box}} html,body{{margin:0;min-height:100%}}
body{{background:{self.ground};color:{self.ink};font:{self.size}px/1.45 '{self.body}',{FALLBACK}}}
h1,h2,h3,h4{{font-family:'{self.head}',{FALLBACK};margin:.5em 0 .35em;line-height:1.15}} p{{margin:.5em 0}}
code,pre,.mono{{font-family:'{self.mono}',monospace}} a,.accent{{color:{self.accent};text-decoration:none}}
.muted{{color:{self.muted}}} 
.panel{{background:{self.panel};border:1px solid {self.line};border-radius:{self.round}px;padding:12px;box-shadow:{self.lifted}}}
.row{{display:flex;gap:10px;align-items:center}} 
.column{{display:flex;flex-direction:column;gap:8px}} .grow{{flex:1;min-width:0}}
.button{{display:inline-block;background:{self.accent};color:{self.ground};padding:.4em 1em;
  border-radius:{self.round}px;font-weight:600}}
.field{{border:1px solid {self.line};background:{self.ground};
  border-radius:{min(self.round, 8)}px;padding:.4em .6em;min-height:2.2em}}
.line{{border-bottom:1px solid {self.line}}} .right{{text-align:right}} img{{object-fit:cover;display:block}}
table{{border-collapse:collapse;width:100%}} td,th{{padding:.35em .6em;text-align:left;vertical-align:top}}
.round{{border-radius:50%;display:inline-flex;align-items:center;justify-content:center;color:#fff;flex:none}}
.clip{{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}}"""
