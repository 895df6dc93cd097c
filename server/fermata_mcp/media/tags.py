"""Title and origin written into the tags of saved audio."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from .atomic import whole_file


def label(path: Path, title: str | None, origin: str) -> None:
    """Write `title` (if any) and `origin` into the tags of a saved file, as far as its kind has them.

    The file is replaced by a whole one that has them, so that a kill or a full disk in between leaves it as it was.
    Tags are a courtesy: a file that cannot carry them stays as it is. To be run where a decoder may end its process.
    """
    import mutagen

    try:
        tags: Any = mutagen.File(os.fspath(path), easy=True)  # pyright: ignore[reportPrivateImportUsage, reportUnknownMemberType]
        if tags is None:
            return
        if tags.tags is None:
            tags.add_tags()
        for key, value in (("title", title), (_origin_key(tags), origin)):
            if value:
                tags[key] = value
        with whole_file(path) as part:
            shutil.copyfile(path, part)
            tags.save(os.fspath(part))
    except Exception:  # noqa: BLE001 (damaged tags make it raise whatever its code happens to meet)
        return


def _origin_key(tags: Any) -> str:
    return "comment" if type(tags).__name__ == "EasyMP4" else "encodedby"
