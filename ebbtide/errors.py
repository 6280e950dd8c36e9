"""One tree of errors. Each message names the place, what was expected, what was found and what to do."""


class EbbtideError(Exception):
    """The root: the command line prints it as one line and exits 1; the API answers it as problem+json."""


class InputError(EbbtideError):
    """What was given cannot be used: a missing file, an unknown column, a malformed event."""


class ConfigError(EbbtideError):
    """A setting or a configuration file is wrong."""


class FaultsError(ConfigError):
    """A configuration file has several faults; what shows them has a line for each."""

    def __init__(self, place: str, faults: list[str]) -> None:
        super().__init__(f"{place}: {'; '.join(faults)}")
        self.lines = [f"{place}:", *faults]


class StoreError(EbbtideError):
    """Redis or the history cannot be reached, or holds something that Ebbtide did not write."""


class BacklogError(StoreError):
    """The event log is full: the flow is too far behind. Nothing is lost if the sender tries again."""


class ModelError(EbbtideError):
    """There is no model, too little data to train one, or one that does not fit the catalog."""
