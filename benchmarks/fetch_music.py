"""Fetches the test music: 26 tracks of all kinds out of Debian's packages, about 100 MB kept, nothing committed.

    python benchmarks/fetch_music.py [folder]

The folder is ${XDG_CACHE_HOME:-~/.cache}/fermata-benchmark-music unless named. Needs apt-get, with its lists up to
date, and dpkg. Of each package only the tracks named here are kept; its others are reserved for judging anew. A track
that is there already is not fetched again. Each package's copyright file, kept beside the music, names the licence.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Name of the track here, by path inside the package.
PACKAGES: dict[str, dict[str, str]] = {
    "wesnoth-1.16-music": {
        f"usr/share/games/wesnoth/1.16/data/core/music/{name}.ogg": name
        for name in (
            "battle-epic",
            "casualties_of_war",
            "northerners",
            "love_theme",
            "knalgan_theme",
            "traveling_minstrels",
        )
    },
    "fretsonfire-songs-muldjord": {"usr/share/games/fretsonfire/data/songs/muldjord/armygeddon/song.ogg": "armygeddon"},
    "fretsonfire-songs-sectoid": {
        "usr/share/games/fretsonfire/data/songs/sectoid/War of freedom/song.ogg": "war_of_freedom",
        "usr/share/games/fretsonfire/data/songs/sectoid/Feelings/song.ogg": "feelings",
    },
    "lincity-ng-data": {
        "usr/share/games/lincity-ng/music/default/02 - Robert van Herk - City Blues.ogg": "city_blues",
    },
    "freedroidrpg-data": {
        "usr/share/freedroidrpg/data/sound/music/TechBattle.ogg": "techbattle",
        "usr/share/freedroidrpg/data/sound/music/Hyperbattle.ogg": "hyperbattle",
        "usr/share/freedroidrpg/data/sound/music/Ambience.ogg": "ambience",
    },
    "hedgewars-data": {
        "usr/share/games/hedgewars/Data/Music/EarthRise.ogg": "earthrise",
        "usr/share/games/hedgewars/Data/Music/underwater.ogg": "underwater",
    },
    "pushover-data": {
        "usr/share/pushover/themes/electro.ogg": "electro",
        "usr/share/pushover/themes/japanese.ogg": "japanese",
    },
    "singularity-music": {
        "usr/share/games/singularity/music/Media Threat.ogg": "media_threat",
        "usr/share/games/singularity/music/Nebula.ogg": "nebula",
    },
    "xmoto-data": {"usr/share/games/xmoto/Textures/Musics/speeditup.ogg": "speeditup"},
    "torus-trooper-data": {"usr/share/games/torus-trooper/sounds/musics/tt1.ogg": "tt1"},
    "trackballs-data": {"usr/share/games/trackballs/music/c64revival.ogg": "c64revival"},
    "fillets-ng-data": {"usr/share/games/fillets-ng/music/rybky01.ogg": "rybky01"},
    "asc-music": {"usr/share/games/asc/music/frontiers.mp3": "frontiers"},
    "extremetuxracer-data": {"usr/share/games/etr/music/credits1-cp.ogg": "credits1-cp"},
    "amoebax-data": {"usr/share/games/amoebax/music/menu.ogg": "menu"},
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for package, tracks in PACKAGES.items():
        missing = {path: name for path, name in tracks.items() if not (folder / kept_name(path, name)).exists()}
        if missing:
            print(f"{package}: {', '.join(missing.values())}", flush=True)
            fetch(package, missing, folder)
    print(f"{len(music(folder))} tracks in {folder}")


def default_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fermata-benchmark-music"


def music(folder: Path) -> list[Path]:
    """The named tracks that are there, in the order of the list."""
    wanted = (folder / kept_name(path, name) for tracks in PACKAGES.values() for path, name in tracks.items())
    return [path for path in wanted if path.exists()]


def kept_name(path: str, name: str) -> str:
    return name + Path(path).suffix


def fetch(package: str, tracks: dict[str, str], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        work.chmod(0o755)  # apt's own user must be able to write and read here
        subprocess.run(["apt-get", "download", "-qq", package], cwd=work, check=True)
        deb = next(work.glob("*.deb"))
        subprocess.run(["dpkg", "-x", str(deb), str(work / "tree")], check=True)
        for path, name in tracks.items():
            shutil.copy(work / "tree" / path, folder / kept_name(path, name))
        licence = work / "tree/usr/share/doc" / package / "copyright"
        if licence.exists():
            shutil.copy(licence, folder / f"{package}.copyright")


if __name__ == "__main__":
    main()
