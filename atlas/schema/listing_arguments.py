"""Filter and order arguments that several types share."""

from typing import Annotated

import strawberry

from atlas.schema.drift_runs import DriftRunFilter
from atlas.schema.enums import DriftRunOrder, SyncRunOrder
from atlas.schema.sync_runs import SyncRunFilter

SyncRunFilterArgument = Annotated[SyncRunFilter | None, strawberry.argument(description="Only runs like this.")]
SyncRunOrderArgument = Annotated[
    SyncRunOrder | None, strawberry.argument(description="In which order; CREATED_AT_DESC where none is given.")
]
DriftRunFilterArgument = Annotated[DriftRunFilter | None, strawberry.argument(description="Only runs like this.")]
DriftRunOrderArgument = Annotated[
    DriftRunOrder | None, strawberry.argument(description="In which order; CREATED_AT_DESC where none is given.")
]
