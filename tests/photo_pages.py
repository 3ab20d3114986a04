"""A benchmark: pages of digits as people photograph them, and what `digitlab predict` makes of each.

    python tests/photo_pages.py                          # 378 pages, some minutes
    python tests/photo_pages.py --seed 5 --pages 3 --kinds shadow,boxes

Page i of a kind follows from (seed, kind, i) alone. Its digits are those of the sample's test half or strokes drawn as
a hand draws them, and only ones that the shipped network reads right as MNIST has them: what is measured is the photo,
not the network. A digit is lost or misread silently if nothing that `predict` says points to its place.
"""

from __future__ import annotations

import argparse
import collections
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
import scipy.ndimage as ndimage
import torch
from PIL import Image
from scipy.interpolate import CubicHermiteSpline

from digitlab.data import Digits, load_sample
from digitlab.doubt import UNLIKE, cut_touching, unlikeness
from digitlab.photo import PhotoError, normalize_ink, read_digits, thicken_ink
from digitlab.photo.doubt import find_doubt
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict

Random = np.random.Generator
HEIGHT, WIDTH = 620, 1500
GRID = np.mgrid[:HEIGHT, :WIDTH].astype(float)

# --- digits ---


@cache
def known_digits() -> Digits:
    """The digits of the sample's test half that the network reads right."""
    test = load_sample("test")
    return test[predict(load_shipped_model(), test.images).argmax(dim=1) == test.labels]


# Each digit and sign: points "right,down" in hundredths of a box, joined by smooth curves; ";" lifts the pen.
STROKES = {
    "0": "50,0 15,20 15,75 50,100 82,75 82,25 50,0",
    "1": "50,0 50,50 48,100",
    "2": "20,20 50,0 80,25 50,65 20,97; 20,97 50,96 85,97",
    "3": "20,10 55,0 80,20 45,47; 45,47 85,70 55,100 18,90",
    "4": "55,0 35,35 12,65; 12,65 50,66 88,65; 68,30 67,100",
    "5": "25,0 22,42; 22,42 60,40 80,68 55,100 18,92; 25,0 80,0",
    "6": "65,0 30,35 20,75 50,100 78,78 50,55 22,75",
    "7": "18,2 50,3 82,0; 82,0 55,50 40,100",
    "8": "75,15 45,0 25,20 50,47 78,78 50,100 22,78 50,47 75,15",
    "9": "78,25 50,0 22,25 50,50 78,25; 78,25 76,60 68,100",
    "+": "20,50 80,50; 50,20 50,80",
    "-": "20,50 80,50",
    "=": "20,38 80,38; 20,62 80,62",
    "x": "25,30 75,80; 75,30 25,80",
}


def by_hand(name: str, side: int, pen: float, random: Random) -> np.ndarray:
    """Draw a digit or sign by smooth, slightly shaky strokes of a round pen: ink from 0 to 1."""
    slant, turn, narrow = random.normal(0, 0.08), random.normal(0, 0.05), random.uniform(0.75, 1)
    margin = int(2 * pen + 0.15 * side)
    paper = np.ones((side + 2 * margin, side + 2 * margin), bool)
    for curve in STROKES[name].split(";"):
        stroke = np.array([point.split(",") for point in curve.split()], float) / 100
        x, y = narrow * (stroke + random.normal(0, 0.018, stroke.shape) - 0.5).T
        points = np.stack([x - slant * y + turn * y, y / narrow - turn * x])
        steps = np.arange(len(stroke))
        # Catmull and Rom's curve through the points.
        smooth = CubicHermiteSpline(steps, points, np.gradient(points, axis=1), axis=1)
        x, y = smooth(np.linspace(0, steps[-1], 400))
        columns, rows = (
            (margin + side * (0.5 + v)).round().astype(int).clip(0, len(paper) - 1) for v in (x, y)
        )
        paper[rows, columns] = False
    return np.clip(pen / 2 + 0.5 - ndimage.distance_transform_edt(paper), 0, 1)


def from_sample(image: np.ndarray, side: int) -> np.ndarray:
    """A digit of the sample, enlarged as if drawn with a sharp pen."""
    large = ndimage.zoom(image / 255, side / 20, order=1)
    return np.clip((ndimage.gaussian_filter(large, side / 60) - 0.4) * 6, 0, 1)


