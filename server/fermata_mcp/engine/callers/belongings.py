"""Where each principal's results are: nobody meets a name that another one has taken."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import anyio.to_thread

from fermata_mcp.config import Settings
from fermata_mcp.domain.access.principal import ONE_PERSON
from fermata_mcp.domain.errors import StoreUnavailable

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")


def settings_of(principal: str, settings: Settings) -> Settings:
    """The settings, with the principal's own output folder; that of one person is the output folder itself."""
    if principal == ONE_PERSON.name:
        return settings
    return settings.model_copy(update={"output_dir": settings.output_dir / folder_of(principal)})


def folder_of(principal: str) -> str:
    """A name that every file system takes, and no two principals share."""
    plain = _PLAIN.fullmatch(principal) is not None and not principal.endswith(".")
    return principal if plain else f"oauth.{hashlib.sha256(principal.encode()).hexdigest()[:32]}"


async def make_folder(folder: Path) -> None:
    """Raises StoreUnavailable."""
    try:
        await anyio.to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))
    except OSError:
        raise StoreUnavailable("the output folder cannot be written.", "have the operator look at it.") from None
