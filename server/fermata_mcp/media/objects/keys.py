"""What kept audio is called: its content, a number so that no key is given twice, and a name for people.

A path that ends in a key means the same audio on every machine, wherever that has its own copy.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from pathlib import Path, PurePath

from fermata_mcp.domain.foreign.text import clean_text
from fermata_mcp.media.places.naming import as_text

FOLDER, INCOMING = "objects", "incoming"
_KEY = re.compile(rf"{FOLDER}/[0-9a-f]{{64}}/[0-9a-f]{{16}}/[^/\\\x00]{{1,200}}")
_ODD = re.compile(r"[^\w .()\-\u2013\u2014,&'\u2019!+]")
_MOST_STEM_BYTES, _LONGEST_ENDING = 100, 8
_DIGITS = 15
_PIECE = 1 << 20


def key_of(sha256: str, name: str) -> str:
    """A new key."""
    return f"{FOLDER}/{sha256}/{secrets.token_hex(8)}/{safe_name(name)}"


def key_in(path: str | PurePath) -> str | None:
    """The key that a path ends in, if it does: that of a file that other machines find as well."""
    key = "/".join(PurePath(path).parts[-4:])
    return key if _KEY.fullmatch(key) and ".." not in key.split("/") else None


def content_of(key: str) -> str:
    """SHA-256 of what lies under a key."""
    return key.split("/")[1]


def name_of_key(key: str) -> str:
    """What people call what lies under a key."""
    return key.rpartition("/")[2]


def safe_name(name: str) -> str:
    """A name as keys and links can carry it: without folders, in letters of any script, and not too long."""
    last = unicodedata.normalize("NFC", as_text(re.split(r"[/\\]", name)[-1]))
    stem, dot, ending = last.rpartition(".")
    if not dot or not 1 <= len(ending.encode()) <= _LONGEST_ENDING:
        stem, dot, ending = last, "", ""
    short = _plain(stem).encode()[:_MOST_STEM_BYTES].decode(errors="ignore").strip(". ")
    return f"{short or 'track'}{dot}{_plain(ending)}".rstrip(". ")


def _plain(text: str) -> str:
    return _ODD.sub("_", clean_text(text)).strip(". ")


def incoming_key(upload: str, offset: int) -> str:
    """Where the part of an upload is kept that begins at a byte of it, until it is all here."""
    return f"{incoming_folder(upload)}{offset:0{_DIGITS}d}"


def incoming_folder(upload: str) -> str:
    return f"{INCOMING}/{upload}/"


def is_part(key: str) -> bool:
    """Whether what lies there is a part of ours: stores may show what they are writing themselves."""
    name = name_of_key(key)
    return len(name) == _DIGITS and name.isascii() and name.isdecimal()


def offset_in(key: str) -> int:
    return int(name_of_key(key))


def sha256_of(path: Path) -> str:
    """Of the whole file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
