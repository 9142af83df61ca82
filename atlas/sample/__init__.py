"""Two exports of a made-up tenant, Larkfield Health, that show every kind of change. Nothing in them is real.

They are in the layout of IntuneManagement; BitLocker is UTF-16 and the Windows compliance policy UTF-8 with a
byte-order mark, as PowerShell writes them. From the first export to the second:

==========================================  ========  ==================================================================
object                                      change    what it shows
==========================================  ========  ==================================================================
Win - Attack surface reduction              MODIFIED  weakened: theft of credentials from LSASS, block -> audit
Win - Defender Antivirus                    MODIFIED  strengthened: unwanted applications, audit -> block
Win - Update ring - Broad                   MODIFIED  weakened: quality updates wait 14 days instead of 7
iOS - Compliance                            MODIFIED  strengthened: the oldest iOS allowed, 17.0 -> 17.4
Android - App protection                    MODIFIED  strengthened: shortest PIN, 4 -> 6
CA - Administrators need MFA                MODIFIED  weakened: enabled -> report only
Win - Edge                                  MODIFIED  renamed to Win - Edge - Standard, and nothing else
mac - FileVault                             MODIFIED  assigned wider: a group -> all devices
Win - Update ring - Pilot                   MODIFIED  a group excluded
mac - Clinic Wi-Fi                          MODIFIED  a secret value of the Settings Catalog changed
Win - Clinic Wi-Fi                          MODIFIED  a pre-shared key changed
Win - Remove consumer apps                  MODIFIED  the body of a script changed
Win - Recall off                            ADDED     a new policy
Win - LAPS - Kiosks                         ADDED     a second object under the id of Win - LAPS: bad data, told as such
Win - Password and lock                     ADDED     recreated under a new id with identical settings ...
Win - Password and lock                     REMOVED   ... and its predecessor, linked to it
Win - Removable storage                     REMOVED   a policy gone
Win - Firewall                              none      settings, children and assignments in another order
iOS - App protection, Win - Compliance      none      apps and actions in another order
the other eight                             none      nothing
==========================================  ========  ==================================================================
"""

from importlib.resources import files
from pathlib import Path

# The package is always installed as files: the exports are opened by path, as any export is.
_HERE = Path(str(files(__name__)))

EXPORTS: tuple[Path, ...] = (_HERE / "2026-01", _HERE / "2026-02")
"""The exports, oldest first."""
