"""Pages that people read, print and scan: each template draws its words, its layout and what it leaves out."""

from __future__ import annotations

from .theme import FALLBACK, MONO, SERIF, Theme, colour
from .writer import Writer


def image(w: Writer, photo, width: int, height: int, style: str = "") -> str:
    return f'<img src="{photo(width, height)}" style="width:{width}px;height:{height}px;{style}">'


def repeated(count: int, make) -> str:
    return "".join(make(number) for number in range(count))


def article(w: Writer, t: Theme, photo) -> str:
    picture = (image(w, photo, 440, w.whole(200, 280), w.pick(["float:right;margin:0 0 12px 16px", "margin:12px auto", ""]))
        if w.chance(0.4) else "")
    parts = (repeated(w.whole(2, 5), lambda n: f"<h2>{w.title()}</h2>"
        + repeated(w.whole(1, 4), lambda m: f"<p>{w.paragraph()}</p>")))
    links = repeated(w.whole(3, 7), lambda n: f'<span class="accent">{w.label()}</span>')
    return (f'<div class="row line" style="padding:10px 24px;gap:22px"><b>{w.company()}</b><span class="grow">'
        f'</span>{links}</div>' f'<div style="max-width:{w.whole(520, 860)}px;margin:{w.pick(["0 auto", "0 30px"])};'
        'padding:16px">' f'<h1 style="font-size:{w.real(1.6, 3)}em">{w.title(4, 9)}</h1>'
        f'<p class="muted">{w.name()}, {w.date()}</p>{picture}<p>{w.paragraph()}</p>{parts}</div>')


def newspaper(w: Writer, t: Theme, photo) -> str:
    columns = w.whole(2, 5)
    story = lambda n: (f'<h3 style="font-size:{w.real(1.1, 1.8)}em">{w.title(3, 8)}</h3>'
        f'<p class="muted" style="font-size:.8em">{w.name().upper()}</p>'
        + (image(w, photo, 200, 140, "width:100%") if w.chance(0.2) else "")
        + repeated(w.whole(1, 4), lambda m: f'<p style="text-indent:1em;margin:0">{w.paragraph()}</p>'))
    return (f'<div style="padding:18px"><h1 style="text-align:center;font-size:{w.real(2.5, 4.5)}em;margin:0">The '
        f'{w.surname()} {w.pick(["Post", "Courier", "Observer", "Gazette", "Times"])}</h1>'
        f'<div class="row" style="border:solid {t.ink};border-width:1px 0;justify-content:space-between;'
        f'font-size:.8em"><span>{w.date()}</span><span>No. {w.number()}</span><span>{w.money(9)}</span></div>'
        f'<div style="columns:{columns};column-gap:18px;column-rule:1px solid '
        f'{t.line};text-align:justify;font-size:.85em;hyphens:auto">{repeated(9, story)}</div></div>')


def paper(w: Writer, t: Theme, photo) -> str:
    formula = lambda: (f'<p style="text-align:center"><i>{w.pick("abfghxyz")}</i><sub>{w.whole(0, 9)}</sub> = ∑<sub><i>k'
        f'</i></sub> <i>{w.pick("αβγλμσ")}</i><sup>{w.whole(2, 5)}</sup>(<i>x'
        f'</i> − {w.whole(1, 20)}) ∕ √{w.whole(2, 90)}π &nbsp; ({w.whole(1, 20)})</p>')
    table = ('<table style="font-size:.85em;border-top:1px solid;border-bottom:1px solid">'
        + repeated(w.whole(3, 7), lambda n: "<tr>"
        + repeated(4, lambda m: f"<td>{w.label() if m == 0 else w.money(99)}</td>") + "</tr>") + "</table>")
    section = lambda n: (f"<h3>{n + 1} {w.title(1, 4)}</h3>"
        + repeated(w.whole(2, 4), lambda m: f'<p style="margin:0;text-indent:1.2em">{w.paragraph(3, 7)}</p>')
        + (formula() if w.chance(0.5) else "") + (table if w.chance(0.25) else ""))
    authors = ", ".join(w.name() for _ in range(w.whole(1, 5)))
    return (f'<div style="padding:40px 46px;font-family:\'{w.pick(SERIF)}\';background:#fff;color:#111;min-height:100vh">'
        f'<h1 style="text-align:center">{w.title(5, 10)}</h1><p style="text-align:center">{authors}</p>'
        '<p style="margin:1em 3em;font-size:.9em">'
        f'<b>Abstract.</b> {w.paragraph(3, 5)}</p>'
        f'<div style="columns:{w.pick([1, 2, 2])};column-gap:22px;text-align:justify;'
        f'font-size:.9em;line-height:1.25">{repeated(7, section)}</div></div>')


