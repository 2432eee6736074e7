"""Things of a studio as POV-Ray scenes: turned, cut and built shapes of many materials in soft light."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from .theme import colour
from .writer import Writer


def rgb(w: Writer, low: float = 0.15, high: float = 0.7) -> str:
    code = colour(w.real(0, 1), w.real(low, high), w.real(0.1, 0.9))
    # The renderer counts light, not a screen's values.
    red, green, blue = ((int(code[at:at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5))
    return f"rgb <{red:.3f},{green:.3f},{blue:.3f}>"


def material(w: Writer) -> str:
    one, two = rgb(w), rgb(w, 0.05, 0.4)
    kind = w.pick(["plain", "plain", "shiny", "metal", "wood", "marble", "glazed", "stripes", "checks", "rough", "glass"])
    scale = w.real(0.15, 0.6)
    pigments = ({"wood": ("pigment{wood turbulence 0.06 octaves 3 color_map{[0 rgb<.42,.22,.08>][.5 rgb"
        "<.55,.31,.13>][.55 rgb<.3,.14,.05>][1 rgb<.42,.22,.08>]} rotate x*85 scale .12}"), "marble":
        (f"pigment{{marble turbulence 1.1 color_map{{[0 {one}][.7 rgb .8][1 rgb .9]}} "
        f"scale {scale}}}"), "stripes": (f"pigment{{gradient y color_map{{[0 {one}][.5 {one}][.5 {two}][1 "
        f"{two}]}} scale {scale}}}"), "checks": f"pigment{{checker {one} {two} scale {scale}}}",
        "glass": f"pigment{{{one} transmit .75}}"})
    finishes = {
        "shiny": "finish{ambient .06 diffuse .7 specular .6 roughness .01 reflection{.03,.25 fresnel} conserve_energy}",
        "metal": "finish{ambient .06 diffuse .35 specular .8 roughness .02 metallic reflection{.45 metallic}}",
        "glazed": "finish{ambient .06 diffuse .7 specular .4 roughness .03 reflection{.02,.15 fresnel}}",
        "glass": "finish{ambient .01 diffuse .25 specular .9 roughness .004 reflection{.04,.5 fresnel} conserve_energy}",
        "rough": "finish{ambient .08 diffuse .8} normal{bumps .35 scale .05}"}
    interior = " interior{ior 1.45}" if kind == "glass" else ""
    finish = finishes.get(kind, "finish{ambient .08 diffuse .8 specular .15 roughness .08}")
    return f"texture{{{pigments.get(kind, f'pigment{{{one}}}')} {finish}}}{interior}"


def turned(points: list[tuple[float, float]]) -> str:
    """What a lathe makes of a profile (radius, height)."""
    text = ",".join(f"<{radius:.3f},{height:.3f}>" for radius, height in points)
    return f"lathe{{cubic_spline {len(points)},{text} "


def vase(w: Writer) -> str:
    tall, foot, belly, neck, lip = w.real(1.4, 2.4), w.real(.3, .6), w.real(.5, .95), w.real(.15, .4), w.real(.25, .6)
    outer = ([(foot, -.1), (foot, 0), (belly, tall * w.real(.25, .6)), (neck, tall * .8), (lip, tall), (lip - .06, tall),
        (neck - .06, tall * .8), (belly - .08, tall * .4), (.01, .1), (.01, .0)])
    return turned(outer) + material(w) + "}"


def mug(w: Writer) -> str:
    tall, wide = w.real(.9, 1.5), w.real(.45, .75)
    return (f"union{{difference{{cylinder{{0,y*{tall},{wide}}} cylinder{{y*.08,y*"
        f"{tall + .1},{wide - .07}}}}} difference{{torus{{{tall * .28},.075 rotate x*90 translate"
        f"<{wide},{tall * .5},0>}} cylinder{{0,y*{tall},{wide - .01}}}}} {material(w)}}}")


def bowl(w: Writer) -> str:
    wide = w.real(.8, 1.2)
    fruit = ("".join((f"sphere{{<{w.real(-.4, .4)},{wide * .75 + w.real(0, .15)},{w.real(-.4, .4)}>,"
        f"{w.real(.22, .32)} {material(w)}}}") for _ in range(w.whole(0, 5))))
    return (f"union{{difference{{sphere{{y*{wide},{wide}}} sphere{{y*{wide},{wide - .07}}} box{{<-3,{wide * .8},-3>,"
        f"<3,5,3>}} box{{<-3,-1,-3>,<3,.06,3>}} {material(w)}}} {fruit}}}")


def bottle(w: Writer) -> str:
    wide, tall = w.real(.3, .5), w.real(1.1, 1.7)
    label = (f"cylinder{{y*{tall * .2},y*{tall * .65},{wide + .004} open texture{{pigment{{gradient "
        f"y color_map{{[0 rgb .85][.35 rgb .85][.35 {rgb(w)}][.6 {rgb(w)}][.6 rgb "
        f".85][1 rgb .85]}} scale {tall * .5}}} finish{{ambient .08 diffuse .8}}}}}}")
    return (f"union{{union{{cylinder{{0,y*{tall},{wide}}} cone{{y*{tall},{wide},y*"
        f"{tall + .45},{wide * .32}}} cylinder{{y*{tall + .45},y*{tall + .75},"
        f"{wide * .32}}} {material(w)}}} {label} cylinder{{y*{tall + .72},y*{tall + .9},{wide * .36} {material(w)}}}}}")


def carton(w: Writer) -> str:
    x, y, z = w.real(.4, 1.1), w.real(.3, 1.8), w.real(.3, .8)
    sticker = f"box{{<-{x * .7},{y * .3},-{z + .004}>,<{x * .7},{y * .75},-{z}> {material(w)}}}"
    return f"union{{box{{<-{x},0,-{z}>,<{x},{y},{z}> {material(w)}}} {sticker}}}"


def chair(w: Writer) -> str:
    seat, back, leg = w.real(.9, 1.1), w.real(2, 2.5), w.real(.05, .09)
    legs = "".join(f"cylinder{{<{x},0,{z}>,<{x * .9},{seat},{z * .9}>,{leg}}}" for x in (-.5, .5) for z in (-.5, .5))
    slats = "".join(f"box{{<-.5,{at},.44>,<.5,{at + .18},.5>}}" for at in np.linspace(seat + .25, back - .2, w.whole(2, 4)))
    posts = "".join(f"cylinder{{<{x},{seat},.47>,<{x},{back},.5>,{leg}}}" for x in (-.46, .46))
    return f"union{{{legs}{posts}{slats} box{{<-.58,{seat},-.58>,<.58,{seat + .1},.58>}} {material(w)}}}"


def chess(w: Writer) -> str:
    head = (w.pick(["sphere{y*1.75,.3}", ("difference{cylinder{y*1.6,y*2.05,.34} box{<-.08,1.9,-1>,<.08,3,1>} box{"
        "<-1,1.9,-.08>,<1,3,.08>}}"), "union{cone{y*1.6,.22,y*2.1,.36} sphere{y*2.2,.12}}"]))
    body = (turned([(.7, -.1), (.7, 0), (.68, .2), (.45, .35), (.24, .9), (.22, 1.4), (.4, 1.5), (.36, 1.58), (.01, 1.6),
        (.01, 1.6)]))
    return f"union{{{body}}} {head} {material(w)}}}"


def gear(w: Writer) -> str:
    teeth = w.whole(9, 26)
    ring = "".join(f"box{{<-.1,0,.8>,<.1,.35,1.12> rotate y*{360 * n / teeth}}}" for n in range(teeth))
    holes = "".join(f"cylinder{{<0,-1,.5>,<0,1,.5>,.16 rotate y*{n * 60}}}" for n in range(6))
    return (f"difference{{union{{cylinder{{0,y*.35,.95}} {ring}}} cylinder{{-y,y,.22}} "
        f"{holes} {material(w)} rotate x*{w.real(-90, 0)} translate y*.6}}")


def die(w: Writer) -> str:
    pips = ("".join(f"sphere{{<{x * .5},{y * .5},-1.03>,.15}} sphere{{<1.03,{y * .5},{x * .5}>,.15}}" for x,
        y in w.some([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)], w.whole(2, 5))))
    return (f"difference{{superellipsoid{{<.2,.2>}} union{{{pips} sphere{{y*1.03,.17}} pigment{{rgb .02}}}} "
        f"{material(w)} scale .7 rotate y*{w.real(0, 90)} translate y*.7}}")


def books(w: Writer) -> str:
    at, out = 0.0, []
    for _ in range(w.whole(2, 5)):
        thick, x, z = w.real(.12, .35), w.real(.7, 1), w.real(.5, .75)
        out.append(f"union{{difference{{box{{<-{x},{at},-{z}>,<{x},{at + thick},{z}>}} box{{<-{x - .04},{at + .03},-2>,"
            f"<2,{at + thick - .03},2>}} {material(w)}}} box{{<-{x - .04},{at + .03},-{z - .05}>,"
            f"<{x - .05},{at + thick - .03},{z - .05}> texture{{pigment{{gradient y color_map{{[0 "
            f"rgb .8][.5 rgb .65][1 rgb .8]}} scale .03}} finish{{ambient .08 diffuse "
            f".8}}}}}} rotate y*{w.real(-25, 25)}}}")
        at += thick
    return f"union{{{''.join(out)}}}"


def lamp(w: Writer) -> str:
    tall = w.real(1.3, 2)
    return (f"union{{union{{cylinder{{0,y*.08,.55}} cylinder{{0,y*{tall},.05}} "
        f"{material(w)}}} cone{{y*{tall - .2},.75,y*{tall + .6},.38 open {material(w)}}}}}")


def ring(w: Writer) -> str:
    return (f"union{{torus{{.8,{w.real(.08, .2)} rotate x*{w.real(60, 90)} translate y*.92 {material(w)}}} superellipsoid{{"
        f"<1,{w.real(.3, 1)}> scale .28 translate y*1.9 {material(w)}}}}}")


def bricks(w: Writer) -> str:
    def one(n: int) -> str:
        studs = ("".join(f"cylinder{{<{x * .3 - .45},.36,{z * .3 - .15}>,<{x * .3 - .45},.44,{z * .3 - .15}>,.09}}"
            for x in range(4) for z in range(2)))
        return (f"union{{box{{<-.6,0,-.3>,<.6,.36,.3>}} {studs} {material(w)} rotate y*{w.pick([0, 90])} translate"
            f"<{w.real(-.2, .2)},{n * .36},0>}}")
    return f"union{{{''.join(one(n) for n in range(w.whole(1, 6)))}}}"


def shells(w: Writer) -> str:
    """A pile of beads on a spiral."""
    beads = ("".join((f"sphere{{"
        f"<{np.cos(n * .5) * (.2 + n * .02):.3f},{1.9 - n * .045:.3f},{np.sin(n * .5) * (.2 + n * .02):.3f}>,"
        f"{.1 + n * .004:.3f}}}") for n in range(40)))
    return f"union{{{beads} {material(w)} translate y*.1}}"


THINGS = [vase, mug, bowl, bottle, carton, chair, chess, gear, die, books, lamp, ring, bricks, shells]


def scene(w: Writer, thing) -> str:
    """The thing before a camera with two lamps and a bright room round it to mirror; no ground."""
    sun = np.array([w.real(-6, 6), w.real(5, 9), w.real(-7, -2)])
    look = np.array([0, w.real(.7, 1.0), 0])
    turn, rise = w.real(0, 6.28), w.real(.8, 3.5)
    eye = f"<{6 * np.sin(turn) * .6:.3f},{rise},{-5.2 - abs(np.cos(turn)):.3f}>"
    return f"""#version 3.7; global_settings{{assumed_gamma 1.0 max_trace_level 7}}
