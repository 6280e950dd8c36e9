"""All settings, read by entry points only: environment variables `EBBTIDE_*`, defaults that work."""

import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from ebbtide.domain.faults import told
from ebbtide.errors import ConfigError

SHORTEST_KEY = 8
"""Characters that a key needs."""


class Settings(BaseSettings):
    """Every setting with its default; the names in the environment carry the prefix `EBBTIDE_`."""

    model_config = SettingsConfigDict(env_prefix="EBBTIDE_", extra="ignore", frozen=True)

    home: Path = Field(Path(".ebbtide"), description="The working folder: Redis, history, MLflow.")
    redis_url: str | None = Field(
        None, description="A running Redis, e.g. redis://localhost:6379/0. Unset: Ebbtide starts its own."
    )
    host: str = Field("127.0.0.1", description="The address that the API listens on.")
    port: int = Field(8310, ge=0, le=65535, description="The port of the API; 0 takes a free one.")
    write_key: SecretStr | None = Field(
        None,
        min_length=SHORTEST_KEY,
        description="The key of those who send events. Unset: made once, kept in the working folder.",
    )
    api_key: SecretStr | None = Field(
        None,
        min_length=SHORTEST_KEY,
        description="If set, decisions need `Authorization: Bearer KEY`; a must beyond this machine.",
    )
    actions: Path | None = Field(None, description="Your own actions.yaml. Unset: the one that ships.")
    triggers: Path | None = Field(None, description="Your own triggers.yaml. Unset: the one that ships.")
    kafka: str | None = Field(
        None,
        min_length=1,
        description="Kafka's bootstrap servers, `HOST:PORT,...`. Unset: the event log is Redis Streams.",
    )
    kafka_topic: str = Field(
        "ebbtide-events", pattern=r"^[A-Za-z0-9._-]{1,249}$", description="The topic that is the event log."
    )
    partitions: int = Field(8, ge=1, le=1024, description="Partitions of the event log; fixed once used.")
    backlog: int = Field(
        1_000_000, ge=1, description="Events that may wait for the flow; then the API says 503."
    )
    lateness_hours: float = Field(
        24.0, ge=0, le=24, description="Hours that an event may lie behind its customer's newest one."
    )
    kept_customers: int = Field(
        200_000, ge=1, description="Customers whose states a process of the flow keeps in memory."
    )
    horizon: int = Field(60, ge=1, description="Days ahead within which a silent customer counts as churned.")
    active: int = Field(120, ge=1, description="Days back within which a customer counts as active.")
    churned: Literal["silence", "cancel"] = Field(
        "silence", description="What counts as churn: no order within the horizon, or a cancellation in it."
    )
    risk_threshold: float = Field(
        0.7, gt=0.1, lt=1, description="The probability of churn from which on there is an alert."
    )
    alert_cooldown_days: float = Field(
        14.0, ge=0, description="Days after an alert was cleared in which there is no other for the customer."
    )

    @cached_property
    def root(self) -> Path:
        """The working folder as an absolute path, made private to its owner on first use.

        Raises:
            ConfigError: it cannot be made.
        """
        path = self.home.expanduser().absolute()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"EBBTIDE_HOME: expected a folder, there or to be made, found {path} ({error.strerror})"
            ) from error
        return path

    @property
    def history(self) -> Path:
        """States at the moments that training asked for, made from the events: Feast's offline store."""
        return self.root / "history"

    @property
    def events(self) -> Path:
        """Every event in the features: imported, as compressed JSON lines, and live, as plain ones."""
        return self.root / "events"

    @property
    def rejected(self) -> Path:
        """What could not be used, with reasons."""
        return self.root / "rejected"

    @property
    def mlflow_uri(self) -> str:
        """MLflow's tracking and registry store."""
        return f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Where MLflow keeps plots and models."""
        return self.root / "mlartifacts"

    def sender_key(self) -> str:
        """The write key: the one set, else the one kept in the working folder, made on first use."""
        if self.write_key is not None:
            return self.write_key.get_secret_value()
        path = self.root / "write_key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text().strip()


def _told(fault: ErrorDetails) -> str:
    """The variable, what was expected of it, and what it was unless it is a secret."""
    name = str(fault["loc"][0])
    if name.endswith("_key"):
        return f"EBBTIDE_{name.upper()}: expected at least {SHORTEST_KEY} characters"
    return f"EBBTIDE_{name.upper()}: {told(fault)}"


def load() -> Settings:
    """Read the settings.

    Raises:
        ConfigError: a variable has a value that cannot be; all such variables in one message.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigError(f"settings: {'; '.join(map(_told, error.errors()))}") from error
