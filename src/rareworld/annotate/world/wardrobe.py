"""Who people are and what they wear: build, age, hair and clothes of every style number.

A style picks one outfit of the table and, independently, a body and a head, so that neighbours
differ. Weather changes clothes (nobody wears a T-shirt in the snow) but never the person.
Shares of build and age are rough ones of a European town, chosen so that a crowd looks mixed.
Proved in tests/annotate/world/test_wardrobe.py.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, final

import numpy as np

from rareworld.core.conditions import Conditions, RoadCondition, Weather
from rareworld.core.seed import Seed

NUM_LOOKS: Final = 64
"""Styles repeat after this many."""


class Dress(StrEnum):
    """What the weather asks people to wear."""

    FAIR = "fair"
    WET = "wet"
    COLD = "cold"


class Age(StrEnum):
    """Impression of age."""

    CHILD = "child"
    ADULT = "adult"
    ELDERLY = "elderly"


class Hair(StrEnum):
    """Volume of the hair."""

    SHORT = "short"
    LONG = "long"
    BUN = "bun"
    TAIL = "tail"
    CURLY = "curly"
    BALD = "bald"


class Hat(StrEnum):
    """What is on the head."""

    NONE = "none"
    CAP = "cap"
    BEANIE = "beanie"
    HOOD = "hood"
    SCARF = "scarf"
    STRAW = "straw"


class Bag(StrEnum):
    """What is carried."""

    NONE = "none"
    BACKPACK = "backpack"
    SHOULDER = "shoulder"
    SHOPPING = "shopping"


@final
@dataclass(frozen=True, kw_only=True)
class Outfit:
    """Clothes, by material name; "skin" stands for bare skin."""

    top: str = "jacket"
    bottom: str = "trousers"
    sleeves: float = 1.0
    """Covered share of the arm: 0.3 is a T-shirt."""
    legs: float = 1.0
    """Covered share of the leg: 0.45 are shorts."""
    skirt: float = 0.0
    """Length of skirt, dress or coat below the hips, share of the leg."""
    skirt_of: str = "trousers"
    thick: float = 1.0
    """Factor on the top's widths."""
    shirt: str = ""
    """Material seen in the open front of the top."""
    stripes: str = ""
    """Reflective bands."""
    shoe: str = "shoe"
    hat: Hat = Hat.NONE
    bag: Bag = Bag.NONE


@final
@dataclass(frozen=True, kw_only=True)
class Looks:
    """What one person looks like."""

    outfit: Outfit
    age: Age
    woman: bool
    stature: float
    """Share of the blueprint's height; hair and hats fill the rest."""
    girth: float
    """Factor on widths: 0.92 slim, 1 average, 1.17 heavy."""
    belly: float
    """Forward bulge, share of stature."""
    skin: str
    hair: Hair
    hair_of: str
    beard: bool
    phone: bool
    """Looks at a phone while waiting."""
    umbrella: str = ""
    """Material of the open umbrella; empty without."""


