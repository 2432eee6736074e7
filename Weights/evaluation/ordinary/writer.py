"""Random words, names, numbers and dates, and whole sentences of them; nothing is copied from anywhere."""

from __future__ import annotations

import numpy as np

COMMON = (
    "the of and to in a is that for it as was with be by on not he this are or his from at which but have an had they you "
    "were there one all we can has more when will would who so no out up into do time two some only could new other than "
    "then now over such our even most after also did many before must through years where much way well down should "
    "because each just those people how too little state good very make world still own see men work long here get both "
    "between life being under never day same another know while last might us great old year off come since against go "
    "came right used take three").split()
NOUNS = (
    "account anchor answer apple arrow autumn balance basket bench bicycle board bottle bridge brush budget button cable "
    "calendar camera candle carpet castle chapter circle cloud coast coffee column copper corner cotton courtyard crane "
    "delivery desert dinner district dragon drawer engine evening factory feather ferry festival field filter fountain "
    "forest garden glacier glass granite guitar hammer harbour harvest hill island jacket journey kettle kitchen ladder "
    "lantern ledger letter library lemon machine magnet market meadow measure member memory mirror morning mountain "
    "museum needle network number ocean office orchard order paper parcel pencil pepper picture pillow planet pocket "
    "portrait project quarter railway recipe record river road rocket saddle sample school season shelter signal silver "
    "station storm street sugar summer system table teacher theatre ticket timber tower traffic valley vessel village "
    "violin wagon water weather whistle window winter workshop").split()
VERBS = (
    "adds asks begins breaks brings builds buys calls carries changes checks closes counts covers cuts draws drives earns "
    "fills finds follows gives grows holds keeps learns leaves lifts makes measures meets moves needs opens orders paints "
    "pays plans plays prints reads repairs returns runs sells sends serves shows stops takes tells tests travels turns "
    "visits walks watches weighs wins writes").split()
ADJECTIVES = (
    "ample blue brief bright broad calm careful cheap clean clear cold common deep dry early easy fine flat fresh full "
    "gentle green heavy hollow large late light local long loud main narrow open plain quick quiet rare red remote rough "
    "round secret sharp short simple slow small smooth soft solid steady strong sudden tall thin tidy warm wide wild "
    "wooden yellow").split()
STARTS = (
    "Ba Be Bro Ca Che Cor Da Del Dra Ek El Fa Fen Gar Gi Ha Hol Is Jo Ka Kel La Lo Ma Mer Na No Or Pe Qua Ro Sa Sel Ta "
    "Tor Ul Va Wen Ya Zo").split()
MIDDLES = "ba den di la len lo ma mi na ne ra ri ro sa ta ti va vi".split()
ENDS = (
    "berg dal den dor ez field ford ham in ka la ley lin man mer na nen ria ro ros sen shi ski son ston ta ton va vic "
    "wick").split()
SCRIPTS = {
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщыьэюя",
    "chinese": (
        "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后"
        "小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长"),
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "devanagari": "अआइउएकखगघचछजझटठडतथदधनपफबभमयरलवशसह",
    "japanese": (
        "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをんアイウエ"
        "オカキクケコ日本語会社時間新聞電車学校東京"),
}
MONTHS = "January February March April May June July August September October November December".split()


class Writer:
    """Draws from one generator; `script` is that of running text, Latin where it is none of SCRIPTS."""

    def __init__(self, rng: np.random.Generator, script: str = "latin") -> None:
        self.rng, self.script = rng, script

    def pick(self, of):
        return of[int(self.rng.integers(len(of)))]

    def some(self, of, count: int) -> list:
        return [of[index] for index in self.rng.permutation(len(of))[:count]]

    def whole(self, low: int, high: int) -> int:
        """Both ends included."""
        return int(self.rng.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def word(self) -> str:
        if self.script in SCRIPTS:
            long = self.whole(1, 3) if self.script in ("chinese", "japanese") else self.whole(2, 9)
            return "".join(self.pick(SCRIPTS[self.script]) for _ in range(long))
        lot = self.rng.random()
        if lot < 0.45:
            return COMMON[int(len(COMMON) * self.rng.random() ** 2)]
        return self.pick(NOUNS if lot < 0.72 else VERBS if lot < 0.85 else ADJECTIVES)

    def words(self, count: int) -> str:
        joint = "" if self.script in ("chinese", "japanese") else " "
        return joint.join(self.word() for _ in range(count))

    def sentence(self, low: int = 5, high: int = 19) -> str:
        text = self.words(self.whole(low, high))
        if self.chance(0.35) and self.script == "latin":
            parts = text.split(" ")
            parts[len(parts) // 2] += self.pick([",", ",", ";", " –"])
            text = " ".join(parts)
        end = "。" if self.script in ("chinese", "japanese") else self.pick([".", ".", ".", ".", "?", "!"])
        return text[:1].upper() + text[1:] + end

    def paragraph(self, low: int = 2, high: int = 7) -> str:
        return " ".join(self.sentence() for _ in range(self.whole(low, high)))

    def noun(self) -> str:
        return self.word() if self.script in SCRIPTS else self.pick(NOUNS)

    def title(self, low: int = 2, high: int = 6) -> str:
        if self.script in SCRIPTS:
            return self.words(self.whole(low, high))
        parts = ([self.pick([self.pick(ADJECTIVES), self.noun(), self.noun(), self.pick(VERBS)])
            for _ in range(self.whole(low, high))])
        text = " ".join(parts)
        return text.title() if self.chance(0.5) else text.capitalize()

    def label(self) -> str:
        """One word or two with a capital, as buttons and headings have."""
        text = (self.noun() if self.chance(0.6) else f"{self.pick(ADJECTIVES)} {self.noun()}" if self.script == "latin"
            else self.words(2))
        return text[:1].upper() + text[1:]

    def surname(self) -> str:
        return self.pick(STARTS) + (self.pick(MIDDLES) if self.chance(0.4) else "") + self.pick(ENDS)

    def name(self) -> str:
        first = self.pick(STARTS) + self.pick(MIDDLES)
        return f"{first} {self.surname()}"

    def company(self) -> str:
        return f"{self.surname()} {self.pick(['& Co', 'Works', 'Group', 'Ltd', 'Labs', 'Supply', 'Partners', 'Market'])}"

    def number(self, high: int = 10000) -> str:
        return f"{int(high ** self.rng.random()):,}"

    def money(self, high: float = 900) -> str:
        return f"{high ** self.rng.random():,.2f}"

    def date(self) -> str:
        day, month, year = self.whole(1, 28), self.whole(1, 12), self.whole(1996, 2031)
        return (self.pick([f"{day} {MONTHS[month - 1]} {year}", f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}",
            f"{MONTHS[month - 1][:3]} {day}"]))

    def clock(self) -> str:
        return f"{self.whole(0, 23)}:{self.whole(0, 59):02}"

    def identifier(self) -> str:
        return self.pick(["_", ""]).join([self.noun(), self.pick(["", "s", "count", "id", "at", "list", "name"])]).strip("_")

    def code(self, length: int = 8) -> str:
        return "".join(self.pick("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(length))