def letter(w: Writer, t: Theme, photo) -> str:
    signature = (f'<p style="font-style:italic;font-size:1.7em;font-family:\'{w.pick(SERIF)}\'">{w.name()}</p>'
        if w.chance(0.5) else "")
    return ('<div style="padding:70px 80px;background:#fff;color:#181818;font-family:\''
        f'{w.pick(SERIF + MONO)}\';min-height:100vh"><div class="{w.pick(["right", ""])}"><b>{w.company()}</b>'
        f'<br>{w.whole(1, 200)} {w.label()} Street<br>{w.surname()} {w.whole(1000, 99999)}</div>'
        f'<p style="margin-top:50px">{w.name()}'
        f'<br>{w.label()} Road {w.whole(1, 99)}<br>{w.surname()}</p><p class="right">{w.date()}</p><p><b>{w.title(3, 7)}'
        f'</b></p><p>Dear {w.name()},</p>' + repeated(w.whole(2, 5), lambda n: f"<p>{w.paragraph()}</p>") +
        f"<p>Yours {w.pick(['sincerely', 'faithfully', 'truly'])},"
        f"</p>{signature}<p>{w.name()}</p></div>")


def invoice(w: Writer, t: Theme, photo) -> str:
    style = w.pick(["border:1px solid " + t.line, "border-bottom:1px solid " + t.line, ""])
    item = lambda n: (f'<tr style="background:{t.panel if n % 2 else t.ground}"><td style="{style}">{w.code(6)}</td>'
        f'<td style="{style}">{w.title(1, 5)}</td><td style="{style}" class="right">{w.whole(1, 40)}</td>'
        f'<td style="{style}" class="right">{w.money()}'
        f'</td><td style="{style}" class="right">{w.money(4000)}</td></tr>')
    return ('<div style="padding:36px"><div class="row" style="align-items:flex-start"><div class="grow">'
        f'<h1 class="accent">{w.company()}</h1><span class="muted">{w.label()} Lane {w.whole(1, 90)}, {w.surname()}'
        '</span></div>' f'<div class="right"><h2>{w.pick(["INVOICE", "Invoice", "Order", "Quotation", "Delivery note"])}'
        f'</h2>No. {w.code()}<br>{w.date()}</div></div><p style="margin:28px 0">{w.name()}<br>{w.company()}'
        f'<br>{w.surname()} {w.whole(1000, 9999)}</p>' f'<table><tr style="background:{t.accent};color:{t.ground}"><th>Code'
        '<th>Item<th class="right">Pieces<th class="right">Price<th class="right">Sum'
        f'</tr>{repeated(w.whole(4, 14), item)}</table>' f'<p class="right">Tax {w.whole(5, 25)} % &nbsp; {w.money()}</p>'
        f'<h3 class="right">Total &nbsp; {w.money(9000)}</h3><p class="muted">{w.paragraph(1, 3)}</p></div>')


