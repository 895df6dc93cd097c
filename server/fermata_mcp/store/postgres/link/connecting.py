"""The database server: connections that come back by themselves, and its troubles in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar, cast

import anyio
import asyncpg
from asyncpg import exceptions as pg

from fermata_mcp.domain.errors import FermataError, InvalidRequest, StoreUnavailable
from fermata_mcp.store.base import AlreadyKnown

# So long a caller waits for a connection, made or free.
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 15.0
MOST_CONNECTIONS = 8
# What is raised by a connection, a name, a password, a server or a statement of ours.
TROUBLES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    pg.InternalClientError,
    OSError,
    TimeoutError,
    UnicodeEncodeError,
)


class Sql(Protocol):
    """What is used of an asyncpg connection, which has no types of its own."""

    async def execute(self, query: str, *args: Any) -> str: ...
    async def fetch(self, query: str, *args: Any) -> list[Any]: ...
    async def fetchrow(self, query: str, *args: Any) -> Any: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...


_driver: Any = asyncpg
_T = TypeVar("_T")
Greet = Callable[[Sql], Awaitable[None]]


class Pool:
    """Connections to one database, made when they are needed; each is greeted before its first use.

    Args:
        url: `postgresql://…`, whose password no error shows.
        sender: Name of this program in what it tells other programs of its writes.
        greet: Looks at each new connection, and may refuse it.
    """

    def __init__(self, url: str, sender: str, greet: Greet) -> None:
        self._url, self._sender, self._greet = url, sender, greet
        self._pool: Any = None

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), 1.0)
            except TROUBLES:
                pool.terminate()

    async def run(self, work: Callable[[Sql], Awaitable[_T]]) -> _T:
        """`work` on a connection of its own, which is waited for within bounds.

        Who leaves meanwhile is held back until it has ended, which is bounded in time too: it has happened, or not.
        """
        pool = await self._opened()
        try:
            taken = await pool.acquire(timeout=CONNECT_SECONDS)
        except asyncpg.InterfaceError:
            raise
        except ValueError:  # whose text is the address
            raise StoreUnavailable("FERMATA_STORE_URL is no address of a database.") from None
        task = asyncio.ensure_future(self._use(pool, taken, work))
        with anyio.CancelScope(shield=True):
            await _end_of(task)
        return task.result()

    async def _opened(self) -> Any:
        if self._pool is None:
            self._pool = _driver.create_pool(
                self._url, min_size=0, max_size=MOST_CONNECTIONS, init=self._greet, **self.how()
            )
        return await self._pool

    @staticmethod
    async def _use(pool: Any, taken: Any, work: Callable[[Sql], Awaitable[_T]]) -> _T:
        try:
            return await work(cast(Sql, taken))
        except pg.ReadOnlySQLTransactionError:
            await pool.expire_connections()  # they lead to what was the primary once
            raise
        finally:
            await pool.release(taken, timeout=CONNECT_SECONDS)

    async def apart(self) -> Any:
        """A connection beside the others, of asyncpg's own kind."""
        return await _driver.connect(self._url, **self.how())

    def how(self) -> dict[str, Any]:
        milliseconds = str(round(STATEMENT_SECONDS * 1000))
        return {
            "timeout": CONNECT_SECONDS,
            "command_timeout": STATEMENT_SECONDS + 5,
            "target_session_attrs": "read-write",
            "server_settings": {
                "application_name": "fermata-mcp",
                "fermata.sender": self._sender,
                "statement_timeout": milliseconds,
                "lock_timeout": milliseconds,
                "idle_in_transaction_session_timeout": milliseconds,
            },
        }


async def _end_of(task: asyncio.Future[Any]) -> None:
    """Wait for a task that ends by itself, also where the one that waits is cancelled, and not by a scope."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


@asynccontextmanager
async def transaction(c: Sql, *, durable: bool) -> AsyncGenerator[None]:
    """One whole transaction. Without `durable` the death of the server may take it back; that of ours does not."""
    await c.execute("BEGIN" if durable else "BEGIN; SET LOCAL synchronous_commit = off")
    try:
        yield
        await c.execute("COMMIT")
    except BaseException:
        with suppress(*TROUBLES):  # it is gone with its connection
            await c.execute("ROLLBACK")
        raise


def in_words(error: Exception) -> FermataError:
    """What a person can do about it; never the address, which may hold a password."""
    match error:
        case pg.UniqueViolationError():
            return AlreadyKnown("it is recorded elsewhere already.")
        case pg.IntegrityConstraintViolationError():
            return StoreUnavailable("the task database refuses what breaks its rules; nothing was recorded.")
        case pg.DataError() | pg.UntranslatableCharacterError() | UnicodeEncodeError():
            return InvalidRequest("a text or number here is one that the task database cannot keep.")
        case _:
            what, hint = _trouble(error)
            return StoreUnavailable(what, hint)


def _trouble(error: Exception) -> tuple[str, str]:
    check = "check FERMATA_STORE_URL and the server, and call again."
    match error:
        case pg.InvalidAuthorizationSpecificationError():
            return "the task database refuses this user or password.", "correct FERMATA_STORE_URL."
        case pg.InvalidCatalogNameError():
            return "the server has no database of that name.", "create it, or correct FERMATA_STORE_URL."
        case pg.InsufficientPrivilegeError():
            return "this user may not do that in the task database.", "let it own the database, and call again."
        case pg.TooManyConnectionsError():
            return "the task database takes no more connections.", "raise its max_connections, or run fewer programs."
        case pg.ReadOnlySQLTransactionError() | pg.TargetServerAttributeNotMatched():
            return "the task database is a read-only standby.", "point FERMATA_STORE_URL at the primary."
        case pg.DiskFullError():
            return "the disk of the task database is full; nothing was recorded.", "free some space and call again."
        case pg.CannotConnectNowError() | pg.AdminShutdownError() | pg.CrashShutdownError():
            return "the task database is stopping or starting.", "try again in a moment."
        case pg.LockNotAvailableError() | pg.QueryCanceledError() | pg.TransactionRollbackError():
            return "the task database is too busy.", "try again in a moment."
        case TimeoutError():
            return "the task database does not answer.", check
        case ConnectionRefusedError() | FileNotFoundError():
            return "nothing listens where the task database should be.", check
        case pg.PostgresConnectionError() | asyncpg.InterfaceError() | OSError():
            return "the connection to the task database was lost or cannot be made.", check
        case _:
            return f"the task database cannot be used ({type(error).__name__}).", check