_TEE = Outfit(sleeves=0.33, shoe="shoe pale")
_ADULT: tuple[Outfit, ...] = (
    Outfit(shirt="cloth white"),
    _TEE,
    Outfit(skirt=0.42, skirt_of="jacket", thick=1.06),
    replace(_TEE, bottom="denim", bag=Bag.BACKPACK),
    Outfit(top="jacket", bottom="skin", sleeves=0.2, legs=0.0, skirt=0.48, skirt_of="jacket",
           bag=Bag.SHOULDER),
    replace(_TEE, legs=0.45, bottom="trousers", hat=Hat.CAP),
    Outfit(top="hi-vis orange", bottom="cloth navy", stripes="reflective"),
    Outfit(top="cloth white", sleeves=0.62, bottom="cloth black"),
    Outfit(thick=1.12, bottom="denim", hat=Hat.BEANIE),
    Outfit(top="jacket", bottom="cloth black", skirt=0.36, skirt_of="cloth black", legs=0.0,
           bag=Bag.SHOULDER),
    Outfit(top="jacket", bottom="cloth grey", shirt="cloth white", shoe="leather"),
    Outfit(thick=1.08, hat=Hat.HOOD, bottom="cloth grey", shoe="shoe pale"),
    replace(_TEE, top="cloth black", legs=0.45, bottom="denim", bag=Bag.SHOPPING),
    Outfit(skirt=0.72, skirt_of="jacket", hat=Hat.SCARF),
    Outfit(bottom="cloth beige", bag=Bag.SHOPPING),
    Outfit(top="hi-vis yellow", sleeves=0.33, stripes="reflective", bottom="hi-vis yellow"),
    Outfit(top="jacket", sleeves=0.2, bottom="cloth beige", hat=Hat.STRAW, legs=0.8,
           shoe="shoe pale"),
    Outfit(skirt=0.30, skirt_of="jacket", thick=1.04, bottom="cloth black", bag=Bag.BACKPACK),
    Outfit(top="cloth navy", bottom="cloth beige", shirt="cloth white", shoe="leather"),
    Outfit(top="cloth red", bottom="denim", thick=1.07),
)  # fmt: skip
_CHILD: tuple[Outfit, ...] = (
    Outfit(bag=Bag.BACKPACK, bottom="denim"),
    replace(_TEE, legs=0.45),
    Outfit(top="jacket", bottom="skin", sleeves=0.2, legs=0.0, skirt=0.40, skirt_of="jacket"),
    Outfit(thick=1.1, hat=Hat.HOOD, shoe="shoe pale"),
    replace(_TEE, bottom="denim", hat=Hat.CAP),
    Outfit(thick=1.12, hat=Hat.BEANIE, bag=Bag.BACKPACK),
    replace(_TEE, top="cloth white", bottom="trousers"),
    Outfit(bottom="cloth navy", skirt=0.34, skirt_of="cloth navy", legs=0.0, top="cloth white",
           bag=Bag.BACKPACK),
)  # fmt: skip
_SKINS = ("skin light", "skin light", "skin tan", "skin mid", "skin light", "skin dark",
          "skin tan", "skin deep")  # fmt: skip
_HAIRS = ("hair brown", "hair black", "hair fair", "hair brown", "hair black", "hair red")
_DARK_HAIRS = ("hair black", "hair black", "hair brown")
_DARK_SKINS = frozenset({"skin mid", "skin dark", "skin deep"})
_WOMAN_HAIR = (Hair.LONG, Hair.TAIL, Hair.BUN, Hair.LONG, Hair.CURLY, Hair.SHORT)
_MAN_HAIR = (Hair.SHORT, Hair.SHORT, Hair.CURLY, Hair.SHORT, Hair.BALD)
_BUILDS = ((0.92, 0.0), (1.0, 0.0), (0.96, 0.0), (1.04, 0.008), (1.0, 0.004), (1.17, 0.030))
_UMBRELLAS = ("umbrella black", "umbrella black", "umbrella", "cloth navy", "cloth red")
_UMBRELLA_SHARE = {Dress.FAIR: 0.0, Dress.WET: 0.55, Dress.COLD: 0.08}


def dress_for(conditions: Conditions) -> Dress:
    """Return what people wear under these conditions."""
    if conditions.weather is Weather.RAINING:
        return Dress.WET
    snow = conditions.weather is Weather.SNOW_FALLING or conditions.road is RoadCondition.SNOW
    return Dress.COLD if snow else Dress.FAIR


