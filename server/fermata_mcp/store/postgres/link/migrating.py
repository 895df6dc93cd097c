"""The tables of the database: made, brought up to date by one program at a time, and recognised as ours."""

from __future__ import annotations

from importlib import resources

from fermata_mcp.domain.errors import StoreUnavailable
from fermata_mcp.store.postgres.link.connecting import Sql

_LOCK = 0x4645524D  # "FERM"


def scripts() -> dict[int, str]:
    """What brings the tables up to date, by number."""
    folder = resources.files("fermata_mcp.store.postgres") / "migrations"
    found = (entry for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {int(entry.name[:4]): entry.read_text(encoding="utf-8") for entry in sorted(found, key=lambda one: one.name)}


async def bring_up_to_date(c: Sql) -> None:
    """Apply what is missing, alone, inside of one transaction.

    Raises:
        StoreUnavailable: The tables are another program's, or of a newer version.
    """
    wanted = scripts()
    if await _applied(c) == set(wanted):
        return
    await c.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    applied = await _applied(c)
    if applied is None:
        await _check_nobody_else_is_here(c)
        await c.execute("CREATE TABLE fermata_schema (number BIGINT PRIMARY KEY)")
    if (applied or set()) - set(wanted):
        raise StoreUnavailable(
            "the task database was written by a newer version of Fermata.",
            "upgrade fermata-mcp, or point FERMATA_STORE_URL at another database.",
        )
    for number in sorted(set(wanted) - (applied or set())):
        await c.execute(wanted[number])
        await c.execute("INSERT INTO fermata_schema VALUES ($1)", number)


async def check_version(c: Sql) -> None:
    """Raises StoreUnavailable where another version has changed the tables since they were looked at."""
    if await _applied(c) != set(scripts()):
        raise StoreUnavailable("another version of Fermata has migrated the task database.", "start this one again.")


async def _applied(c: Sql) -> set[int] | None:
    """Which scripts were applied; None where no Fermata was here."""
    # Not by to_regclass: what that did not find it remembers, although another program makes it meanwhile.
    known = "relname = 'fermata_schema' AND relkind = 'r' AND pg_table_is_visible(oid)"
    if not await c.fetchval(f"SELECT EXISTS (SELECT 1 FROM pg_class WHERE {known})"):
        return None
    return {row[0] for row in await c.fetch("SELECT number FROM fermata_schema")}


async def _check_nobody_else_is_here(c: Sql) -> None:
    if await c.fetchval("SELECT EXISTS (SELECT 1 FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) "
                        "AND relnamespace <> 'pg_catalog'::regnamespace)"):  # fmt: skip
        raise StoreUnavailable(
            "this database holds another program's tables.", "give Fermata a database or a schema of its own."
        )
