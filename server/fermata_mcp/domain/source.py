"""What is to be lengthened: one string from the caller, parsed once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from fermata_mcp.domain.foreign.paths import of_address, unquoted

from .errors import InvalidRequest

MAX_LENGTH = 4096
_FORMS = "a file path, file:///…, https://…, tsk_… (or tsk_…/1), upl_…, or clip:<id>"
_TASK = re.compile(r"(tsk_[0-9a-f]{32})(?:/(\d{1,3}))?")
_UPLOAD = re.compile(r"upl_[0-9a-f]{32}")
_OF_A_CHAT = re.compile(r"(?i)(sandbox|attachment):|/mnt/(data|user-data|uploads|file[-_]uploads)(/|$)|/home/oai/")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True)
class FileSource:
    """The user's own file; `path` is as written, `~` not yet expanded."""

    path: str


@dataclass(frozen=True)
class UrlSource:
    """Audio at an address."""

    url: str


@dataclass(frozen=True)
class TaskSource:
    """The audio of an earlier task: its best clip, or the clip at `index`."""

    task_id: str
    index: int | None = None


@dataclass(frozen=True)
class ClipSource:
    """A provider's own clip id, as that provider writes it."""

    clip_id: str


@dataclass(frozen=True)
class UploadSource:
    """A file that was brought to this server before."""

    upload_id: str


Source = FileSource | UrlSource | TaskSource | ClipSource | UploadSource

KIND_WORDS: dict[type[Source], str] = {
    FileSource: "file",
    UrlSource: "url",
    TaskSource: "task",
    ClipSource: "clip",
    UploadSource: "file",
}


def parse_source(text: str) -> Source:
    """The source that `text` names.

    Raises:
        InvalidRequest: Empty, longer than 4,096 characters, with control characters, or of no known form.
    """
    text = unquoted(text.strip())
    _refuse_odd_text(text)
    if text.lower().startswith(("sandbox:", "attachment:")):
        raise attached_to_a_chat(text)
    if text.startswith("tsk_"):
        return _task(text)
    if text.startswith("upl_"):
        return _upload(text)
    if text.startswith("clip:"):
        return _clip(text.removeprefix("clip:"))
    if text.lower().startswith("file:/") and not text.lower().startswith("file://"):
        text = f"file://{text[5:]}"
    scheme = _SCHEME.match(text)
    return _address(text, scheme.group(1).lower()) if scheme else FileSource(text)


def is_of_a_chat(path: str) -> bool:
    """Whether it is where assistants keep what was attached to a chat, on machines of their own."""
    return _OF_A_CHAT.match(path) is not None


def attached_to_a_chat(path: str) -> InvalidRequest:
    """What is said of such a path, which leads nowhere here."""
    return InvalidRequest(
        f"{path} is a file attached to a chat: it lies on the assistant's machine, and this server cannot reach it.",
        "give the path of the file on the machine where this server runs, or upload it and give an https:// link.",
    )


def _refuse_odd_text(text: str) -> None:
    if not text:
        raise InvalidRequest("`source` is empty.", f"give {_FORMS}.")
    if len(text) > MAX_LENGTH:
        raise InvalidRequest(f"`source` is longer than {MAX_LENGTH} characters.", f"give {_FORMS}.")
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise InvalidRequest("`source` contains control characters.", f"give {_FORMS}.")


def _task(text: str) -> TaskSource:
    match = _TASK.fullmatch(text)
    if not match:
        raise InvalidRequest("`source` looks like a task id but is not one.", "copy the id from list_tasks.")
    index = match.group(2)
    return TaskSource(match.group(1), None if index is None else int(index))


def _upload(text: str) -> UploadSource:
    if not _UPLOAD.fullmatch(text):
        raise InvalidRequest("`source` looks like an upload but is not one.", "copy the id that the upload was given.")
    return UploadSource(text)


def _clip(clip_id: str) -> ClipSource:
    if not clip_id.strip():
        raise InvalidRequest("`clip:` needs an id after the colon.", f"give {_FORMS}.")
    return ClipSource(clip_id.strip())


def _address(text: str, scheme: str) -> Source:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise InvalidRequest("the address cannot be understood.", "give a whole https:// address.") from None
    if scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise InvalidRequest("a file:// address must point at this machine.", "use file:///path.")
        path = of_address(parts.path)
        _refuse_odd_text(path)
        return FileSource(path)
    if scheme in ("http", "https"):
        if not parts.hostname:
            raise InvalidRequest("the address has no host.", "give a whole https:// address.")
        return UrlSource(text)
    raise InvalidRequest(f"addresses starting with {scheme}:// are not understood.", f"give {_FORMS}.")
