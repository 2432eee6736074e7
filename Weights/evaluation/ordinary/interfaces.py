"""What programs show: each template is another program, as a desktop, a telephone or a browser has it."""

from __future__ import annotations

from .pages import image, repeated
from .theme import Theme, colour
from .writer import Writer


SIGNS = "BIU∑ƒ≡⇤↺✂⎘%$"  # of a spreadsheet's bar


def disc(w: Writer, t: Theme, size: int, text: str = "") -> str:
    return (f'<span class="round" style="width:{size}px;height:{size}px;font-size:'
        f'{size * 0.45:.0f}px;background:{colour(w.real(0, 1), 0.45, 0.5)}">{text}</span>')


def chat(w: Writer, t: Theme, photo) -> str:
    def bubble(n: int) -> str:
        own = w.chance(0.45)
        style = (f"background:{t.accent};color:{t.ground};margin-left:auto" if own
            else f"background:{t.panel};border:1px solid {t.line}")
        inner = image(w, photo, 220, 150, f"border-radius:{t.round}px") if w.chance(0.07) else w.sentence(1, 22)
        return (f'<div style="{style};max-width:72%;width:fit-content;padding:8px 12px;border-radius:'
            f'{t.round + 6}px;margin-top:7px">{inner}<div style="font-size:.7em;opacity:.7" class="right">{w.clock()}'
            '</div></div>')
    ground = w.pick([t.ground, t.ground, colour(t.hue, 0.15 if t.dark else 0.85, 0.25)])
    return (f'<div style="height:100vh;display:flex;flex-direction:column;background:{ground}">'
        f'<div class="row line" style="padding:10px;background:{t.panel}">{disc(w, t, 38, w.pick("ABKMSTRL"))}<div>'
        f'<b>{w.name()}</b><br><span class="muted" style="font-size:.8em">{w.words(2)}</span></div></div>'
        f'<div class="grow" style="padding:12px;overflow:hidden">{repeated(w.whole(4, 14), bubble)}'
        f'</div><div class="row" style="padding:10px;background:{t.panel}"><div class="field grow muted">{w.words(2)}'
        '</div><span class="button">➤</span></div></div>')


def mail(w: Writer, t: Theme, photo) -> str:
    folder = lambda n: (f'<div class="row" style="padding:5px 14px;{"background:" + t.line if n == 1 else ""}">'
        f'<span class="grow">{w.label()}</span><span class="muted">{w.whole(1, 90) if w.chance(0.5) else ""}</span></div>')
    line = lambda n: (f'<div class="line" style="padding:7px 12px;{"border-left:4px solid " + t.accent if n == 2 else ""}">'
        f'<div class="row">{"<b>" if w.chance(0.4) else ""}<span class="grow clip">{w.name()}</span></b>'
        f'<span class="muted" style="font-size:.8em">{w.clock()}</span></div><div class="clip">{w.title()}</div>'
        f'<div class="clip muted" style="font-size:.85em">{w.sentence()}</div></div>')
    return ('<div style="display:flex;height:100vh;overflow:hidden">'
        f'<div style="width:170px;flex:none;background:{t.panel};padding-top:12px">'
        f'<span class="button" style="margin:0 14px 12px">{w.label()}</span>{repeated(w.whole(5, 11), folder)}</div>'
        f'<div style="width:300px;flex:none;border:solid {t.line};border-width:0 '
        f'1px">{repeated(16, line)}</div><div class="grow" style="padding:16px 22px"><h2>{w.title()}</h2>'
        f'<div class="row">{disc(w, t, 34, w.pick("ABDFGH"))}<div>{w.name()}<br><span class="muted">{w.date()}</span>'
        f'</div></div>{repeated(4, lambda n: f"<p>{w.paragraph()}</p>")}</div></div>')