def cropped(ink: np.ndarray) -> np.ndarray:
    return ink[ndimage.find_objects((ink > 0.05).astype(int))[0]]


def one_digit(random: Random, side: int, pen: float | None) -> tuple[int, np.ndarray]:
    """A digit's label and ink: by hand if a pen is given, else from the sample."""
    while True:
        if pen is None:
            image, label = known_digits()[int(random.integers(len(known_digits())))]
            ink = from_sample(image.numpy(), side)
        else:
            label = int(random.integers(10))
            ink = by_hand(str(label), side, pen, random)
        alone = torch.from_numpy(normalize_ink(thicken_ink(ink.astype(np.float32))).image)[None]
        if predict(load_shipped_model(), alone).argmax() == label:
            return label, cropped(ink)


def some_pen(random: Random, side: int, thinnest: float) -> float | None:
    return None if random.random() < 0.6 else random.uniform(thinnest, 0.13) * side


# --- pages: each function writes and prints on an empty one ---


@dataclass
class Page:
    """What lies on the paper, and what was written: each digit with its centre (row, column)."""

    ink: np.ndarray = field(default_factory=lambda: np.zeros((HEIGHT, WIDTH)))
    printed: np.ndarray = field(default_factory=lambda: np.zeros((HEIGHT, WIDTH)))
    light: np.ndarray | float = 1.0
    paper: float = 0.93
    darkness: float = 0.8  # share of the light that ink swallows
    blur: float = 0.7
    noise: float = 0.008
    quality: int = 90
    tilt: float = 0.0
    table: np.ndarray | None = None
    digits: list[tuple[int, float, float]] = field(default_factory=list)
    others: bool = False  # there are marks that are no digits

    def write(self, label: int | None, ink: np.ndarray, row: float, column: float) -> None:
        """Lay ink with its centre at (row, column)."""
        top, left = int(row - ink.shape[0] / 2), int(column - ink.shape[1] / 2)
        part = self.ink[top : top + ink.shape[0], left : left + ink.shape[1]]
        np.maximum(part, ink[: part.shape[0], : part.shape[1]], out=part)
        if label is not None:
            self.digits.append((label, row, column))

    def photograph(self, random: Random) -> bytes:
        """The page's light as a camera stores it: a JPEG. Turns `digits` with the page."""
        grey = self.paper * (1 - np.maximum(self.ink * self.darkness, self.printed))
        if self.tilt:
            grey = ndimage.rotate(grey, self.tilt, reshape=False, order=1, cval=self.paper)
            angle, middle = np.deg2rad(self.tilt), np.array([HEIGHT / 2, WIDTH / 2])
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            self.digits = [(d, *(middle + turn @ (np.array([y, x]) - middle))) for d, y, x in self.digits]
        if self.table is not None:
            on_paper, table = self.table
            grey = on_paper * grey + (1 - on_paper) * table
        grey = ndimage.gaussian_filter(grey * self.light, self.blur)
        grey += random.normal(0, self.noise, grey.shape)
        picture, file = Image.fromarray((grey.clip(0, 1) * 255).astype(np.uint8)), io.BytesIO()
        picture.convert("RGB").save(file, "JPEG", quality=self.quality)
        return file.getvalue()


def plain(
    page: Page, random: Random, row: float = 310, n: int = 8, side: int = 0, pen: float | None = -1
) -> None:
    """A row of digits."""
    side = side or int(random.integers(80, 140))
    pen = some_pen(random, side, 0.05) if pen == -1 else pen
    for column in 110 + (WIDTH - 220) * (np.arange(n) + 0.5) / n:
        label, ink = one_digit(random, side, pen)
        page.write(label, ink, row + random.uniform(-8, 8), column + random.uniform(-8, 8))


