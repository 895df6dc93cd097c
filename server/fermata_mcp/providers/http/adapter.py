"""What the author of an adapter fills in: facts, and pure functions between our words and one provider's wire."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from fermata_mcp.domain.account import Account, AccountSpec
from fermata_mcp.domain.hooks import HookPost, News
from fermata_mcp.domain.spec import ProviderSpec, Refusal
from fermata_mcp.domain.task import Clip, Work
from fermata_mcp.providers.base import Made, Snapshot

from .news import read_news
from .wire import Answer, Call


class HttpAdapter(ABC):
    """One provider's dialect. No I/O; everything here can be tested on values alone.

    Adapters write their methods in the order of this class, and leave out what does not differ from it.

    Args:
        callback_url: Where the operator wants to be told of finished work; None where nothing is set. Work is polled
            all the same.
    """

    spec: ProviderSpec

    def __init__(self, callback_url: str | None = None) -> None:
        self._callback_url = callback_url

    @property
    def account(self) -> AccountSpec:
        """The variables that hold its key and its addresses."""
        assert self.spec.account is not None, "an adapter to HTTP declares its account"
        return self.spec.account

    # --- work that is asked for ---------------------------------------------------------------------------------------

    def complete(self, work: Work) -> Work:
        """`work` with everything that its wire needs and that follows from it; the same again where it is complete."""
        return work

    def notes_for(self, work: Work) -> tuple[str, ...]:
        """What whoever asks for `work` must know of what is sent for it."""
        return ()

    # --- before it, for free ------------------------------------------------------------------------------------------

    def greeting_call(self) -> Call | None:
        """Ask which build of a server is there; None where there is but one."""
        return None

    def read_greeting(self, answer: Answer, work: Work) -> Work:
        """`work` for that build, which `Work.dialect` names.

        Raises:
            ProviderError: It cannot do the work, or is not understood.
        """
        return work

    def read_about(self, answer: Answer) -> str | None:
        """What the same answer tells of the server, for whoever set it up.

        Raises:
            ProviderError: It cannot do the work, or is not understood.
        """
        return None

    # --- the one paid request -----------------------------------------------------------------------------------------

    @abstractmethod
    def submit_call(self, work: Work) -> Call:
        """The one request that starts `work`.

        Raises:
            InvalidRequest: This wire cannot say it.
        """

    def read_submit(self, answer: Answer) -> str | None:
        """The id under which it was accepted; None where the answer does not say so."""
        return answer.task_id()

    def read_answer(self, answer: Answer, attempt_id: str) -> Made | None:
        """The finished work, where the answer to the submit holds it (`Answer.file`); None where it does not."""
        return None

    def refusal(self, answer: Answer) -> Refusal | None:
        """A refusal that only the words of the answer tell; None leaves it to `spec.refusals`."""
        return None

    # --- polling ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def poll_call(self, remote_id: str) -> Call | None:
        """Ask how the work is getting on; free. None where the answer to the submit is all there ever is."""

    @abstractmethod
    def read_poll(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """How the work is getting on; None where this is no answer about the work (an error page, say)."""

    def result_call(self, answer: Answer, remote_id: str) -> Call | None:
        """A second question that the answer to `poll_call` leads to; None where that answer says it all."""
        return None

    def read_result(self, answer: Answer, remote_id: str) -> Snapshot | None:
        """How the work is getting on, by the answer to it; None as in `read_poll`."""
        return None

    def cancel_call(self, remote_id: str) -> Call | None:
        """Stop the work; None where it cannot be stopped."""
        return None

    def read_cancel(self, answer: Answer) -> bool:
        """Whether it is certain that nothing more happens to it."""
        return False

    # --- news that it posts by itself ---------------------------------------------------------------------------------

    def news_keys_call(self) -> Call | None:
        """Where it publishes the keys by which it signs, as a JWKS; None where it has none."""
        return None

    def read_news(self, post: HookPost, account: Account) -> News | None:
        """What a post tells of the work that it is about; None where it is not signed as this provider signs."""
        return read_news(post)

    # --- what some providers can do besides ---------------------------------------------------------------------------

    def clip_call(self, clip_id: str) -> Call | None:
        """Look up a clip by its id; None where no such look-up is documented, or it costs something."""
        return None

    def read_clip(self, answer: Answer, clip_id: str) -> Clip | None:
        """The finished clip of that id; None where the answer does not tell of it.

        Raises:
            UnknownTrack: The answer says that there is no such clip.
        """
        return None

    def balance_call(self) -> Call | None:
        """None where the provider has no such call."""
        return None

    def read_balance(self, answer: Answer) -> float | None:
        """Credits left; None where the answer does not tell."""
        return None

    def upload_call(self, file: Path) -> Call | None:
        """Put a file where the provider can fetch it; None where it takes links only, or files with the submit."""
        return None

    def upload_next(self, answer: Answer, file: Path) -> Call | None:
        """What has to follow upon the answer to `upload_call` before the file is there; None where it is."""
        return None

    def read_upload(self, answer: Answer) -> str | None:
        """The address under which an uploaded file can be fetched: by the last answer, or the first."""
        return None
