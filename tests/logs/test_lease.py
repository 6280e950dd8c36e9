"""One writer of features at a time."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from ebbtide.errors import StoreError
from ebbtide.logs import lease
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


def test_what_another_took_over_is_neither_released_nor_kept_for_it_and_the_loser_hears(redis, monkeypatch):
    monkeypatch.setattr(lease, "_RENEW", 0.01)
    lost = threading.Event()
    with held(redis, "ebbtide stream", lost.set):
        redis.set(KEY, "elsewhere 1 ebbtide stream", ex=20)
        assert lost.wait(10)
    assert redis.get(KEY) == b"elsewhere 1 ebbtide stream"
    assert redis.ttl(KEY) <= 20


def test_a_lease_that_ran_out_and_that_nobody_took_is_taken_again(redis, monkeypatch):
    monkeypatch.setattr(lease, "_RENEW", 0.01)
    lost, deadline = threading.Event(), time.monotonic() + 10
    with held(redis, "ebbtide stream", lost.set):
        redis.delete(KEY)
        while not redis.exists(KEY) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert redis.get(KEY).endswith(b"ebbtide stream")
    assert not lost.is_set()


def test_of_many_who_find_a_dead_holder_one_takes_over(redis, monkeypatch):
    monkeypatch.setattr(lease, "_lives", lambda holder: "follower" in holder)  # threads share a process
    redis.set(KEY, "here 1 ebbtide stream", ex=30)
    together, done, taken = threading.Barrier(8), threading.Barrier(8), []

    def follow(number):
        together.wait()
        try:
            with held(redis, f"follower {number}"):
                taken.append(number)
                done.wait()
        except StoreError:
            done.wait()

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