def shadow_light(random: Random, shape: str) -> np.ndarray:
    """The light under a shadow of a shape: 0.5 to 0.9 where it falls, over an edge from hard to soft."""
    y, x = GRID
    angle = random.uniform(-0.6, 0.6)
    across = (x - random.uniform(0.25, 0.75) * WIDTH) * np.cos(angle) + (y - HEIGHT / 2) * np.sin(angle)
    along = -(x - WIDTH / 2) * np.sin(angle) + (y - random.uniform(0.3, 0.7) * HEIGHT) * np.cos(angle)
    fingers = [np.maximum(np.abs(across - 130 * i) - 45, along - 40 * abs(i)) for i in (-1, 0, 1, 2)]
    distance = {
        "half": across * random.choice([-1, 1]),
        "band": np.abs(across) - random.uniform(90, 300),
        "corner": np.maximum(across, along),
        "disc": np.hypot(across, along) - random.uniform(150, 380),
        "level": along,
        "slab": np.maximum(np.abs(across) - random.uniform(150, 350), along),
        "fingers": np.minimum.reduce(fingers),
    }[shape]
    low = random.uniform(0.5, 0.9)
    edge = float(np.exp(random.uniform(np.log(1), np.log(80))))
    return low + (1 - low) * np.clip(0.5 + distance / edge, 0, 1)


def taken(page: Page, random: Random, how: str) -> None:
    """Under a light, on grey paper, with a pale pen, or by a bad camera."""
    if how == "faint":
        plain(page, random, pen=None if random.random() < 0.5 else random.uniform(5, 9))
        page.darkness, page.noise = random.uniform(0.1, 0.22), random.uniform(0.003, 0.008)
        page.light = 0.95 + 0.08 * (GRID[1] / WIDTH - 0.5)
        return
    plain(page, random, pen=random.uniform(4, 7) if how == "pencil" else -1)
    if how == "pencil":
        grain = ndimage.gaussian_filter(random.normal(0, 1, page.ink.shape), 1)
        page.ink *= np.clip(0.85 + 0.9 * grain, 0.2, 1.1)
        page.darkness = random.uniform(0.25, 0.5)
    elif how == "camera":
        page.blur, page.noise = random.uniform(1, 3.5), random.uniform(0.01, 0.035)
        page.quality, page.tilt = int(random.integers(30, 80)), random.uniform(-15, 15)
    elif how == "gradient":
        direction = random.uniform(0, 2 * np.pi)
        ramp = (GRID[0] / HEIGHT - 0.5) * np.sin(direction) + (GRID[1] / WIDTH - 0.5) * np.cos(direction)
        page.light = 0.75 + random.uniform(0.1, 0.5) * ramp
    elif how == "glare":
        page.paper, y, x = 0.75, random.uniform(0, HEIGHT), random.uniform(0, WIDTH)
        distance = np.hypot(GRID[0] - y, GRID[1] - x) / random.uniform(200, 600)
        page.light = 0.7 + 0.6 * np.exp(-np.square(distance))
    elif how == "grey paper":
        page.paper = random.uniform(0.45, 0.85)
    else:
        page.light = shadow_light(random, how.removeprefix("shadow: "))


def ruled(page: Page, random: Random, squares: bool = False) -> None:
    plain(page, random)
    if squares:
        depth, step = random.uniform(0.1, 0.25), int(random.integers(25, 60))
        page.printed[::step] = page.printed[1::step] = depth
        page.printed[:, ::step] = page.printed[:, 1::step] = depth
    else:
        step, offset = int(random.integers(45, 120)), int(random.integers(0, 45))
        for top in range(offset, HEIGHT, step):
            page.printed[top : top + random.integers(2, 4)] = random.uniform(0.12, 0.3)
    page.tilt = random.uniform(-2, 2)


squared = partial(ruled, squares=True)


def cells(random: Random) -> tuple[range, int, int]:
    """Where each of six to ten cells begins; their width; and the size of the digits in them."""
    width = (WIDTH - 120) // (n := int(random.integers(6, 11)))
    return range(60, 60 + n * width, width), width, int(width * random.uniform(0.5, 0.75))


def boxes(page: Page, random: Random) -> None:
    """A printed box for each digit: apart or shared, thin or thick, grey or black; some digits touch them."""
    lefts, width, side = cells(random)
    thick, depth = int(random.integers(2, 7)), random.uniform(0.35, 0.85)
    gap, height = int(random.choice([0, 0, 8, 20])), int(width * random.uniform(1, 1.3))
    top, pen = (HEIGHT - height) // 2, some_pen(random, side, 0.06)
    frame = np.full((height, width - gap + thick), depth)
    frame[thick:-thick, thick:-thick] = 0
    for left in lefts:
        part = page.printed[top : top + height, left : left + frame.shape[1]]
        np.maximum(part, frame, out=part)
        label, ink = one_digit(random, side, pen)
        slack = random.uniform(-1, 1, 2) * [(height - side) / 2 - 4, (width - gap - ink.shape[1]) / 2 - 4]
        page.write(label, ink, HEIGHT / 2 + slack[0], left + (width - gap + thick) / 2 + slack[1])
    page.tilt = random.choice([0, random.uniform(-3, 3)])