def receipt(w: Writer, t: Theme, photo) -> str:
    item = lambda n: f'<div class="row"><span class="grow">{w.title(1, 3).upper()}</span><span>{w.money(60)}</span></div>'
    bars = (repeated(46, lambda n: f'<span style="display:inline-block;height:46px;width:{w.whole(1, 4)}px;background:#111;'
        f'margin-right:{w.whole(1, 4)}px"></span>'))
    return (f'<div style="background:{w.pick(["#fff", "#777", t.accent, "#d8d3c8"])};min-height:100vh;padding:20px 0">'
        '<div class="mono" style="background:#fdfdfb;color:#151515;width:'
        f'{w.whole(290, 380)}px;margin:0 auto;padding:18px;font-size:{w.whole(12, 15)}px">' '<div style="text-align:center">'
        f'<b style="font-size:1.4em">{w.company()}</b><br>{w.label()} Square {w.whole(1, 99)}'
        f'<br>Tel {w.whole(100, 999)} {w.whole(10000, 99999)}</div><p>{w.date()} {w.clock()} &nbsp; Till {w.whole(1, 9)}'
        f'</p><div>{"-" * 32}</div>' + repeated(w.whole(4, 16), item) + f'<div>{"-" * 32}</div>'
        f'<div class="row" style="font-size:1.3em"><b class="grow">TOTAL</b><b>{w.money(400)}</b></div>'
        f'<p>Card **** {w.whole(1000, 9999)}</p><div style="text-align:center;white-space:nowrap;overflow:hidden">{bars}'
        f'<br>{w.code(12)}<br>{w.sentence(3, 6)}</div></div></div>')


def form(w: Writer, t: Theme, photo) -> str:
    def line(n: int) -> str:
        kind = w.pick(["text", "text", "boxes", "cells", "choice", "area"])
        filled = w.pick([w.name(), w.date(), w.money(), ""]) if w.chance(0.6) else ""
        if kind == "boxes":
            own = (repeated(w.whole(2, 4), lambda m:
                f'<span style="border:1.5px solid {t.ink};display:inline-block;width:13px;'
                f'height:13px;font-size:11px;line-height:11px;text-align:center;margin:0 5px 0 14px">{w.pick(["", "×"])}'
                f'</span>{w.label()}'))
        elif kind == "cells":
            own = (repeated(w.whole(6, 14), lambda m:
                f'<span class="mono" style="border:1px solid {t.ink};display:inline-block;'
                f'width:22px;height:26px;text-align:center;vertical-align:top">{w.pick("0123456789") if filled else ""}'
                '</span>'))
        elif kind == "choice":
            own = (repeated(3, lambda m: '<span class="round" style="width:12px;height:12px;border:1.5px solid '
                f'{t.accent};background:{w.pick([t.accent, t.ground])};margin:0 5px 0 12px"></span>{w.label()}'))
        else:
            own = f'<div class="field" style="min-height:{70 if kind == "area" else 32}px">{filled}</div>'
        return f'<div style="margin:9px 0"><div style="font-size:.85em">{n + 1}. {w.title(1, 4)}</div>{own}</div>'
    return (f'<div style="padding:26px 34px"><h1>{w.title(2, 5)}</h1><p class="muted">{w.paragraph(1, 3)}</p>'
        f'<div style="display:grid;grid-template-columns:repeat({w.whole(1, 3)},1fr);'
        f'gap:4px 22px">{repeated(w.whole(8, 20), line)}</div>' f'<p><span class="button">{w.label()}</span></p></div>')


def slide(w: Writer, t: Theme, photo) -> str:
    ground = w.pick([t.ground, t.accent, f"linear-gradient({w.whole(0, 180)}deg,{t.accent},{t.second})", "#fff"])
    ink = (t.ink if ground in (t.ground, "#fff") and not (t.dark and ground == "#fff") else "#fff" if ground != "#fff"
        else "#222")
    points = "<ul>" + repeated(w.whole(2, 5), lambda n: f'<li style="margin:.5em 0">{w.sentence(3, 9)}</li>') + "</ul>"
    side = (w.pick(["", image(w, photo, 380, 280), repeated(4, lambda n:
        f'<div style="background:{colour(t.hue + n / 7, 0.6, 0.5)};color:#fff;border-radius:'
        f'{t.round}px;padding:14px 22px;margin:8px">{w.label()}</div>')]))
    if w.chance(0.25):
        points, side = f'<p style="font-size:1.2em">{w.name()}<br>{w.date()}</p>', ""
    return (f'<div style="background:{ground};color:{ink};height:100vh;padding:5vh 6vw;'
        f'font-size:{w.real(20, 27)}px;display:flex;flex-direction:column"><h1 style="font-size:1.9em">{w.title(2, 7)}'
        '</h1>' f'<div class="row grow" style="gap:40px"><div class="grow">{points}</div>{side}</div>'
        f'<div style="font-size:.55em;opacity:.8" class="row"><span class="grow">{w.company()}</span>{w.whole(1, 60)}'
        '</div></div>')


