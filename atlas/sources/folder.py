"""Reads the folder that an export tool wrote: IntuneManagement, IntuneCD, or plain JSON files."""

from collections.abc import Callable, Sequence
from pathlib import Path

from atlas.domain.errors import OperatorError
from atlas.sources.coverage import require_spelling, units_of, wanted_types
from atlas.sources.model import Problem, Reading, SourceObject
from atlas.sources.objects import FileResult, combine, objects_of_file
from atlas.sources.walking import list_files, printable


def read_folder(
    path: Path,
    *,
    item_types: Sequence[str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """All objects of the folder, how far each item type was read, and every file that was not.

    Objects stand in the order of their paths. `on_progress` gets (files done, files in all). With `item_types` only
    those are read, and one of which there is no object is complete and empty; otherwise a type has a unit only where
    the folder holds something of it. A file whose type cannot be told makes every type of the reading incomplete.

    Raises OperatorError when the folder as a whole cannot be read or holds no policy, or spells a type that was named
    in another way; and RefusedError for an item type that cannot be.
    """
    wanted = wanted_types(item_types)
    root = _root(path)
    listed = list_files(root)
    results: list[FileResult] = []
    for done, file in enumerate(listed, start=1):
        results.append(objects_of_file(root, file))
        if on_progress is not None:
            on_progress(done, len(listed))
    objects, failures = combine(results)
    if not objects and not any(failure.item_types for failure in failures):
        raise _no_policy(root, [failure.problem for failure in failures])
    require_spelling(wanted, {found.item_type for found in objects})
    kept: tuple[SourceObject, ...] = tuple(o for o in objects if wanted is None or o.item_type in wanted)
    concerning = [failure for failure in failures if failure.concerns(wanted)]
    return Reading(
        objects=kept,
        units=units_of(kept, concerning, wanted),
        problems=tuple(failure.problem for failure in concerning),
        labels={named: label for result in results for named, label in result.labels.items()},
    )


def _root(path: Path) -> Path:
    name = printable(str(path))
    try:
        root = path.resolve(strict=True)
        is_folder = root.is_dir()
    except FileNotFoundError:
        raise OperatorError("FOLDER_NOT_FOUND", f"There is no folder {name}.", "Check the path.") from None
    except (OSError, RuntimeError, ValueError):
        raise OperatorError(
            "FOLDER_NOT_READABLE",
            f"The folder {name} could not be reached.",
            "Check the path and the right to read it.",
        ) from None
    if not is_folder:
        raise OperatorError("NOT_A_FOLDER", f"{name} is not a folder.", "Name the folder that holds the export.")
    return root


def _no_policy(root: Path, problems: Sequence[Problem]) -> OperatorError:
    first = (
        f" The first of {len(problems)} files that were not: {problems[0].origin}: {problems[0].message}"
        if problems
        else ""
    )
    return OperatorError(
        "NO_POLICY",
        f"No policy was read from the folder {printable(str(root))}.{first}",
        "Name a folder written by IntuneManagement or IntuneCD, or one of JSON files with @odata.type.",
    )
