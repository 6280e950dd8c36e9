"""Documents are kept by version, the newest ones."""

from redis import Redis

from ebbtide.logs.documents import Documents


def test_the_first_document_kept_is_the_first_to_go(redis: Redis):
    documents = Documents(redis, kept=2)
    assert [documents.keep("policy", version, version.encode()) for version in "aabc"] == [
        True,
        False,
        True,
        True,
    ]
    assert [documents.get("policy", version) for version in "abc"] == [None, b"b", b"c"]