def chart(w: Writer, t: Theme, width: int, height: int) -> str:
    """A small one, as SVG: line, area, bars, or a ring."""
    kind, count = w.pick(["line", "area", "bars", "ring"]), w.whole(6, 24)
    if kind == "ring":
        share = w.real(0.2, 0.9) * 251
        return (f'<svg width="{height}" height="{height}" viewBox="0 0 100 100">'
            f'<circle cx="50" cy="50" r="40" fill="none" stroke="{t.line}" stroke-width="14"/>'
            f'<circle cx="50" cy="50" r="40" fill="none" stroke="{t.accent}" stroke-width="14" '
            f'stroke-dasharray="{share} 251" transform="rotate(-90 50 50)"/>'
            f'<text x="50" y="56" text-anchor="middle" fill="{t.ink}" font-size="18">{share / 2.51:.0f}%</text></svg>')
    values = [w.real(0.1, 0.95) if kind == "bars" else 0.5 + 0.4 * w.real(-1, 1) * (n + 3) / (count + 3) for n in range(count)]
    points = [(n * width / (count - 1), (1 - value) * height) for n, value in enumerate(values)]
    grid = repeated(4, lambda n: f'<line x1="0" x2="{width}" y1="{n * height / 4}" y2="{n * height / 4}" stroke="{t.line}"/>')
    if kind == "bars":
        own = ("".join((f'<rect x="{n * width / count + 2}" y="{(1 - value) * height}" width="'
            f'{width / count - 4}" height="{value * height}" fill="{w.pick([t.accent, t.accent, t.second])}"/>') for n,
            value in enumerate(values)))
    else:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        own = f'<polyline points="{path}" fill="none" stroke="{t.accent}" stroke-width="2"/>'
        if kind == "area":
            own += f'<polygon points="0,{height} {path} {width},{height}" fill="{t.accent}" opacity=".25"/>'
    return f'<svg width="{width}" height="{height}">{grid}{own}</svg>'


def dashboard(w: Writer, t: Theme, photo) -> str:
    figure = lambda n: (f'<div class="panel grow"><div class="muted">{w.label()}</div>'
        f'<div style="font-size:1.9em;font-weight:700">{w.number(99999)}</div>'
        f'<span style="color:{w.pick(["#2a9d57", "#d1453b"])}">{w.pick("▲▼")} {w.money(30)} %</span></div>')
    plot = lambda n: f'<div class="panel"><h4>{w.title(1, 3)}</h4>{chart(w, t, w.whole(230, 300), w.whole(110, 170))}</div>'
    row = lambda n: (f'<tr class="line"><td>{w.name()}</td><td>{w.label()}</td><td class="right">{w.money()}</td><td>'
        f'<span style="background:{colour(w.pick([0.0, 0.3, 0.1, 0.6]), 0.45, 0.6)};'
        f'color:#fff;border-radius:9px;padding:1px 9px;font-size:.8em">{w.noun()}</span></td></tr>')
    side = (f'<div style="width:{w.whole(60, 190)}px;flex:none;overflow:hidden;background:'
        f'{w.pick([t.panel, t.accent, "#1d2230"])};color:{w.pick(["#fff", "#ddd"])};'
        f'padding:14px" class="column">{repeated(8, lambda n: f"<span>◆ {w.label()}</span>")}</div>' if w.chance(0.7) else "")
    return (f'<div style="display:flex;min-height:100vh">{side}<div class="grow column" style="padding:16px;gap:14px">'
        f'<div class="row"><h2 class="grow">{w.title(1, 3)}</h2><span class="field muted">{w.date()}</span></div>'
        f'<div class="row">{repeated(w.whole(3, 4), figure)}</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:14px">{repeated(w.whole(2, 6), plot)}'
        f'</div><div class="panel"><table>{repeated(w.whole(4, 10), row)}</table></div></div></div>')


