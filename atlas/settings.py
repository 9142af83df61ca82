"""The environment, read once into frozen settings."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    token: SecretStr | None = None
    log_format: str = Field(default="auto", pattern="^(auto|json|text)$")
    pg_bin: Path | None = None

    lease_seconds: float = Field(default=30, ge=1)
    resend_seconds: float = Field(default=60, ge=1)
    sweep_seconds: float = Field(default=5, gt=0)
    max_attempts: int = Field(default=5, ge=1)
    worker_threads: int = Field(default=4, ge=1, le=64)

    @property
    def embedded(self) -> bool:
        """True where no database is named: the embedded default."""
        return self.database_url is None
