"""Joins of generated music: the track's own later part, as a provider might return it, joined by us and plainly.

    .venv/bin/python benchmarks/generated_joins.py [--fresh] [--only NAME ...] [--cases N] [--json FILE]

Of each track of `fetch_music` a part is made from some point on: shifted by up to 200 ms, 1 dB louder, at another rate,
and encoded as mp3, opus or m4a. It is joined to

- the whole track, which goes on behind the point ("goes on"),
- the track up to the point, where the part begins too early, so that there is something to align ("ends, early"),
- the same where it begins too late, so that some music is nowhere ("ends, late"),
- and where it begins with six seconds of the track, as what is given back of a window does ("copy").

"Plain" is what was done before there was a search: the part behind the point, blended over 30 ms at equal power. Both
are judged by `judge`, which knows only the track and the samples of the result; where what is heard after the join
comes from is measured in the samples, not taken from the tool.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import soundfile
import soxr
from fetch_music import default_folder, music
from judge import Seam
from judge.seams import SeamJudge

from fermata_mcp.rearrange.joining import join

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

KINDS = ("goes on", "ends, early", "ends, late", "copy")
CODECS = ("mp3", "opus", "m4a")
RATES = {"mp3": (44_100, 32_000), "opus": (48_000, 24_000), "m4a": (44_100, 48_000)}
AROUND, PART, COPY, MOST_SHIFT, LOUDER = 45.0, 20.0, 6.0, 0.2, 10 ** (1 / 20)
PLAIN_BLEND = 0.03


@dataclass(frozen=True)
class Case:
    """One made-up tail. Seconds; `late` is where its first sample is, against where it was asked for."""

    track: str
    kind: str
    codec: str
    rate: int
    point: float
    late: float


@dataclass(frozen=True)
class Outcome:
    case: Case
    ours: float
    plain: float
    worst_measure: str
    confidence: float
    off_ms: float


def main() -> None:
    args = _arguments()
    known = list(enumerate(music(args.music, args.fresh)))
    tracks = [(number, path) for number, path in known if not args.only or path.stem in args.only]
    if not tracks:
        raise SystemExit(f"no test music in {args.music}: run benchmarks/fetch_music.py")
    outcomes: list[Outcome] = []
    for number, track in tracks:
        with tempfile.TemporaryDirectory() as folder:
            outcomes += _of_track(track, number, args.cases, Path(folder))
        if args.json:
            args.json.write_text(json.dumps([asdict(one) for one in outcomes], indent=1) + "\n")
    print(_table(outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these tracks")
    parser.add_argument("--fresh", action="store_true", help="other tracks than those tuned on")
    parser.add_argument("--music", type=Path, default=default_folder(), metavar="FOLDER")
    parser.add_argument("--cases", type=int, default=1, metavar="N", help="of each kind and track")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also save everything")
    return parser.parse_args()


def _of_track(path: Path, number: int, count: int, folder: Path) -> list[Outcome]:
    sound, rate = _loaded(path)
    dice = random.Random(f"{path.stem} {number}")
    outcomes: list[Outcome] = []
    for _ in range(count):
        point = dice.uniform(0.3, 0.7) * len(sound) / rate
        start = max(0, round((point - AROUND) * rate))
        piece = sound[start : round((point + AROUND) * rate)]
        known = SeamJudge(piece, rate)
        for index, kind in enumerate(KINDS):
            codec = CODECS[(number + index) % len(CODECS)]
            late = dice.uniform(0.01, MOST_SHIFT)
            late = {"ends, early": -late, "ends, late": late}.get(kind, dice.choice((-1, 1)) * late)
            case = Case(path.stem, kind, codec, dice.choice(RATES[codec]), point - start / rate, late)
            outcomes.append(_joined_both_ways(case, piece, rate, known, folder))
            print(_line(outcomes[-1]), file=sys.stderr, flush=True)
    return outcomes


def _loaded(path: Path) -> tuple[Sound, int]:
    read: Any = soundfile.read
    return read(path, dtype="float32", always_2d=True)


def _joined_both_ways(case: Case, piece: Sound, rate: int, known: SeamJudge, folder: Path) -> Outcome:
    begins_at = case.point - (COPY if case.kind == "copy" else 0.0)
    first = round((begins_at + case.late) * rate)
    made = np.clip(LOUDER * piece[first : first + round((PART + case.point - begins_at) * rate)], -1, 1)
    part = _encoded(soxr.resample(made, rate, case.rate), case, folder)
    before = folder / "before.wav"
    goes_on = case.kind in ("goes on", "copy")
    soundfile.write(before, piece if goes_on else piece[: round(case.point * rate)], rate, "FLOAT")
    earliest = case.point - 2.0 if case.kind == "copy" else case.point
    told = join(before, part, (begins_at, earliest, case.point), folder / "ours")
    ours = _score(known, _loaded(told.path)[0], told.at, told.blend_ms / 1000)
    plain, at = _plainly(_loaded(before)[0], _decoded(part, rate, piece.shape[1]), rate, begins_at)
    other = _score(known, plain, at, PLAIN_BLEND)
    return Outcome(case, ours[0], other[0], ours[1], told.confidence, 1000 * ours[2])


def _encoded(sound: Sound, case: Case, folder: Path) -> Path:
    path = folder / f"part.{case.codec}"
    if case.codec == "m4a":
        _as_m4a(sound, case.rate, path)
    else:
        kind: Any = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS")}[case.codec]
        with soundfile.SoundFile(path, "w", case.rate, sound.shape[1], format=kind[0], subtype=kind[1]) as file:
            for start in range(0, len(sound), 65_536):
                file.write(sound[start : start + 65_536])
    return path


def _as_m4a(sound: Sound, rate: int, path: Path) -> None:
    import av

    opened: Any = av.open
    with opened(str(path), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=rate, layout="stereo" if sound.shape[1] == 2 else "mono")
        stream.bit_rate = 128_000
        made: Any = av.AudioFrame
        frame = made.from_ndarray(np.ascontiguousarray(sound.T), "fltp", stream.layout.name)
        frame.sample_rate = rate
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (piece := fifo.read(1024)) or (piece := fifo.read()):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def _decoded(path: Path, rate: int, channels: int) -> Sound:
    from fermata_mcp.media.audio import open_audio

    with open_audio(path) as file:
        sound = file.read(-1, "float32", True)
        return soxr.resample(sound, file.samplerate, rate)[:, :channels]


def _plainly(before: Sound, part: Sound, rate: int, at: float) -> tuple[Sound, float]:
    """The two behind one another, and the middle of their blend in seconds."""
    cut, blend = min(len(before), round(at * rate)), round(PLAIN_BLEND * rate)
    ramp = np.sin(np.linspace(0, np.pi / 2, blend + 2, dtype=np.float32)[1:-1])[:, None]
    both = before[cut - blend : cut] * ramp[::-1] + part[:blend] * ramp
    return np.concatenate([before[: cut - blend], both, part[blend:]]), (cut - blend / 2) / rate


def _score(known: SeamJudge, result: Sound, at: float, extent: float) -> tuple[float, str, float]:
    """The join's score, what costs it most, and seconds by which what follows is too late in the track."""
    mono = known.mixed(result)
    off = _offset(known.mono, mono, at + 0.5, known.rate)
    scored = known.judge(result, mono, Seam(at, at, at + off, extent))
    return scored.score, scored.worst_measure, off