def editor(w: Writer, t: Theme, photo) -> str:
    keyword, string, comment, call = (colour(t.hue + shift, 0.68 if t.dark else 0.36, 0.6) for shift in (0, 0.3, 0.5, 0.75))
    def code(n: int) -> str:
        depth = w.whole(0, 4)
        name, other = w.identifier(), w.identifier()
        kind = w.whole(0, 7)
        k = lambda text: f'<span style="color:{keyword}">{text}</span>'
        body = ([f'{k("let")} {name} = <span style="color:{call}">{other}</span>({w.whole(0, 999)}, {w.identifier()})',
            f'{k("if")} {name} &lt; {other} {{', f'{k("return")} {name}[{w.whole(0, 9)}] + {other}.{w.noun()}',
            (f'<span style="color:{comment}">// {w.sentence(3, 10)}'
            '</span>'), (f'{name}.<span style="color:{call}">{w.noun()}</span>('
            f'<span style="color:{string}">"{w.words(w.whole(1, 5))}"</span>)'), "}", "",
            f'{k("for")} {name} {k("in")} 0..&lt;{other}.{k("count")} {{'][kind])
        mark = f"background:{t.panel}" if w.chance(0.04) else ""
        return (f'<div style="{mark}"><span class="muted" style="display:inline-block;width:3em;text-align:right;'
            f'margin-right:1.2em">{n + 1}</span><span style="margin-left:{depth * 2}ch">{body}</span></div>')
    entry = lambda n: (f'<div style="padding-left:{w.pick([0, 14, 14, 28])}px">{w.pick("▸▾·")} '
        f'{w.identifier()}.{w.pick(["rs", "py", "c", "md", "txt"])}</div>')
    files = (f'<div style="width:190px;flex:none;background:{t.panel};padding:10px;font-size:.9em">{repeated(20, entry)}'
        '</div>' if w.chance(0.6) else "")
    tabs = (repeated(w.whole(1, 4), lambda n: f'<span style="padding:7px 16px;background:{t.ground if n == 0 else t.panel};'
        f'border-right:1px solid {t.line}">{w.identifier()}.rs</span>'))
    return ('<div style="height:100vh;display:flex;flex-direction:column">'
        f'<div style="background:{t.panel};display:flex">{tabs}</div>'
        f'<div style="display:flex;flex:1;overflow:hidden">{files}'
        f'<div class="mono grow" style="font-size:{w.whole(11, 16)}px;line-height:1.5;'
        f'white-space:pre;overflow:hidden;padding-top:6px">{repeated(60, code)}</div></div>'
        f'<div class="row" style="background:{t.accent};color:{t.ground};padding:2px '
        f'12px;font-size:.8em"><span class="grow">{w.noun()}'
        f'</span>Ln {w.whole(1, 400)}, Col {w.whole(1, 80)} &nbsp; UTF-8</div></div>')


def terminal(w: Writer, t: Theme, photo) -> str:
    ground, ink, green, blue = (w.pick(
        [("#000", "#ccc", "#4e9a06", "#729fcf"), ("#fdf6e3", "#586e75", "#859900", "#268bd2"),
        ("#1e1e2e", "#cdd6f4", "#a6e3a1", "#89b4fa"), ("#fff", "#222", "#287a28", "#2a4fb0"),
        ("#300a24", "#eee", "#8ae234", "#729fcf"), ("#001100", "#33ee55", "#33ee55", "#33ee55")]))
    host = f'<span style="color:{green}">{w.noun()}@{w.noun()}</span>:<span style="color:{blue}">~/{w.noun()}</span>$ '
    listing = lambda n: (f'{w.pick(["-rw-r--r--", "drwxr-xr-x", "-rwxr-xr-x"])} {w.whole(1, 9)} '
        f'{w.noun():8} {w.whole(100, 999999):7} {w.pick(["Jan", "May", "Oct"])} '
        f'{w.whole(1, 28):2} {w.clock():>5} {w.pick([w.noun(), f"<span style=color:{blue}>{w.noun()}</span>"])}\n')
    output = lambda n: (w.pick([lambda: f"{w.pick(['INFO', 'WARN', 'DEBUG'])} [{w.clock()}] {w.words(w.whole(3, 9))}\n",
        lambda: f"  {w.noun()}: {w.number()}\n", lambda: f"{w.noun():14}{'█' * w.whole(2, 30)} {w.whole(0, 99)}%\n",
        lambda: f"{w.sentence()}\n"])())
    block = lambda n: host + w.words(w.whole(1, 4)) + "\n" + repeated(w.whole(1, 9), w.pick([listing, output]))
    bar = (f'<div style="background:{w.pick(["#3a3a3a", "#ddd", "#555"])};color:'
        f'{w.pick(["#999", "#888"])};text-align:center;padding:6px;font-size:13px">{w.noun()}: {w.noun()}</div>'
        if w.chance(0.5) else "")
    return (f'{bar}<pre style="margin:0;background:{ground};color:{ink};min-height:100vh;padding:10px;'
        f'font-size:{w.whole(12, 17)}px;line-height:1.25">{repeated(9, block)}{host}█</pre>')


