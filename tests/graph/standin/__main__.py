"""`python -m tests.graph.standin`: a stand-in by hand, with policies made up or those of an export."""

import argparse
import sys
import time
from pathlib import Path

from tests.graph.standin.server import serving
from tests.graph.standin.tenant import MadeUp, Tenant, of_folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.graph.standin", description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--policies", type=int, default=2_000)
    parser.add_argument("--settings", type=int, default=40)
    given = parser.parse_args()
    made_up = Tenant({"deviceManagement/configurationPolicies": MadeUp(given.policies, given.settings)})
    with serving(of_folder(given.folder) if given.folder else made_up) as graph:
        sys.stdout.write(f"{graph.url}\n{graph.token}\n")
        sys.stdout.flush()
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