def combs(page: Page, random: Random) -> None:
    lefts, width, side = cells(random)
    thick, depth = int(random.integers(2, 6)), random.uniform(0.35, 0.85)
    base, tick = HEIGHT // 2 + 90, int(width * random.uniform(0.25, 0.6))
    page.printed[base : base + thick, 60 : lefts.stop] = depth
    pen = some_pen(random, side, 0.06)
    for left in (*lefts, lefts.stop):
        page.printed[base - tick : base, left : left + thick] = depth
    for left in lefts:
        label, ink = one_digit(random, side, pen)
        row = base - 12 - ink.shape[0] / 2 - random.uniform(0, 25)
        page.write(label, ink, row, left + width / 2 + random.uniform(-8, 8))
    page.tilt = random.choice([0, random.uniform(-3, 3)])


def tilted(page: Page, random: Random) -> None:
    random.choice([ruled, squared, boxes])(page, random)
    page.tilt = random.uniform(3, 15) * random.choice([-1, 1])


def table(page: Page, random: Random) -> None:
    """A sheet on a table: even, or of wood; the table is darker, lighter or much the same."""
    plain(page, random, n=6, side=int(random.integers(70, 100)))
    turn = random.uniform(-0.06, 0.06)
    y, x = GRID[0] - HEIGHT / 2, GRID[1] - WIDTH / 2
    y, x = y * np.cos(turn) - x * np.sin(turn), x * np.cos(turn) + y * np.sin(turn)
    distance = np.maximum(np.abs(y) - random.uniform(200, 250), np.abs(x) - random.uniform(660, 700))
    surface = np.full(y.shape, random.choice([0.15, 0.3, 0.5]))
    if random.random() < 0.5:
        wood = ndimage.gaussian_filter(random.normal(0, 1, y.shape), (2, 60))
        surface = surface + 0.05 * wood / wood.std()
    page.table = np.stack([np.clip(0.5 - distance / 2, 0, 1), surface])


def two_rows(page: Page, random: Random) -> None:
    side = int(random.integers(80, 130))
    plain(page, random, 190, side=side)
    plain(page, random, 440, side=side)


def sums(page: Page, random: Random) -> None:
    """3 + 4 = 7 and the like."""
    page.others, side = True, int(random.integers(90, 150))
    pen, column = random.uniform(0.07, 0.14) * side, 130.0
    for _ in range(2):
        for name in ("digit", random.choice(["+", "-", "x"]), "digit", "=", "digit"):
            label, slack = None, 6
            if name == "digit":
                (label, ink), slack = one_digit(random, side, pen), 8
            else:
                ink = cropped(by_hand(name, side, pen, random))
            page.write(label, ink, 310 + random.uniform(-slack, slack), column)
            column += 135


def touching(page: Page, random: Random) -> None:
    side, column = int(random.integers(90, 140)), 130.0
    pen = some_pen(random, side, 0.07)
    for _ in range(4):
        (first, left), (second, right) = one_digit(random, side, pen), one_digit(random, side, pen)
        page.write(first, left, 310, column)
        # Pushed together until they touch, by two to eight pixels.
        row, apart, gap = 310 + random.uniform(-6, 6), (left.shape[1] + right.shape[1]) / 2, -1
        alone, trial = Page(), Page()
        alone.write(None, left, 310, 300)
        while not ((trial.ink > 0.3) & (alone.ink > 0.3)).any():
            trial, gap = Page(), gap + 1
            trial.write(None, right, row, 300 + apart - gap)
        column += apart - gap - random.integers(0, 5)
        page.write(second, right, row, column)
        column += 190


def smudge(page: Page, random: Random) -> None:
    """Some dirt beside the digits: a wiped stain and a few specks."""
    plain(page, random, row=250)
    for _ in range(3):
        y, x, size = random.uniform(450, 570), random.uniform(100, 1400), random.uniform(20, 50)
        stain = np.exp(-np.square((GRID[0] - y) / size) - np.square((GRID[1] - x) / (2 * size)))
        page.light = page.light * (1 - 0.15 * stain)
    for _ in range(4):
        page.write(None, np.ones((4, 4)), random.uniform(30, 580), random.uniform(30, 1450))
    page.others = True