def spreadsheet(w: Writer, t: Theme, photo) -> str:
    columns = w.whole(5, 12)
    kinds = [w.pick(["number", "number", "word", "date", "empty"]) for _ in range(columns)]
    make = ({"number": lambda: f'<td class="right">{w.money(9999)}</td>',
        "word": lambda: f'<td class="clip">{w.title(1, 2)}</td>', "date": lambda: f"<td>{w.date()}</td>",
        "empty": lambda: "<td></td>"})
    row = lambda n: (f'<tr><th style="background:{t.panel}" class="muted">{n + 1}</th>'
        + "".join("<td></td>" if w.chance(0.12) else make[kind]() for kind in kinds) + "</tr>")
    head = ("<tr><th></th>" + repeated(columns, lambda n:
        f'<th style="background:{t.panel};text-align:center" class="muted">'
        f'{chr(65 + n)}</th>') + "</tr>")
    return (f'<style>.sheet td,.sheet th{{border:1px solid {t.line};padding:2px 6px;height:22px;'
        f'white-space:nowrap;max-width:130px}}</style>'
        f'<div style="background:{w.pick([t.accent, t.panel])};padding:8px 14px"><b>{w.label()}.ods</b></div>'
        f'<div class="row line" style="padding:5px 14px">{repeated(9, lambda n: f"<span>{w.pick(SIGNS)}</span>")}'
        f'<span class="field grow mono" style="min-height:1.6em">=SUM({chr(65 + w.whole(0, 8))}'
        f'{w.whole(1, 9)}:{chr(65 + w.whole(0, 8))}{w.whole(10, 40)})</span></div>'
        f'<table class="sheet" style="font-size:13px">{head}{repeated(45, row)}</table>')


def files(w: Writer, t: Theme, photo) -> str:
    def entry(n: int) -> str:
        hue = w.pick([t.hue, t.hue, t.hue, w.real(0, 1)])
        icon = (w.pick([(f'<div style="width:58px;height:44px;background:{colour(hue, 0.6, 0.6)};border-radius:4px;'
            f'border-top:8px solid {colour(hue, 0.5, 0.6)}"></div>'),
            ('<div style="width:42px;height:54px;background:#fff;border:1px solid #aaa;'
            f'padding:6px;font-size:5px;line-height:6px;overflow:hidden;color:#666">{w.words(12)}</div>'),
            image(w, photo, 72, 54) if w.chance(0.3) else
            f'<div style="width:46px;height:54px;background:{colour(hue, 0.4, 0.5)};border-radius:5px">'
            '</div>']))
        return ('<div style="width:104px;text-align:center;padding:8px" class="column">'
            f'<div style="height:58px;display:flex;align-items:flex-end;justify-content:center">{icon}</div>'
            f'<span class="clip" style="font-size:.85em">{w.identifier()}.{w.pick(["txt", "jpg", "pdf", "csv", "odt"])}'
            '</span></div>')
    return ('<div style="height:100vh;display:flex;flex-direction:column">'
        f'<div class="row" style="background:{t.panel};padding:8px 12px">◀ ▶ '
        f'<div class="field grow">/{w.noun()}/{w.noun()}/{w.noun()}</div>☰ ⊞</div><div style="display:flex;flex:1">'
        f'<div style="width:160px;background:{t.panel};padding:12px;line-height:2">'
        f'{repeated(8, lambda n: f"◈ {w.label()}<br>")}</div>'
        '<div class="grow" style="display:flex;flex-wrap:wrap;align-content:flex-start;'
        f'padding:10px">{repeated(w.whole(7, 40), entry)}</div></div>'
        f'<div class="muted" style="padding:3px 12px;font-size:.8em">{w.whole(2, 90)} {w.noun()}, {w.money(99)} MB</div>'
        '</div>')


