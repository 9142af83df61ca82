"""Canaries: values that stand for secrets, each found nowhere else in the world, and how a plant is sown with them."""

import base64
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5

_LETTERS = string.ascii_lowercase + string.digits

# The classes of secrets and personal data that Microsoft Graph's objects have; each is planted at least once.
CLASSES = frozenset({
    "preSharedKey", "wifiPassword", "sharedSecret", "adminAccountPassword", "deviceAccountPassword",
    "adDomainPassword", "token", "tokenValue", "enrollmentToken", "qrCodeContent", "qrCodeImage",
    "encryptedPfxPassword", "encryptedPfxBlob", "activationCodes", "scriptContent", "detectionScriptContent",
    "remediationScriptContent", "payload", "payloadJson", "configurationXml", "encodedSettingXml", "customXml",
    "officeConfigurationXml", "customData", "installCommandLine", "uninstallCommandLine", "omaSettingString",
    "omaSettingStringXml", "omaSettingBase64", "omaSettingInteger", "omaSettingFloatingPoint",
    "presentationValueText", "presentationValueDecimal", "presentationValueList", "presentationValueMultiText",
    "deviceManagementConfigurationSecretSettingValue", "deviceManagementConfigurationStringSettingValue",
    "userPrincipalName", "emailAddress", "phoneNumber", "notificationMessageCCList", "appleIdentifier",
    "contactITName", "contactITPhoneNumber", "contactITEmailAddress", "contactITNotes", "trustedRootCertificate",
    "numericPin", "unknownProperty",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Canary:
    """A planted value. `kept` is false where Atlas reads the value and keeps not even a digest of it."""

    name: str
    value: str
    kept: bool = True


@dataclass(slots=True)
class Mint:
    """Makes canaries and remembers them.

    Every text begins and ends with `marker`, so that a half of it is found as well; every number begins with `digits`.
    """

    seed: str
    made: dict[str, Canary] = field(default_factory=dict)

    @property
    def marker(self) -> str:
        random = Random(f"{self.seed} marker")
        return random.choice(string.ascii_lowercase) + "".join(random.choices(_LETTERS, k=8))

    @property
    def digits(self) -> str:
        return str(Random(f"{self.seed} digits").randrange(10**8, 10**9))

    def text(self, name: str, *, kept: bool = True) -> str:
        middle = "".join(Random(f"{self.seed} {name}").choices(_LETTERS, k=8))
        return self._made(Canary(name, f"{self.marker}{middle}{self.marker}", kept))

    def number(self, name: str, *, kept: bool = True) -> int:
        """15 digits, which a double holds exactly."""
        tail = Random(f"{self.seed} {name}").randrange(10**5, 10**6)
        return int(self._made(Canary(name, f"{self.digits}{tail}", kept)))

    def _made(self, canary: Canary) -> str:
        if self.made.setdefault(canary.name, canary) != canary:
            raise ValueError(f"{canary.name} was sown twice")
        return canary.value


@dataclass(frozen=True, slots=True)
class Seeds:
    """What one plant is sown with, in one export: canaries that are named for the export, the plant and their class."""

    mint: Mint
    export: str
    plant: str

    def text(self, kind: str, *, kept: bool = True) -> str:
        return self.mint.text(f"{self.export} {self.plant} {kind}", kept=kept)

    def number(self, kind: str, *, kept: bool = True) -> int:
        return self.mint.number(f"{self.export} {self.plant} {kind}", kept=kept)

    def base64(self, kind: str, around: str = "{}") -> str:
        """The canary inside of a text, as Microsoft Graph carries a file: base64 of UTF-8."""
        return base64.b64encode(around.replace("{}", self.text(kind)).encode()).decode()


@dataclass(frozen=True, slots=True)
class Plant:
    """A raw Graph object and the folder that IntuneManagement exports it to; `side` is its second file, if any."""

    folder: str
    raw: dict[str, Any]
    side: list[Any] | None = None


Grow = Callable[[Seeds], Plant]


def id_of(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, name))


def plant(folder: str, seeds: Seeds, odata: str, **properties: Any) -> Plant:
    """An object named as its plant, with an id that is the same in every export."""
    raw = {
        "@odata.type": f"#microsoft.graph.{odata}",
        "id": id_of(seeds.plant),
        "displayName": seeds.plant.replace("_", " ").capitalize(),
        "createdDateTime": "2026-01-02T03:04:05Z",
        "lastModifiedDateTime": "2026-01-02T03:04:05Z",
    }
    return Plant(folder, raw | properties)


def sown_kinds(made: Mapping[str, Canary], plant_name: str, export: str) -> set[str]:
    """The places in a plant where a redacted value must stand: `kind` without what numbers several in one value."""
    beginning = f"{export} {plant_name} "
    return {
        name.removeprefix(beginning).partition("#")[0]
        for name, canary in made.items()
        if name.startswith(beginning) and canary.kept
    }
