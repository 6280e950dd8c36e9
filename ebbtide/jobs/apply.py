"""Tell Feast what there is: the same definitions that `feast apply` finds in `feature_repo`."""

import importlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ebbtide.settings import Settings
from features.store.feast import open_store

if TYPE_CHECKING:
    from feast import FeatureStore


def apply(settings: Settings, redis_url: str) -> "FeatureStore":
    """Apply the definitions to the registry of the working folder, and open Feast's store over it."""
    os.environ["EBBTIDE_HOME"] = str(settings.root)  # where the definitions look for the history
    settings.history.mkdir(parents=True, exist_ok=True)
    from feature_repo import definitions

    if settings.root != definitions.HOME:  # imported before, for another folder
        definitions = importlib.reload(definitions)
    with warnings.catch_warnings():
        # Feast calls on-demand views experimental each time; their use here is tested.
        warnings.filterwarnings("ignore", "On demand feature view is an experimental feature", RuntimeWarning)
        store = open_store(Path(definitions.__file__).parent, settings.root, redis_url)
        store.apply(definitions.ALL, partial=False)
    return store