def settings(w: Writer, t: Theme, photo) -> str:
    def line(n: int) -> str:
        on = w.chance(0.5)
        switch = ('<span style="width:38px;height:20px;border-radius:10px;background:'
            f'{t.accent if on else t.line};padding:2px;flex:none;display:flex;justify-content:'
            f'{"flex-end" if on else "flex-start"}">'
            '<span style="width:16px;height:16px;border-radius:8px;background:#fff"></span></span>')
        slider = ('<span style="width:120px;height:4px;background:linear-gradient(90deg,'
            f'{t.accent} {w.whole(10, 90)}%,{t.line} 0);flex:none"></span>')
        return (f'<div class="row line" style="padding:10px 4px">{disc(w, t, 26, w.pick("⚙★♪✎⌂☼"))}'
            f'<div class="grow">{w.title(1, 3)}<div class="muted" style="font-size:.8em">{w.words(w.whole(2, 8))}</div>'
            f'</div>{w.pick([switch, switch, slider, f"<span class=muted>{w.noun()} ›</span>"])}</div>')
    return (f'<div style="padding:14px;max-width:{w.whole(380, 900)}px;margin:0 auto"><h1>{w.label()}</h1>'
        f'<div class="field muted">⌕ {w.words(2)}</div>{repeated(w.whole(6, 16), line)}</div>')


def shop(w: Writer, t: Theme, photo) -> str:
    side = w.whole(130, 200)
    card = lambda n: (f'<div class="panel" style="width:{side + 26}px">{image(w, photo, side, side)}<div class="clip">'
        f'<b>{w.title(2, 4)}</b></div><span style="color:#e8a020">{"★" * w.whole(2, 5)}</span> '
        f'<span class="muted">({w.number(900)})</span><div class="row">'
        f'<span class="grow accent" style="font-size:1.2em">{w.money()}</span>'
        '<span class="button" style="padding:.2em .7em">+</span></div></div>')
    return (f'<div class="row" style="background:{t.accent};color:{t.ground};padding:12px 20px">'
        f'<b style="font-size:1.3em">{w.surname()}</b><div class="field grow" style="color:{t.muted}">{w.words(3)}'
        f'</div>♥ {w.whole(1, 9)} &nbsp; ⊟ {w.whole(1, 9)}</div>' '<div style="padding:16px">'
        f'<p class="muted">{w.label()} › {w.label()} › {w.label()}</p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:12px">{repeated(w.whole(4, 12), card)}</div></div>')