def vita(w: Writer, t: Theme, photo) -> str:
    part = lambda n: (f'<h3 style="border-bottom:2px solid {t.accent}">{w.label()}</h3>' + repeated(w.whole(2, 4), lambda m:
        '<div class="row" style="align-items:flex-start">'
        f'<span class="muted" style="width:110px;flex:none">{w.whole(1980, 2010)}–{w.whole(2011, 2029)}</span><div>'
        f'<b>{w.title(2, 4)}</b>, {w.company()}<br>{w.sentence()}</div></div>'))
    portrait = image(w, photo, 110, 140) if w.chance(0.4) else ""
    return (f'<div style="display:flex;min-height:100vh"><div style="width:230px;flex:none;background:{t.accent};color:'
        f'{t.ground};padding:24px">{portrait}<h2>{w.label()}</h2>{repeated(5, lambda n: f"<p>{w.label()}</p>")}'
        f'<h2>{w.label()}</h2>' + repeated(4, lambda n: f'{w.label()}'
        '<div style="background:rgba(255,255,255,.3);height:6px;margin:4px 0 10px">'
        f'<div style="background:{t.ground};height:6px;width:{w.whole(30, 100)}%"></div></div>') + '</div>'
        f'<div style="padding:24px" class="grow"><h1 style="font-size:2.3em">{w.name()}</h1><p>{w.paragraph(1, 3)}'
        f'</p>{repeated(4, part)}</div></div>')


def timetable(w: Writer, t: Theme, photo) -> str:
    columns, border = (w.whole(4, 10),
        w.pick([f"border:1px solid {t.line}", f"border-bottom:1px solid {t.line}", f"border:2px solid {t.ink}"]))
    cell = lambda n, m: w.clock() if w.chance(0.8) else w.pick(["–", "", "×"])
    row = lambda n: (f'<tr style="{"background:" + t.panel if n % 2 else ""}"><td style="{border}"><b>{w.surname()}</b></td>'
        + repeated(columns, lambda m: f'<td style="{border}">{cell(n, m)}</td>') + "</tr>")
    return (f'<div style="padding:24px"><div class="row"><h1 class="grow">{w.title(2, 4)}</h1>'
        f'<span class="button">{w.whole(1, 99)}</span></div><p>{w.date()} – {w.date()}</p>'
        f'<table style="font-size:.9em">{repeated(w.whole(9, 24), row)}</table><p class="muted">{w.sentence()}</p></div>')


def menu(w: Writer, t: Theme, photo) -> str:
    dish = lambda n: (f'<div style="margin:.7em 0"><div class="row"><b>{w.title(1, 4)}</b>'
        f'<span class="grow" style="border-bottom:2px dotted {t.muted}"></span>{w.money(60)}</div>'
        f'<i class="muted">{w.words(w.whole(4, 9))}</i></div>')
    part = lambda n: (f'<div style="break-inside:avoid"><h2 class="accent" style="text-align:center">{w.label()}'
        f'</h2>{repeated(w.whole(3, 6), dish)}</div>')
    return (f'<div style="padding:30px;border:{w.pick(["6px double", "1px solid", "0 solid"])} '
        f'{t.accent};margin:10px;font-family:\'{w.pick(SERIF)}\'">'
        f'<h1 style="text-align:center;font-size:2.6em">{w.title(1, 2)}</h1>'
        f'<div style="columns:{w.whole(1, 2)};column-gap:40px">{repeated(4, part)}</div></div>')


