"""The store in one SQLite file that several processes may share.

One worker at a time runs whole `BEGIN IMMEDIATE … COMMIT` functions, so that a cancelled caller can never leave a
transaction open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import apsw

from fermata_mcp.domain.change import Change
from fermata_mcp.store.base import Elsewhere, Unreadable
from fermata_mcp.store.objects import ObjectRows
from fermata_mcp.store.sqlite import claiming, holding, news, operating, reading, removing, secret, tokens, writing
from fermata_mcp.store.sqlite.safety import copies
from fermata_mcp.store.sqlite.safety.damage import note, open_sound, standing, trouble_in
from fermata_mcp.store.statement_store import Statements, StatementStore

from .audio import statements
from .file import Sql, check_version, in_words

# A file tells nobody that another process has written to it.
FOREIGN_LOOK_SECONDS = 0.25
_T = TypeVar("_T")
_STATEMENTS = Statements(
    claiming=claiming, holding=holding, news=news, operating=operating, reading=reading, removing=removing,
    secret=secret, tokens=tokens, writing=writing,
)  # fmt: skip


class SqliteStore(StatementStore):
    """See `Store`.

    Args:
        path: The database file; its folder is made when it is opened.
        steady: See `StatementStore`.
    """

    def __init__(self, path: Path, *, steady: Callable[[], float] | None = None) -> None:
        super().__init__(_STATEMENTS, steady)
        self._path = path
        self._connection: Sql | None = None
        self._turn = anyio.CapacityLimiter(1)
        self._data_version: int | None = None
        self.objects = ObjectRows(statements, self._run, self._write)

    async def open(self) -> None:
        await self._run(lambda _: None)

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await anyio.to_thread.run_sync(close, limiter=self._turn)

    def time(self, here: int) -> int:
        return here

    def _count_anew(self, c: Sql, *, now: int, asked: float) -> None:
        if self._is_fresh(asked):
            claiming.count_all_anew(c, now=now)

    async def apply(self, change: Change, *, now: int) -> bool:
        work = partial(writing.apply, change=change, now=now)
        return await (self._write(work) if change.must_last else self._together.add(work))

    async def _write_all(self, works: Sequence[Callable[[Sql], Any]]) -> Sequence[Any]:
        return await self._write(lambda c: [work(c) for work in works], durable=False)

    @property
    def tells_unasked(self) -> bool:
        return False

    async def elsewhere(self) -> Elsewhere:
        while not await self._changed_elsewhere():  # noqa: ASYNC110  (what is waited for is in a file)
            await anyio.sleep(FOREIGN_LOOK_SECONDS)
        return Elsewhere(tasks=None, work=False)

    async def _changed_elsewhere(self) -> bool:
        version = await self._run(lambda c: int(c.pragma("data_version")))
        before, self._data_version = self._data_version, version
        return before != version

    async def check(self) -> None:
        await self._run(check_version)

    async def damage(self) -> str | None:
        found = await anyio.to_thread.run_sync(standing, self._path)
        if found is None:
            return None
        where = f"it is kept as {found.aside}" if found.aside else f"it is still {self._path.name}"
        return f"the task database was found damaged on {found.at}, and {where}."

    async def look_through(self) -> None:
        """Look whether the file is sound, beside all that goes on; damage is noted."""
        found = await anyio.to_thread.run_sync(trouble_in, self._path, abandon_on_cancel=True)
        if found is not None:
            note(self._path, found)

    async def copy_daily(self) -> None:
        await anyio.to_thread.run_sync(copies.copy_daily, self._path, abandon_on_cancel=True)

    async def _write(self, work: Callable[[Sql], _T], *, durable: bool = True) -> _T:
        """One whole transaction. Without `durable` a power cut may take it back; a crash of the program does not."""

        def whole(connection: Sql) -> _T:
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                # SQLITE_FULL and SQLITE_IOERR have rolled back already; a second rollback would raise.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return await self._run(whole)

    async def _run(self, work: Callable[[Sql], _T]) -> _T:
        def run() -> _T:
            try:
                if self._connection is None:
                    self._connection = open_sound(self._path)
                return work(self._connection)
            except (apsw.Error, OSError, UnicodeDecodeError) as error:
                raise in_words(error, self._path) from error
            except Unreadable as error:
                self._name([error])
                raise

        return await anyio.to_thread.run_sync(run, limiter=self._turn)