def calendar(w: Writer, t: Theme, photo) -> str:
    first, days = w.whole(0, 6), w.whole(28, 31)
    def cell(n: int) -> str:
        day = n - first + 1
        events = (repeated(w.pick([0, 0, 1, 2]), lambda m:
            f'<div class="clip" style="background:{colour(t.hue + w.pick([0, 0.2, 0.5]), 0.35 if t.dark else 0.82, 0.5)};'
            f'border-radius:3px;padding:0 4px;font-size:.75em;margin-top:2px">{w.clock()} {w.label()}</div>'))
        return (f'<div style="border:solid {t.line};border-width:1px 0 0 1px;padding:4px;min-width:0">'
            + (f"<b>{day}</b>{events}" if 1 <= day <= days else "") + "</div>")
    return ('<div style="height:100vh;padding:14px;display:flex;flex-direction:column"><div class="row">'
        f'<h2 class="grow">{w.label()} {w.whole(1999, 2031)}</h2>‹ › <span class="button">{w.label()}</span></div>'
        '<div style="display:grid;grid-template-columns:repeat(7,1fr)">'
        f'{repeated(7, lambda n: f"<span class=muted>{w.surname()[:3]}</span>")}</div>'
        '<div style="display:grid;grid-template-columns:repeat(7,1fr);grid-auto-rows:1fr;'
        f'flex:1">{repeated(42, cell)}</div></div>')


def board(w: Writer, t: Theme, photo) -> str:
    card = lambda n: (f'<div style="background:{t.ground};border-radius:{t.round}px;padding:9px;'
        f'border:1px solid {t.line};box-shadow:{t.lifted}">'
        '<span style="display:inline-block;width:40px;height:7px;border-radius:4px;'
        f'background:{colour(w.real(0, 1), 0.55, 0.7)}"></span><div>{w.sentence(2, 9)}</div>'
        f'<div class="row muted" style="font-size:.8em"><span class="grow">{w.date()}'
        f'</span>{disc(w, t, 22, w.pick("ABCDEK"))}</div></div>')
    column = lambda n: (f'<div style="width:220px;flex:none;background:{t.panel};border-radius:'
        f'{t.round}px;padding:10px" class="column"><b>{w.label()} <span class="muted">{w.whole(1, 30)}</span>'
        f'</b>{repeated(w.whole(1, 6), card)}</div>')
    ground = w.pick([t.ground, t.accent, f"linear-gradient(135deg,{t.accent},{t.second})"])
    return (
        f'<div style="min-height:100vh;padding:14px;background:{ground}">'
        f'<h2>{w.title(1, 3)}</h2>'
        f'<div style="display:flex;gap:12px;align-items:flex-start">{repeated(w.whole(3, 7), column)}</div></div>')


def player(w: Writer, t: Theme, photo) -> str:
    cover = (image(w, photo, 250, 250, f"border-radius:{t.round}px") if w.chance(0.5) else
        '<div style="width:250px;height:250px;background:radial-gradient(circle '
        f'at {w.whole(20, 80)}% {w.whole(20, 80)}%,{t.second},{t.accent})"></div>')
    song = lambda n: (f'<div class="row line" style="padding:8px 0;{"color:" + t.accent if n == 1 else ""}">'
        f'<span class="muted" style="width:22px">{n + 1}</span><span class="grow clip">{w.title(1, 4)}</span>'
        f'<span class="muted">{w.whole(1, 6)}:{w.whole(10, 59)}</span></div>')
    return (f'<div style="min-height:100vh;padding:26px;display:flex;flex-wrap:wrap;gap:26px"><div>{cover}'
        f'<h2>{w.title(1, 3)}</h2><span class="muted">{w.name()}</span>'
        '<div style="height:5px;margin:16px 0;background:linear-gradient(90deg,'
        f'{t.accent} {w.whole(5, 95)}%,{t.line} 0)"></div><div style="font-size:2em;text-align:center">⏮ ⏵ ⏭</div></div>'
        f'<div class="grow" style="min-width:260px">{repeated(w.whole(6, 16), song)}'
        '</div></div>')