def exam(w: Writer, t: Theme, photo) -> str:
    sum_of = lambda: f"{w.whole(2, 999)} {w.pick('+−×÷')} {w.whole(2, 99)} = ______"
    lines = lambda: repeated(w.whole(2, 4), lambda n: '<div style="border-bottom:1px solid #666;height:1.8em"></div>')
    choice = lambda: "<br>".join(f"◯ {letter}) {w.words(3)}" for letter in "abcd")
    task = lambda n: (f'<p><b>{n + 1}.</b> {w.sentence()}</p><div style="margin-left:2em">'
        + w.pick([lambda: repeated(3, lambda m: f"<p>{sum_of()}</p>"), lines, choice])() + "</div>")
    return ('<div style="background:#fff;color:#000;padding:36px;min-height:100vh;font-family:\''
        f'{w.pick(SERIF + ["Comfortaa", "Cabin"])}\'"><div class="row"><span class="grow">Name ____________________'
        f'</span>Class ______ &nbsp; Date ________</div><h2>{w.title()}</h2>{repeated(8, task)}</div>')


def poster(w: Writer, t: Theme, photo) -> str:
    ground = (w.pick([t.accent, t.second, f"linear-gradient({t.second},{t.accent})",
        (f"repeating-linear-gradient({w.whole(0, 180)}deg,{t.accent} 0 {w.whole(20, 60)}px,"
        f"{t.second} 0 {w.whole(70, 130)}px)"), "#111"]))
    words = "<br>".join(w.noun().upper() for _ in range(w.whole(2, 4)))
    return (f'<div style="background:{ground};color:#fff;min-height:100vh;padding:7vh '
        '7vw;display:flex;flex-direction:column;justify-content:space-between">'
        f'<div style="font:800 {w.whole(50, 110)}px/1 \'{t.head}\',{FALLBACK}">{words}</div>'
        + (image(w, photo, 420, 260) if w.chance(0.35) else
        '<div style="width:34vw;height:34vw;max-width:300px;max-height:300px;border-radius:'
        f'{w.pick(["0", "50%", "50% 0"])};background:{colour(t.hue + 0.5, 0.7, 0.8)}"></div>') +
        '<div style="font-size:1.7em">'
        f'<b>{w.date()}, {w.clock()}</b><br>{w.company()}, {w.surname()}</div></div>')


def index_page(w: Writer, t: Theme, photo) -> str:
    """A book's table of contents, or a dictionary."""
    if w.chance(0.5):
        line = lambda n: (f'<div class="row" style="padding-left:{w.pick([0, 0, 24, 48])}px"><span>{w.title(2, 6)}</span>'
            f'<span class="grow" style="border-bottom:1px dotted"></span>{n * 7 + w.whole(1, 6)}</div>')
        own = f"<h2>{w.label()}</h2>{repeated(24, line)}"
    else:
        own = (f'<div style="columns:{w.whole(2, 3)}">' + repeated(34, lambda n: f'<p style="margin:.3em 0"><b>{w.noun()}'
            f'</b> <i>{w.pick(["n.", "v.", "adj."])}</i> {w.whole(1, 3)}. {w.sentence(4, 12)}</p>') + "</div>")
    return (f'<div style="background:{w.pick(["#fff", "#fbf8ee", "#f4efdf"])};color:#1a1712;'
        f'padding:40px 48px;min-height:100vh;font:{w.whole(13, 17)}px/1.4 \'{w.pick(SERIF)}\',{FALLBACK}">{own}</div>')


PAGES = [article, newspaper, paper, letter, invoice, receipt, form, slide, vita, timetable, menu, exam, poster, index_page]
PRINTED = [newspaper, paper, letter, invoice, form, vita, timetable, menu, exam, index_page]
