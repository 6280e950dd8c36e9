"""YAML as the files of rules have it: a key stands once, and a date is text until somebody asks for a date.

PyYAML would take the last of two keys and say nothing, and refuse a whole file for a date that there is not.
"""

from typing import Any

import yaml

_MERGE = "tag:yaml.org,2002:merge"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Notes keys that stand twice in one place."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    self.repeated.append(
                        f"`{key.value}`: expected once, found again in line {key.start_mark.line + 1}"
                    )
                seen.add(key.value)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(content: bytes) -> tuple[Any, list[str]]:
    """Give what a file says, and a fault for each key that stands twice.

    Raises:
        ValueError: it is no YAML, or no UTF-8; says what was found, and where.

    >>> read(b"{from: 2026-13-01, to: a, to: b}")
    ({'from': '2026-13-01', 'to': 'b'}, ['`to`: expected once, found again in line 1'])
    """
    try:
        loader = _Loader(content.decode())
        try:
            return loader.get_single_data(), loader.repeated
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"expected YAML, found a fault: {' '.join(str(error).split())}") from error