def mixed(page: Page, random: Random) -> None:
    """Several troubles at once."""
    random.choice([ruled, boxes, two_rows, squared])(page, random)
    page.light = shadow_light(random, random.choice(["half", "band", "corner", "disc"]))
    page.blur, page.quality = random.uniform(0.7, 2), int(random.integers(50, 90))


TAKEN = ("gradient", "glare", "grey paper", "shadow: half", "shadow: band", "shadow: corner", "shadow: disc",
         "shadow: level", "shadow: slab", "shadow: fingers", "faint", "pencil", "camera")  # fmt: skip
KINDS: dict[str, Callable[[Page, Random], None]] = {
    "plain": plain, **{how: partial(taken, how=how) for how in TAKEN}, "ruled": ruled, "squared": squared,
    "boxes": boxes, "combs": combs, "tilted": tilted, "table": table, "two rows": two_rows, "sums": sums,
    "touching": touching, "smudge": smudge, "mixed": mixed,
}  # fmt: skip
MORE_PAGES = {"boxes": 24, "faint": 20, "sums": 20, "touching": 20}  # of the others: 14


def make_page(kind: str, seed: int, i: int) -> tuple[Page, bytes]:
    page, random = Page(), np.random.default_rng([seed, i, zlib.crc32(kind.encode())])
    KINDS[kind](page, random)
    return page, page.photograph(random)


# --- reading and counting ---


def judge(page: Page, photo_bytes: bytes) -> collections.Counter[str]:
    """Count what became of a page's digits."""
    count = collections.Counter(pages=1, digits=len(page.digits))
    try:
        photo = cut_touching(read_digits(photo_bytes), deep := load_shipped_model(name="deep"))
    except PhotoError:
        return count + collections.Counter(remarked=len(page.digits), refused=1)
    images = torch.from_numpy(photo.images)
    probabilities = predict(deep, images)
    strange, answers = (unlikeness(images) > UNLIKE).tolist(), probabilities.argmax(dim=1).tolist()
    doubts = map(find_doubt, (digit.doubt for digit in photo.digits), probabilities.tolist(), strange)
    read = [(*digit.box, bool(doubt)) for digit, doubt in zip(photo.digits, doubts, strict=True)]
    marks = np.array(read + [(*box, True) for box, _ in photo.left_out])
    claimed: set[int] = set()
    for label, row, column in page.digits:
        top, left, bottom, right, pointed = marks.T
        around = (top <= row) & (row < bottom) & (left <= column) & (column < right)
        free = [i for i in np.flatnonzero(around[: len(read)]) if i not in claimed]
        best = min(free, key=lambda i: abs((left[i] + right[i]) / 2 - column), default=None)
        claimed |= {best} - {None}
        if best is not None and answers[best] == label:
            count["right"] += 1
            count["false remarks"] += int(pointed[best])
        else:
            count["remarked" if pointed[around].any() else "silent"] += 1
    for i in set(range(len(read))) - claimed:  # digits where there are none
        count["invented, remarked" if read[i][-1] else "invented"] += 1
    if not page.others:
        count["false remarks"] += len(photo.left_out)
    count["whole"] = int(count["right"] == len(page.digits) == len(read))
    return count


def print_row(kind: str, count: dict[str, int]) -> None:
    print(f"{kind}:", ", ".join(f"{n} {what}" for what, n in count.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pages", type=int, help="of each kind (default: 14 to 24)")
    parser.add_argument("--kinds", default="", help="those whose name begins so, parted by commas")
    options = parser.parse_args()
    torch.set_num_threads(1)
    total: collections.Counter[str] = collections.Counter()
    for kind in (kind for kind in KINDS if kind.startswith(tuple(options.kinds.split(",")))):
        pages = range(options.pages or MORE_PAGES.get(kind, 14))
        counts = [judge(*make_page(kind, options.seed, i)) for i in pages]
        print_row(kind, count := sum(counts, collections.Counter()))
        total += count
    print_row("all", total)
    print(f"right: {total['right'] / total['digits']:.2%} of {total['digits']:,} digits, seed {options.seed}")


if __name__ == "__main__":
    main()
