"""The few lines of text that say to a person what the views say as data."""

from __future__ import annotations

from fermata_mcp.domain.foreign.text import visible
from fermata_mcp.domain.spec import ProviderSpec
from fermata_mcp.engine.credits import ProviderCredits

from .views import CreditsView, TaskList, TaskView


def task_text(view: TaskView, spec: ProviderSpec) -> str:
    """Two to five lines: outcome, where it is, what it cost, what next."""
    told = " ".join([*_stopped(view), *view.warnings])
    why = f"Provider {view.provider_reason}." if view.provider_reason else ""
    lines = [_outcome(view), *_honesty(view, spec), told, why, _cost(view, spec)]
    return "\n".join(line for line in (visible(line, 1000) for line in [*lines, f"Next: {view.next}"]) if line)


def _outcome(view: TaskView) -> str:
    match view.status:
        case "succeeded" | "partial":
            return _delivered(view)
        case "queued" if view.task_id is None:
            return f"Would be done by {view.provider}."
        case "queued" | "running":
            done = "" if view.progress.fraction is None else f", {view.progress.fraction:.0%}"
            return f"Still {view.status}{done} after {view.progress.elapsed_seconds:.0f} s: {view.task_id}"
        case "cancelled":
            return f"Cancelled: {view.task_id}"
        case _:
            problem = f"{view.error.code}: {view.error.message}" if view.error else view.status
            return problem if view.task_id is None else f"{problem} ({view.task_id})"


def _delivered(view: TaskView) -> str:
    audio = view.audio
    word = "Done" if view.status == "succeeded" else "Partly done"
    if audio is None or not (audio.file or audio.url):
        return f"{word}, but the audio is not here yet: {view.task_id}"
    length = f"{audio.duration_seconds:.1f} s" if audio.duration_seconds else "unknown length"
    before = f", before {view.source.duration_seconds:.1f} s" if view.source.duration_seconds else ""
    return f"{word}: {audio.file or audio.url} ({length}{before})"


def _honesty(view: TaskView, spec: ProviderSpec) -> list[str]:
    return [spec.honesty] if spec.honesty and view.status in ("succeeded", "partial") else []


def _stopped(view: TaskView) -> list[str]:
    return [f"It stopped: {view.error.message}"] if view.status == "partial" and view.error else []


def _cost(view: TaskView, spec: ProviderSpec) -> str:
    if not spec.price.high:
        return ""
    charged, refunded, quoted = view.credits.charged, view.credits.refunded, view.credits.quoted
    if charged and refunded:
        return f"Cost: {charged:g} credits, of which the provider refunds {refunded:g}."
    if charged:
        return f"Cost: {charged:g} credits."
    if view.status in ("failed", "cancelled", "unknown"):
        return ""  # a warning says what may have been charged
    if charged is None:
        return f"It may have cost up to {quoted:g} credits."
    expected = view.credits.expected
    return f"Cost: {'' if expected is None else f'about {expected:g}, '}up to {quoted:g} credits."


def clip_text(view: TaskView, index: int) -> str:
    """Where to hear one clip of a task, and the facts of exactly that one."""
    clip = view.clips[index]
    place = clip.file or clip.url or "not here yet"
    length = f"{clip.duration_seconds:.1f} s" if clip.duration_seconds else "unknown length"
    whole = {True: "the whole track", False: "only its new part", None: "the whole track or only its new part"}
    facts = [length, whole[clip.whole_track], clip.model or "", clip.title or ""]
    lines = [
        f"{clip.clip} ({index + 1} of {len(view.clips)}): {place}",
        ", ".join(fact for fact in facts if fact),
        f"Link: {clip.url}" if clip.url and clip.file else "",
        f'Next: open the file, or call extend_track with source "{clip.clip}" to go on from here.',
    ]
    return "\n".join(visible(line, 1000) for line in lines if line)


def list_text(page: TaskList, filters: str = "") -> str:
    """Args:
    filters: What the list was narrowed to, in words.
    """
    if not page.tasks and not page.unreadable:
        return f"No tasks with {filters}.\nNext: leave the filter out." if filters else _NO_TASKS
    shown = [f"{task.created_at[:16]} {task.status} {task.task_id} {task.source}" for task in page.tasks[:3]]
    more = len(page.tasks) - len(shown)
    beside = "; ".join(filter(None, [f"and {more} more here" if more else "", _unreadable(page.unreadable)]))
    return "\n".join(filter(None, [*shown, beside, _list_next(page)]))


_NO_TASKS = "No tasks yet.\nNext: call extend_track with a source."


def _unreadable(ids: list[str]) -> str:
    if not ids:
        return ""
    named = ", ".join(ids[:3]) + (", ..." if len(ids) > 3 else "")
    return f"{len(ids)} cannot be read and are not shown: {named}"


def _list_next(page: TaskList) -> str:
    if page.next_cursor:
        return f'Next: get_task with a task_id, or list_tasks with cursor "{page.next_cursor}" for older ones.'
    return "Next: get_task with a task_id."


def credits_text(view: CreditsView) -> str:
    """A line for each provider that is ready, one for what the others would cost, one for what was spent."""
    ready = [one for one in view.providers if one.configured]
    others = ", ".join(_price_line(one) for one in view.providers if not one.configured)
    cap = "" if view.cap_today is None else f" of {view.cap_today:g}"
    spent = (
        f"Spent: {view.spent_today:g}{cap} credits today, {view.spent_this_week:g} this week, "
        f"{view.spent_this_month:g} this month (UTC)."
    )
    return "\n".join([*map(_credit_line, ready), *([f"Without a key: {others}."] if others else []), spent])


def _price_line(one: ProviderCredits) -> str:
    price = "price unknown" if one.price_per_extend is None else f"up to {one.price_per_extend:g} credits an extension"
    return f"{one.provider} {price} ({one.note})"


def _credit_line(one: ProviderCredits) -> str:
    if one.error:
        return f"{one.provider}: {one.error}"
    if one.balance is None:
        return f"{one.provider}: {one.note or 'balance unknown'}."
    left = "" if one.extends_left is None else f", enough for {one.extends_left} extensions"
    return f"{one.provider}: {one.balance:g} credits{left}."
