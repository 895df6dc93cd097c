"""Whether what lies prepared is right here: the same SDK, and settings with which the server would plainly start.

The prepared answers (`prepared.txt`) are written by `docs/generate.py`: a line each, of era or protocol version, method
and result, after one that names the distributions they were made with.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

from .talk import Prepared

FILE = os.path.join(os.path.dirname(__file__), "prepared.txt")

_ANYTHING = re.compile(r".*", re.DOTALL)
_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,3})?", re.ASCII)
SETTINGS = {
    "FERMATA_DEFAULT_PROVIDER": re.compile("[a-z-]{1,40}"),
    "FERMATA_MAX_CREDITS_PER_CALL": _AMOUNT,
    "FERMATA_MAX_CREDITS_PER_DAY": _AMOUNT,
    "FERMATA_CONFIRM_ABOVE_CREDITS": _AMOUNT,
    "FERMATA_MAX_USD_PER_CALL": _AMOUNT,
    "FERMATA_MAX_USD_PER_DAY": _AMOUNT,
    "FERMATA_CONFIRM_ABOVE_USD": _AMOUNT,
    "FERMATA_WAIT_SECONDS": re.compile(r"[12]?\d{1,3}(\.\d{1,3})?", re.ASCII),
    "FERMATA_RESULT_LINKS": re.compile("auto|always|never"),
    "FERMATA_LOG_LEVEL": re.compile("debug|info|warning|error"),
    "FERMATA_LOG_FORMAT": re.compile("text|json"),
    # Keys are not looked into before they are used.
    "MUSICAPI_API_KEY": _ANYTHING,
    "SUNOAPI_API_KEY": _ANYTHING,
    "KIE_API_KEY": _ANYTHING,
    "APIIN_API_KEY": _ANYTHING,
    "ACEDATA_API_KEY": _ANYTHING,
    "FAL_KEY": _ANYTHING,
    "ELEVENLABS_API_KEY": _ANYTHING,
    "ACESTEP_BASE_URL": re.compile(r"http://(127\.0\.0\.1|localhost):[1-9]\d{3}", re.ASCII),
    "SA3_BASE_URL": re.compile(r"http://(127\.0\.0\.1|localhost):[1-9]\d{3}", re.ASCII),
}  # fmt: skip
_FOLDERS = ("FERMATA_DATA_DIR", "FERMATA_OUTPUT_DIR")
# With the first word of every built-in provider, as all of its variables begin.
OURS = (
    "FERMATA_", "MUSICAPI_", "SUNOAPI_", "KIE_", "APIIN_", "ACEDATA_", "FAL_", "ELEVENLABS_", "ACESTEP_", "SA3_",
    "LOCAL_",
)  # fmt: skip


def prepared_answers(environ: Mapping[str, str]) -> Prepared | None:
    """What can be said here, by `variant method`; None where only the server knows whether it may start at all."""
    if not settings_are_right(environ):
        return None
    try:
        made_with = _lines()[0].decode().split()
    except OSError:
        return None
    return read_prepared() if _are_installed(set(made_with)) else None


def read_prepared() -> Prepared:
    """Every prepared answer, by `variant method`."""
    parts = (line.split(b" ", 2) for line in _lines()[1:])
    return {f"{variant.decode()} {method.decode()}": result for variant, method, result in parts}


def _lines() -> list[bytes]:
    with open(FILE, "rb") as file:
        return file.read().splitlines()


def settings_are_right(environ: Mapping[str, str]) -> bool:
    """Whether the settings are plainly right, and there is nothing to be told of them."""
    ours = [(name.upper(), value) for name, value in environ.items() if name.upper().startswith(OURS)]
    given = {name: value for name, value in ours if value}
    return (
        len(ours) == len(dict(ours))
        and all(name in _FOLDERS or name in SETTINGS for name, _ in ours)
        and all(SETTINGS[name].fullmatch(value) for name, value in given.items() if name not in _FOLDERS)
        and all(_is_plain_folder(given[name]) if name in given else _usual_folder_is_plain(name) for name in _FOLDERS)
    )


def _is_plain_folder(path: str) -> bool:
    return os.path.isabs(path) and path.isprintable() and "$" not in path


def _usual_folder_is_plain(name: str) -> bool:
    try:
        from platformdirs import user_music_dir, user_state_dir

        usual = user_music_dir() if name == "FERMATA_OUTPUT_DIR" else user_state_dir("fermata", appauthor=False)
        return _is_plain_folder(usual)
    except Exception:  # noqa: BLE001  (it may be anything about a home; the server has words for it)
        return False


def _are_installed(distributions: set[str]) -> bool:
    """Whether these very distributions are here, and none that adds providers, whose settings nobody knows here."""
    names = tuple(name.partition("-")[0] + "-" for name in distributions)
    found = set[str]()
    for folder in dict.fromkeys(sys.path):
        for name in _entries(folder):
            if name.endswith((".dist-info", ".egg-info")):
                if _adds_providers(os.path.join(folder, name)):
                    return False
                found.update([name] if name.startswith(names) else [])
    return found == distributions


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except OSError:
        return []


def _adds_providers(distribution: str) -> bool:
    try:
        with open(os.path.join(distribution, "entry_points.txt"), "rb") as file:
            return b"fermata_mcp.providers" in file.read()
    except OSError:
        return False
