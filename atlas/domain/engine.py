"""Which rules made a drift run: a pair finished under other rules may be generated anew."""

from typing import Final

from atlas.domain.canonical import FORM
from atlas.domain.severity_rules import RULES_VERSION

ENGINE: Final = f"{FORM}.{RULES_VERSION}"
