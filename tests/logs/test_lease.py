"""One writer of features at a time."""

import os
import socket
import subprocess
import sys

import pytest

from ebbtide.errors import StoreError
from ebbtide.logs.lease import KEY, held


def test_a_second_writer_is_told_who_writes(redis):
    parent = os.getppid()
    redis.set(KEY, f"{socket.gethostname()} {parent} ebbtide stream")
    with (
        pytest.raises(StoreError, match=rf"by `ebbtide stream` \(process {parent} on "),
        held(redis, "import"),
    ):
        pass


def test_the_lease_is_free_again_at_the_end(redis):
    with held(redis, "ebbtide stream"):
        assert redis.get(KEY).endswith(b"ebbtide stream")
        assert 0 < redis.ttl(KEY) <= 30
    assert not redis.exists(KEY)


def test_a_holder_here_that_died_is_followed_at_once(redis):
    died = subprocess.Popen([sys.executable, "-c", ""])
    died.wait()
    redis.set(KEY, f"{socket.gethostname()} {died.pid} ebbtide stream", ex=30)
    with held(redis, "ebbtide import"):
        assert redis.get(KEY).endswith(b"ebbtide import")


def test_a_holder_elsewhere_is_waited_for(redis):
    redis.set(KEY, "elsewhere 1 ebbtide stream", ex=30)
    with pytest.raises(StoreError, match="elsewhere"), held(redis, "ebbtide import"):
        pass


def test_what_another_took_over_is_not_released(redis):
    with held(redis, "ebbtide stream"):
        redis.set(KEY, "elsewhere 1 ebbtide stream")
    assert redis.get(KEY) == b"elsewhere 1 ebbtide stream"