def sign_in(w: Writer, t: Theme, photo) -> str:
    ground = w.pick([t.ground, t.accent, f"linear-gradient({w.whole(0, 180)}deg,{t.accent},{t.second})"])
    return (f'<div style="height:100vh;background:{ground};display:flex;align-items:center;justify-content:center">'
        f'<div class="panel column" style="width:320px;padding:28px;gap:12px"><h2 style="text-align:center">{w.surname()}'
        f'</h2><span class="muted">{w.label()}</span><div class="field">{w.noun()}@{w.noun()}.example</div>'
        f'<span class="muted">{w.label()}</span>' f'<div class="field">{"•" * w.whole(6, 14)}</div>'
        f'<span class="button" style="text-align:center">{w.label()}</span>'
        f'<span class="accent" style="font-size:.85em;text-align:center">{w.words(4)}</span></div></div>')


def results(w: Writer, t: Theme, photo) -> str:
    hit = lambda n: (f'<div style="margin:18px 0"><span class="muted" style="font-size:.8em">{w.noun()}.example › '
        f'{w.noun()}</span><div class="accent" style="font-size:1.25em">{w.title(3, 8)}</div>'
        f'<div>{w.date()} — {w.paragraph(1, 2)}</div></div>')
    return ('<div class="row line" style="padding:16px 24px">'
        f'<b style="font-size:1.6em" class="accent">{w.surname().lower()}</b>'
        f'<div class="field" style="width:440px;border-radius:20px">{w.words(3)}</div></div>'
        f'<div style="padding:4px 24px;max-width:680px"><p class="muted">{w.number(9999999)}</p>{repeated(8, hit)}</div>')


def map_view(w: Writer, t: Theme, photo) -> str:
    road = lambda n, width, ink: (f'<path d="M{w.whole(-50, 1300)} {w.whole(-50, 900)} Q{w.whole(0, 1200)} '
        f'{w.whole(0, 800)} {w.whole(-50, 1300)} {w.whole(-50, 900)} T{w.whole(0, 1200)} '
        f'{w.whole(0, 800)}" fill="none" stroke="{ink}" stroke-width="{width}"/>')
    land, water, park, street, casing = (("#22303f", "#15202b", "#263c35", "#46576a", "#1a2632") if t.dark
        else w.pick([("#f2efe9", "#aad3df", "#c8e6b0", "#ffffff", "#c8bfae"),
        ("#e8eaed", "#9cc0f9", "#cfe8d0", "#fff", "#b8bcc4")]))
    blob = lambda n, ink: (f'<path d="M{w.whole(0, 1200)} {w.whole(0, 800)} q{w.whole(50, 300)} '
        f'{w.whole(-200, 200)} {w.whole(100, 400)} {w.whole(0, 200)} t{w.whole(-200, 100)} '
        f'{w.whole(50, 300)} z" fill="{ink}"/>')
    paths = []
    for width in (4, 4, 4, 4, 4, 4, 8, 8, 12):
        path = road(0, width, street)
        paths.append((path.replace(f'stroke="{street}" stroke-width="{width}"',
            f'stroke="{casing}" stroke-width="{width + 2}"'), path))
    names = (repeated(14, lambda n: f'<text x="{w.whole(20, 1100)}" y="{w.whole(20, 780)}" font-size="'
        f'{w.pick([11, 12, 15, 20])}" fill="{t.ink}" stroke="{land}" stroke-width="3" paint-order="stroke">{w.surname()}'
        '</text>'))
    pins = (repeated(w.whole(1, 5), lambda n: f'<g transform="translate({w.whole(100, 700)},{w.whole(80, 500)})">'
        '<path d="M0 0C-16-22-14-38 0-38S16-22 0 0" fill="#d63a2f"/><circle cy="-25" r="5" fill="#fff"/></g>'))
    svg = ('<svg width="1300" height="1000" style="position:absolute;left:0;top:0;background:'
        f'{land}">{blob(0, water)}{blob(0, water)}{repeated(4, lambda n: blob(n, park))}'
        f'{"".join(under for under, _ in paths)}{"".join(over for _, over in paths)}{names}{pins}</svg>')
    card = ('<div class="panel" style="position:absolute;left:14px;top:14px;width:250px">'
        f'<div class="field">⌕ {w.surname()}</div><h3>{w.company()}</h3><span style="color:#e8a020">{"★" * w.whole(3, 5)}'
        f'</span><p>{w.sentence()}</p><span class="button">{w.label()}</span></div>')
    return svg + (card if w.chance(0.7) else "")


