"""Every way a request or a task can fail.

FermataError(code, message, hint, retryable)
├── InvalidRequest        fix the arguments
│   ├── UnsupportedField      the provider cannot express it
│   ├── CannotTake            the provider takes no such source
│   ├── UnknownTrack          no such clip or earlier task to lengthen
│   ├── FileNotAllowed        outside the allowed folders, or unreadable
│   ├── AddressRefused        a link to a host that may not be spoken to (media.network.addresses)
│   ├── NotAudio              the bytes are not audio we can read
│   │   ├── NoDecoder             of a kind that needs another decoder (media.codecs.libraries)
│   │   └── Undecodable           it ended a decoder, or kept it busy for too long (media.decoding.client)
│   ├── TooLarge              a limit is named in the message
│   ├── OverBudget            a credit cap would be exceeded
│   ├── NotFound              no such task
│   │   └── Expired               a link that was good once (engine.audio.links)
│   ├── CannotMerge           a host's configuration that cannot be changed without harm (cli.hosts.merging)
│   ├── ScopeMissing          whoever calls may not do this
│   └── NotSupported          this host or version cannot do it
├── ConfigurationError    fix the set-up
│   ├── InvalidSettings       a variable that cannot be used (config)
│   ├── CannotListen          an address that cannot be listened on (transports.sockets)
│   ├── NoClient              standard input or output is closed (transports.stdio)
│   ├── NotReading            the client takes nothing any more (transports.connection)
│   ├── MissingKey
│   └── StoreUnavailable      database or folder cannot be read or written
│       ├── ObjectsUnavailable    the store for audio does not do it now (media.objects.base)
│       ├── AlreadyKnown          a change that belongs to another row (store.base)
│       └── Unreadable            a row that this version cannot read (store.base)
├── ProviderError         they refused, or are away
│   ├── AuthenticationFailed · InsufficientCredits · RateLimited · ContentRejected
│   ├── ProviderUnavailable
│   │   └── CannotBegin           no request can be sent from this machine as it is set (providers.http.outgoing)
│   ├── GenerationFailed · UnexpectedResponse
│   └── OurBug                met while a step was carried out: told like theirs, since the step goes on (engine.runner)
├── OutcomeUnknown        a paid request may have happened; never sent again by the program
├── Cancelled             someone asked for it
└── InternalError         our bug

What is raised outside this tree is a signal between two rooms, and never reaches a person: KeyReused and
NameTaken (store.base).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from fermata_mcp.domain.foreign.paths import shown


class FermataError(Exception):
    """A failure that a person or a model can act on.

    Args:
        message: What happened, in one sentence, without secrets.
        hint: What to do next, in one sentence.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    default_hint: ClassVar[str] = "look at the server's log, and report it."

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = shown(message)
        self.hint = hint or self.default_hint

    def __str__(self) -> str:
        return f"{self.code}: {self.message} Next: {self.hint}"


class InvalidRequest(FermataError):
    code = "invalid_request"
    default_hint = "correct the arguments and call again."


class UnsupportedField(InvalidRequest):
    code = "unsupported_field"
    default_hint = "leave the parameter out, or choose a provider that takes it."


class CannotTake(InvalidRequest):
    """The provider takes no source of this form."""


class UnknownTrack(InvalidRequest):
    code = "unknown_track"
    default_hint = "use list_tasks to find the track."


class FileNotAllowed(InvalidRequest):
    code = "file_not_allowed"
    default_hint = "use a file inside FERMATA_INPUT_ROOTS."


class NotAudio(InvalidRequest):
    code = "not_audio"
    default_hint = "give a WAV, FLAC, OGG or MP3 file."


class TooLarge(InvalidRequest):
    code = "too_large"
    default_hint = "send less."


class OverBudget(InvalidRequest):
    code = "over_budget"
    default_hint = "raise the cap, or ask for less."


class NotFound(InvalidRequest):
    code = "not_found"
    default_hint = "use list_tasks to find the task."


class NotSupported(InvalidRequest):
    code = "not_supported"
    default_hint = "choose another way."


class ConfigurationError(FermataError):
    default_hint = "run `fermata-mcp doctor`."


class MissingKey(ConfigurationError):
    code = "missing_key"


class StoreUnavailable(ConfigurationError):
    code = "store_unavailable"


class ProviderError(FermataError):
    """`retry_after`: seconds that the provider wants to be left alone."""

    default_hint = "try again later, or use another provider."
    retry_after: float | None = None


class AuthenticationFailed(ProviderError):
    code = "authentication_failed"
    default_hint = "check the provider's API key."


class ScopeMissing(InvalidRequest):
    """A caller who is known, and may not do this."""

    code = "authentication_failed"

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(
            f"this needs the scope {scope}, which your token does not give.",
            f"ask whoever runs this server for a token with the scope {scope}"
            + (", or use provider local, which is free." if scope == "spend" else "."),
        )


class InsufficientCredits(ProviderError):
    code = "insufficient_credits"
    default_hint = "buy credits at the provider, or use provider local."


class RateLimited(ProviderError):
    code = "rate_limited"
    retryable = True


class ContentRejected(ProviderError):
    code = "content_rejected"
    default_hint = "change the words and call again."


class ProviderUnavailable(ProviderError):
    code = "provider_unavailable"
    retryable = True


class GenerationFailed(ProviderError):
    code = "generation_failed"
    retryable = True


class UnexpectedResponse(ProviderError):
    code = "unexpected_response"


class OutcomeUnknown(FermataError):
    code = "outcome_unknown"
    default_hint = "use resolve_task; nothing is sent again until a person says so."


class Cancelled(FermataError):
    code = "cancelled"
    default_hint = "call again to start anew."


class InternalError(FermataError):
    code = "internal"


def _tree(root: type[FermataError]) -> dict[str, type[FermataError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        if "__init__" in vars(child):  # made of other things than words, it cannot come back as itself
            continue
        found = _tree(child) | found if child.code == root.code else found | _tree(child)
    return found


def together(problems: Sequence[FermataError]) -> FermataError:
    """One error that names everything that is wrong; of the same kind where all are of one.

    What the caller can correct comes first: trouble of other kinds is told once that is done.
    """
    own = [one for one in problems if isinstance(one, InvalidRequest)] or list(problems[:1])
    if len(own) == 1:
        return own[0]
    kind = type(own[0]) if len({one.code for one in own}) == 1 else InvalidRequest
    return kind(_joined(one.message for one in own), _joined(one.hint for one in own))


def _joined(sentences: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(sentence.rstrip(".") for sentence in sentences)) + "."


def error_from(code: str, message: str, hint: str | None = None) -> FermataError:
    """The error of a stored or transmitted `code`; an unknown code is `InternalError`."""
    kind = _BY_CODE.get(code, InternalError)
    return kind(message, hint)


_BY_CODE: dict[str, type[FermataError]] = _tree(FermataError) | {"internal": InternalError}
