"""The answer to a `$batch`, item by item: its own 200 says nothing of what is in it."""

from collections.abc import Collection, Mapping
from typing import Any

from atlas.sources.graph.answers import Body, error_of, malformed
from atlas.sources.graph.errors import GraphError

Answer = Body | GraphError


def answers_of(body: Body, asked: Collection[int]) -> dict[int, Answer]:
    """The answer to each request that was asked, by its number. One that is not there is a failure of that one.

    Raises GraphError where the whole cannot be understood: for an answer to what was not asked, or a second one.
    """
    responses = body.get("responses")
    if not isinstance(responses, list):
        raise malformed("It is no answer to a batch.")
    answers: dict[int, Answer] = {}
    for response in responses:
        index = _index_of(response)
        if index not in asked or index in answers:
            raise malformed("It answers what was not asked, or answers twice.")
        answers[index] = _item(response)
    message = "Graph left a request of a batch unanswered. Sync again."
    missing = GraphError("BATCH_ITEM_MISSING", message, again=True)
    return {index: answers.get(index, missing) for index in asked}


def _index_of(response: object) -> int:
    given = response.get("id") if isinstance(response, dict) else None
    return int(given) if isinstance(given, str) and given.isdecimal() and len(given) < 6 else -1


def _item(response: Mapping[str, Any]) -> Answer:
    status, body, headers = response.get("status"), response.get("body"), response.get("headers")
    if not isinstance(status, int):
        return malformed("An item of a batch has no status.")
    if status == 200:
        return body if isinstance(body, dict) else malformed("An item of a batch is no JSON object.")
    return error_of(status, headers if isinstance(headers, dict) else {}, body if isinstance(body, dict) else None)


def is_open(answer: Answer | None) -> bool:
    """Is it still to be asked, or to be asked again?"""
    return answer is None or (isinstance(answer, GraphError) and answer.again)


def raise_if_open(answers: Mapping[int, Answer]) -> None:
    """Raises the error that is to be waited for the longest, where some are to be asked again."""
    waiting = [answer for answer in answers.values() if isinstance(answer, GraphError) and answer.again]
    if waiting:
        raise max(waiting, key=lambda error: error.retry_after or 0.0)