def feed(w: Writer, t: Theme, photo) -> str:
    post = lambda n: (f'<div class="panel"><div class="row">{disc(w, t, 40, w.pick("ABCDEFKLMS"))}<div class="grow">'
        f'<b>{w.name()}</b> <span class="muted">@{w.noun()} · {w.whole(1, 23)}h</span></div>⋯</div><p>{w.paragraph(1, 2)}'
        '</p>' + (image(w, photo, 430, 260, f"width:100%;border-radius:{t.round}px") if w.chance(0.25) else "") +
        '<div class="row muted" style="gap:40px">'
        f'<span>♡ {w.number()}</span><span>↻ {w.number(900)}</span><span>✉ {w.whole(0, 99)}</span></div></div>')
    return f'<div class="column" style="max-width:{w.whole(400, 600)}px;margin:0 auto;padding:10px">{repeated(6, post)}</div>'


def phone_home(w: Writer, t: Theme, photo) -> str:
    app = lambda n: ('<div style="text-align:center;font-size:11px;color:#fff">'
        '<div style="width:56px;height:56px;margin:0 auto 4px;border-radius:'
        f'{w.pick([13, 13, 28])}px;background:linear-gradient({colour(w.real(0, 1), 0.6, 0.7)},'
        f'{colour(w.real(0, 1), 0.45, 0.7)});font-size:28px;line-height:56px">{w.pick("✉☎♪⚙★☀♥✎⌂☁")}'
        f'</div>{w.label().split(" ")[0][:9]}</div>')
    ground = (w.pick([f"linear-gradient({w.whole(0, 180)}deg,{colour(t.hue, 0.3, 0.5)},{colour(t.hue + 0.15, 0.45, 0.6)})",
        "#101014"]))
    return (f'<div style="height:100vh;background:{ground};padding:12px 18px;color:#fff">'
        f'<div class="row" style="font-size:13px"><b class="grow">{w.clock()}</b>▲ ◢ {w.whole(5, 100)}%</div>'
        f'<div style="font-size:60px;text-align:center;font-weight:200;margin:24px 0">{w.clock()}</div>'
        f'<div style="display:grid;grid-template-columns:repeat(4,1fr);gap:20px">{repeated(w.whole(10, 24), app)}</div>'
        '</div>')


def message_box(w: Writer, t: Theme, photo) -> str:
    back = w.pick([terminal, editor, files, spreadsheet])(w, t, photo)
    box = ('<div style="position:fixed;left:50%;top:42%;transform:translate(-50%,-50%);'
        f'width:380px;background:{t.panel};border:1px solid {t.muted};border-radius:'
        f'{t.round}px;box-shadow:0 8px 30px rgba(0,0,0,.35)">'
        f'<div style="background:{t.accent};color:{t.ground};padding:6px 12px" class="row">'
        f'<b class="grow">{w.title(1, 3)}</b>✕</div><div class="row" style="padding:18px;align-items:flex-start">'
        f'<span style="font-size:2.4em;color:{t.accent}">{w.pick("⚠ℹ❓")}</span><div>{w.paragraph(1, 2)}</div></div>'
        '<div class="row" style="padding:12px;justify-content:flex-end">'
        f'<span class="field" style="min-height:0">{w.label()}</span><span class="button">{w.label()}</span></div></div>')
    return back + box


INTERFACES = ([chat, mail, dashboard, editor, terminal, spreadsheet, files, settings, shop, calendar, board, player, sign_in,
    results, map_view, feed, phone_home, message_box])
TALL = {chat, settings, feed, phone_home, player, sign_in}  # as a telephone shows them, at times
