"""The kinds of error that Atlas tells a person: what the caller can mend, and what the operator can."""

from atlas.domain.vocabulary import UserErrorCode


class RefusedError(Exception):
    """What the caller can put right. GraphQL shows it as a `UserError`, the command line as one line.

    `code` is of the contract, `message` says what is wrong and the mend and holds no secret,
    `path` names the input field, e.g. `("input", "reason")`.
    """

    def __init__(self, code: UserErrorCode, message: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


class OperatorError(Exception):
    """What whoever runs Atlas can put right: an unreachable service, an unsafe role, an unreadable folder.

    `code` is stable (UPPER_SNAKE), `message` says what is wrong, `mend` what to do next.
    """

    def __init__(self, code: str, message: str, mend: str = "") -> None:
        super().__init__(f"{message} {mend}".strip())
        self.code = code
        self.message = message
        self.mend = mend


class TemporaryError(OperatorError):
    """What may be gone by itself after a while: a worker tries again before it says so."""
