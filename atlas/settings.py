"""The environment, read once into frozen settings."""

import re
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")

_SAFE_ORIGIN = re.compile(r"(?:https://[a-z0-9.-]+|http://(?:localhost|127\.0\.0\.1|\[::1\]))(?::[0-9]{1,5})?")


class Settings(BaseSettings):
    """Every setting is an environment variable `ATLAS_<NAME>`. URLs hold passwords and are never shown.

    Without URLs the embedded PostgreSQL and Valkey of `home` are used.
    """

    model_config = SettingsConfigDict(env_prefix="ATLAS_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path | None = None
    database_url: SecretStr | None = None
    worker_database_url: SecretStr | None = None
    sweeper_database_url: SecretStr | None = None
    owner_database_url: SecretStr | None = None
    superuser_database_url: SecretStr | None = None
    broker_url: SecretStr | None = None
    secret_key_file: Path | None = None
    secret_key: SecretStr | None = None
    sealing_key: str | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    token: SecretStr | None = None
    log_format: str = Field(default="auto", pattern="^(auto|json|text)$")
    pg_bin: Path | None = None
    cors_origins: str = ""
    trusted_documents_only: bool = False
    rate_limit_requests: int | None = Field(default=None, ge=0)
    rate_limit_points: int | None = Field(default=None, ge=0)
    rate_limit_tenant_requests: int | None = Field(default=None, ge=0)
    rate_limit_tenant_points: int | None = Field(default=None, ge=0)
    max_subscriptions: int = Field(default=100, ge=0)
    metrics_port: int | None = Field(default=None, ge=1, le=65535)

    graph_url: str | None = None
    graph_authority: str | None = None
    graph_labels: bool = True
    graph_events: bool = True

    lease_seconds: float = Field(default=30, ge=1)
    resend_seconds: float = Field(default=60, ge=1)
    sweep_seconds: float = Field(default=5, gt=0)
    max_attempts: int = Field(default=5, ge=1)
    hold_share: float = Field(default=0.5, gt=0, le=1)
    hold_least: int = Field(default=2, ge=1)
    scheduled_at_once: int = Field(default=20, ge=1)
    keep_days: int | None = Field(default=None, ge=1, le=36500)
    worker_threads: int = Field(default=4, ge=1, le=64)

    @field_validator("cors_origins")
    @classmethod
    def _origins_only(cls, value: str) -> str:
        for origin in _parts(value):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError("origins like https://console.example, with commas between them, and no wildcard")
        return value

    @field_validator("graph_url", "graph_authority")
    @classmethod
    def _safe_origin(cls, value: str | None, info: ValidationInfo) -> str | None:
        unsafe = value is not None and not _SAFE_ORIGIN.fullmatch(value)
        # Secrets go to the authority, and the library that sends them speaks HTTPS alone.
        if unsafe or (value is not None and info.field_name == "graph_authority" and value.startswith("http:")):
            raise ValueError("an address like https://graph.example; http only of this machine, since tokens go there")
        return value

    @field_validator("sealing_key")
    @classmethod
    def _sealing_key_only(cls, value: str | None) -> str | None:
        from atlas.sealing import read_sealing_key

        if value is not None:
            try:
                read_sealing_key(value)
            except ValueError:
                # Perhaps the deployment key itself, which must not be told.
                raise ValueError("what `atlas keys sealing` prints, as it stands there") from None
        return value

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins whose pages may ask the API, as a browser names them."""
        return _parts(self.cors_origins)

    @property
    def embedded(self) -> bool:
        """True where no database is named: the embedded default."""
        return self.database_url is None


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())
