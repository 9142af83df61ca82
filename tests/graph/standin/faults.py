"""What the stand-in can be told to do wrong, and for which requests."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

Raw = dict[str, Any]
Effect = Callable[["Answer"], None]


@dataclass
class Answer:
    """An answer before it is sent: a fault may change all of it. `body` None is sent as nothing."""

    url: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    hangs: bool = False
    hangs_up: bool = False
    dropped: bool = False


@dataclass
class Fault:
    """`effect` on the answers to requests whose path and query `path` is found in: `times` of them, after `skip`."""

    path: str
    effect: Effect
    times: int | None = None
    skip: int = 0
    hits: int = 0

    def meets(self, asked: str) -> bool:
        if re.search(self.path, asked) is None:
            return False
        self.hits += 1
        return self.hits > self.skip and (self.times is None or self.hits <= self.skip + self.times)


def status(number: int, retry_after: str | None = None, **error: Any) -> Effect:
    """An error as Graph tells it, with `code` and `message`."""

    def effect(answer: Answer) -> None:
        answer.status = number
        answer.headers = {} if retry_after is None else {"Retry-After": retry_after}
        answer.body = {"error": {"code": "Unknown", "message": "It went wrong.", **error}}

    return effect


def hang(answer: Answer) -> None:
    answer.hangs = True


def hang_up(answer: Answer) -> None:
    answer.hangs_up = True


def drop(answer: Answer) -> None:
    """A batch says nothing of this item."""
    answer.dropped = True


def malformed(answer: Answer) -> None:
    answer.raw = b'{"value": [{"id": "cut sho'


def loop(answer: Answer) -> None:
    answer.body["@odata.nextLink"] = answer.url


def elsewhere(url: str) -> Effect:
    def effect(answer: Answer) -> None:
        answer.body["@odata.nextLink"] = f"{url}/beta/deviceManagement/configurationPolicies?$skiptoken=25"

    return effect


def cut_settings(kept: int) -> Effect:
    """No more than so many settings, in a list with them expanded or by themselves."""

    def effect(answer: Answer) -> None:
        rows = answer.body.get("value", [answer.body])
        if "/settings" in answer.url:
            answer.body["value"] = rows[:kept]
            return
        for row in rows:
            if "settings" in row:
                row["settings"] = row["settings"][:kept]

    return effect


def shorten(kept: int) -> Effect:
    """A list that ends after so many objects, as if that were all; its count stays."""

    def effect(answer: Answer) -> None:
        answer.body["value"] = answer.body["value"][:kept]
        answer.body.pop("@odata.nextLink", None)

    return effect


def empty(*names: str, of: Collection[str] | None = None) -> Effect:
    """An expansion that came back empty, at any depth: in the objects of these ids, or in all."""

    def clear(row: Raw) -> None:
        for name, value in row.items():
            if name in names:
                row[name] = None if isinstance(value, dict) else []
            for below in value if isinstance(value, list) else ():
                if isinstance(below, dict):
                    clear(below)

    def effect(answer: Answer) -> None:
        for row in answer.body.get("value", [answer.body]):
            if of is None or row.get("id") in of:
                clear(row)

    return effect


def then(deed: Callable[[], object]) -> Effect:
    """The answer is right, and something happens right after it was made."""

    def effect(answer: Answer) -> None:
        deed()

    return effect