camera{{location {eye} look_at <0,{look[1]:.3f},0> right x*image_width/image_height angle {w.real(30, 38):.2f}}}
light_source{{<{sun[0]:.2f},{sun[1]:.2f},{sun[2]:.2f}> rgb {w.real(.7, 1.0):.2f} area_light x*2,z*2,5,5 adaptive 1}}
light_source{{<{-sun[0]:.2f},4,-6> rgb {w.real(.4, .7):.2f} shadowless}}
sphere{{0,60 hollow no_shadow no_image 
  pigment{{gradient y color_map{{[0 rgb .12][.5 rgb .4][.62 rgb .9][1 rgb .6]}}
  scale 120 translate -y*60}} finish{{ambient 0 diffuse 0 emission .8}}}}
object{{{thing(w)} rotate y*{w.real(0, 360):.1f}}}
"""


def cut_out(rng: np.random.Generator, thing, side: int) -> Image.Image:
    """The thing alone, with transparency round it, cut to its edges."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "scene.pov").write_text(scene(Writer(rng), thing))
        run = subprocess.run(
            ["povray", "-D", "+Iscene.pov", "+Oscene.png", f"+W{side}", f"+H{side}", "+UA", "+A0.1", "+AM2", "+R3", "+WT1"],
            cwd=folder, capture_output=True)
        if run.returncode:
            raise RuntimeError(f"povray, {thing.__name__}: {run.stderr.decode()[-600:]}")
        with Image.open(Path(folder, "scene.png")) as file:
            picture = file.convert("RGBA")
    return picture.crop(picture.getchannel("A").point(lambda value: 255 if value > 8 else 0).getbbox())
