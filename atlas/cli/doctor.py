"""`atlas doctor`: says what is wrong with this installation, and the mend."""


def doctor() -> None:
    """X"""
