"""Fetches the test music: 52 tracks of all kinds out of Debian's packages, about 200 MB kept, nothing committed.

    .venv/bin/python benchmarks/fetch_music.py [folder]

The folder is ${XDG_CACHE_HOME:-~/.cache}/fermata-benchmark-music unless named. Needs apt-get, with its lists up to
date, and dpkg. The offline engine was tuned on the 26 tracks in TUNED. FRESH are as many others of the same packages,
the first by name that last one to seven minutes, to see whether what was learned holds elsewhere: do not tune on them.
A track that is there already is not fetched again. Each package's copyright file, kept beside the music, names the
licence.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Of each package: the folder its tracks are in, and their paths there.
FOLDERS = {
    "wesnoth-1.16-music": "usr/share/games/wesnoth/1.16/data/core/music",
    "fretsonfire-songs-muldjord": "usr/share/games/fretsonfire/data/songs/muldjord",
    "fretsonfire-songs-sectoid": "usr/share/games/fretsonfire/data/songs/sectoid",
    "lincity-ng-data": "usr/share/games/lincity-ng/music/default",
    "freedroidrpg-data": "usr/share/freedroidrpg/data/sound/music",
    "hedgewars-data": "usr/share/games/hedgewars/Data/Music",
    "pushover-data": "usr/share/pushover/themes",
    "singularity-music": "usr/share/games/singularity/music",
    "xmoto-data": "usr/share/games/xmoto/Textures/Musics",
    "torus-trooper-data": "usr/share/games/torus-trooper/sounds/musics",
    "trackballs-data": "usr/share/games/trackballs/music",
    "fillets-ng-data": "usr/share/games/fillets-ng/music",
    "asc-music": "usr/share/games/asc/music",
    "extremetuxracer-data": "usr/share/games/etr/music",
    "amoebax-data": "usr/share/games/amoebax/music",
}
TUNED = {
    "wesnoth-1.16-music": (
        "battle-epic.ogg",
        "casualties_of_war.ogg",
        "northerners.ogg",
        "love_theme.ogg",
        "knalgan_theme.ogg",
        "traveling_minstrels.ogg",
    ),
    "fretsonfire-songs-muldjord": ("armygeddon/song.ogg",),
    "fretsonfire-songs-sectoid": ("War of freedom/song.ogg", "Feelings/song.ogg"),
    "lincity-ng-data": ("02 - Robert van Herk - City Blues.ogg",),
    "freedroidrpg-data": ("TechBattle.ogg", "Hyperbattle.ogg", "Ambience.ogg"),
    "hedgewars-data": ("EarthRise.ogg", "underwater.ogg"),
    "pushover-data": ("electro.ogg", "japanese.ogg"),
    "singularity-music": ("Media Threat.ogg", "Nebula.ogg"),
    "xmoto-data": ("speeditup.ogg",),
    "torus-trooper-data": ("tt1.ogg",),
    "trackballs-data": ("c64revival.ogg",),
    "fillets-ng-data": ("rybky01.ogg",),
    "asc-music": ("frontiers.mp3",),
    "extremetuxracer-data": ("credits1-cp.ogg",),
    "amoebax-data": ("menu.ogg",),
}
FRESH = {
    "wesnoth-1.16-music": (
        "battle.ogg",
        "breaking_the_chains.ogg",
        "elvish-theme.ogg",
        "frantic-old.ogg",
        "frantic.ogg",
        "heroes_rite.ogg",
    ),
    "fretsonfire-songs-muldjord": ("chaos_god/song.ogg",),
    "fretsonfire-songs-sectoid": ("Escape from chaosland/song.ogg", "Metal madness/song.ogg"),
    "lincity-ng-data": ("01 - pronobozo - lincity.ogg",),
    "freedroidrpg-data": ("AmbientBattle.ogg", "Bleostrada.ogg", "HellFortressEntrance.ogg"),
    "hedgewars-data": ("Art.ogg", "Beach.ogg"),
    "pushover-data": ("aztec.ogg", "castle.ogg"),
    "singularity-music": ("A New Journey.ogg", "Aberrations.ogg"),
    "xmoto-data": ("MadeiraStew.ogg",),
    "torus-trooper-data": ("tt2.ogg",),
    "trackballs-data": ("crazy.ogg",),
    "fillets-ng-data": ("rybky02.ogg",),
    "asc-music": ("machine_wars.mp3",),
    "extremetuxracer-data": ("calmrace-ks.ogg",),
    "amoebax-data": ("AngusBackground.ogg",),
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for package in FOLDERS:
        tracks = (*TUNED[package], *FRESH[package])
        missing = [track for track in tracks if not (folder / kept_name(track)).exists()]
        if missing:
            print(f"{package}: {', '.join(map(kept_name, missing))}", flush=True)
            fetch(package, missing, folder)
    print(f"{len(music(folder)) + len(music(folder, fresh=True))} tracks in {folder}")


def default_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fermata-benchmark-music"


def music(folder: Path, fresh: bool = False) -> list[Path]:
    """The tracks that are there, in the order of the list: those tuned on, or the fresh ones."""
    wanted = (folder / kept_name(track) for tracks in (FRESH if fresh else TUNED).values() for track in tracks)
    return [path for path in wanted if path.exists()]


def kept_name(track: str) -> str:
    """Small letters without spaces, numbers and artists; a song in a folder of its own is called like that."""
    path = Path(track)
    title = path.parent.name if path.stem == "song" else path.stem.rpartition(" - ")[2]
    return title.lower().replace(" ", "_") + path.suffix


def fetch(package: str, tracks: list[str], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        work.chmod(0o755)  # apt's own user must be able to write and read here
        subprocess.run(["apt-get", "download", "-qq", package], cwd=work, check=True)
        deb = next(work.glob("*.deb"))
        subprocess.run(["dpkg", "-x", str(deb), str(work / "tree")], check=True)
        for track in tracks:
            shutil.copy(work / "tree" / FOLDERS[package] / track, folder / kept_name(track))
        licence = work / "tree/usr/share/doc" / package / "copyright"
        if licence.exists():
            shutil.copy(licence, folder / f"{package}.copyright")


if __name__ == "__main__":
    main()