def _offset(original: Sound, result: Sound, at: float, rate: int) -> float:
    """Seconds from `result` to `original` of what is heard two seconds from `at` on."""
    reach = round(8.0 * rate)
    start = round(at * rate)
    needle = np.diff(result[start : start + 2 * rate])
    first = max(0, start - reach)
    hay = np.diff(original[first : start + 2 * rate + reach])
    size = 1 << (len(hay) + len(needle)).bit_length()
    product = np.fft.irfft(np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size)), size)
    summed = np.concatenate([[0.0], np.cumsum(np.square(hay, dtype=np.float64))])
    energy = summed[len(needle) :] - summed[: -len(needle)]
    alike = product[: len(energy)] / np.sqrt(np.maximum(energy, 1e-9))
    near = np.flatnonzero(alike >= 0.98 * alike.max()) + first - start
    return float(near[np.argmin(np.abs(near))]) / rate


def _line(one: Outcome) -> str:
    case = one.case
    return (
        f"{case.track}, {case.kind}, {case.codec} {case.rate}, {1000 * case.late:+.0f} ms: {one.ours:.1f} "
        f"({one.worst_measure}, {one.off_ms:+.1f} ms off, sure {one.confidence:.2f}), plain {one.plain:.1f}"
    )


def _table(outcomes: list[Outcome]) -> str:
    rows = ["| | joins | ours: median | worst | plain: median | worst |", "|---|---|---|---|---|---|"]
    for kind in (*KINDS, "all"):
        some = [one for one in outcomes if kind in (one.case.kind, "all")]
        ours, plain = [one.ours for one in some], [one.plain for one in some]
        rows.append(
            f"| {kind} | {len(some)} | {np.median(ours):.1f} | {min(ours):.1f} "
            f"| {np.median(plain):.1f} | {min(plain):.1f} |"
        )
    told = np.corrcoef([one.confidence for one in outcomes], [one.ours for one in outcomes])[0, 1]
    return "\n".join([*rows, "", f"Confidence against score: correlation {told:.2f}."])


if __name__ == "__main__":
    main()