def looks_of(style: int, *, child: bool = False, dress: Dress = Dress.FAIR) -> Looks:
    """Return the looks of a style number; the same number is always the same person."""
    number, table = style % NUM_LOOKS, _CHILD if child else _ADULT
    outfit = table[(7 * number + number // len(table)) % len(table)]
    fair, rng = _fair(number, outfit, child=child)
    chance, pick = float(rng.random()), int(rng.integers(len(_UMBRELLAS)))
    if dress is Dress.FAIR:
        return fair
    held = not child and chance <= _UMBRELLA_SHARE[dress]
    umbrella = _UMBRELLAS[pick] if held else ""
    clothes = _covered(fair.outfit, dress)
    clothes = _under_umbrella(clothes) if held else _hatted(clothes, dress, pick)
    if dress is Dress.COLD and clothes.skirt == 0 and not clothes.stripes:
        clothes = replace(clothes, skirt=(0.16, 0.34)[pick % 2], skirt_of=clothes.top)
    return replace(fair, outfit=clothes, umbrella=umbrella, phone=fair.phone and not held)


def _fair(number: int, outfit: Outfit, *, child: bool) -> tuple[Looks, np.random.Generator]:
    """Return the person in dry weather, and the generator for what weather asks for."""
    rng = Seed(number).child("person", "child" if child else "adult").generator()
    age = Age.CHILD if child else Age.ELDERLY if rng.random() < 0.14 else Age.ADULT
    woman = bool(rng.random() < 0.5) if outfit.skirt == 0 or outfit.thick > 1 else True
    girth, belly = _BUILDS[1 if child else int(rng.integers(len(_BUILDS)))]
    skin = _SKINS[int(rng.integers(len(_SKINS)))]
    hair, hair_of = _hair(rng, age, skin, woman=woman)
    grown_man = not woman and age is not Age.CHILD
    made = Looks(
        outfit=outfit, age=age, woman=woman, girth=girth, belly=0.0 if woman else belly,
        stature=_stature(rng, age, woman=woman), skin=skin, hair=hair, hair_of=hair_of,
        beard=bool(rng.random() < 0.3) and grown_man,
        phone=bool(rng.random() < 0.35) and age is Age.ADULT,
    )  # fmt: skip
    return made, rng


def _hair(rng: np.random.Generator, age: Age, skin: str, *, woman: bool) -> tuple[Hair, str]:
    """Return volume and colour of the hair."""
    tints = _DARK_HAIRS if skin in _DARK_SKINS else _HAIRS
    tints = ("hair grey", "hair white") if age is Age.ELDERLY else tints
    kinds = _WOMAN_HAIR if woman else _MAN_HAIR[: 3 if age is Age.CHILD else None]
    return kinds[int(rng.integers(len(kinds)))], tints[int(rng.integers(len(tints)))]


def _stature(rng: np.random.Generator, age: Age, *, woman: bool) -> float:
    """Return a share of the blueprint's height: its box holds everybody within 5 %."""
    low, high = (0.955, 0.985) if woman or age is not Age.ADULT else (0.975, 1.0)
    return float(rng.uniform(low, high))


def _covered(outfit: Outfit, dress: Dress) -> Outfit:
    """Return the outfit with long sleeves and legs, thick as the weather asks."""
    return replace(
        outfit,
        top=outfit.top if outfit.stripes else "jacket",
        sleeves=1.0,
        legs=1.0,
        shirt="",
        bottom="cloth black" if outfit.bottom == "skin" else outfit.bottom,
        thick=max(outfit.thick, 1.06 if dress is Dress.WET else 1.14),
    )


def _under_umbrella(outfit: Outfit) -> Outfit:
    """Return the outfit with both hands free and no hat that an umbrella makes useless."""
    return replace(
        outfit,
        hat=Hat.NONE if outfit.hat is Hat.STRAW else outfit.hat,
        bag=Bag.NONE if outfit.bag is Bag.SHOPPING else outfit.bag,
    )


def _hatted(outfit: Outfit, dress: Dress, pick: int) -> Outfit:
    """Return the outfit with something on the head."""
    if outfit.hat not in (Hat.NONE, Hat.STRAW, Hat.CAP):
        return outfit
    usual = (Hat.BEANIE, Hat.HOOD, Hat.BEANIE, Hat.NONE)[pick % 4]
    return replace(outfit, hat=Hat.HOOD if dress is Dress.WET else usual)
