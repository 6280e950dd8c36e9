"""A Redis of one's own in the working folder."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from redis import Redis

from ebbtide import local_redis
from ebbtide.errors import ConfigError, StoreError
from ebbtide.local_redis import connect, running


def server_of(url):
    return Redis.from_url(url).info("server")["process_id"]


def test_it_starts_and_is_gone_at_the_end(tmp_path):
    with running(tmp_path, None) as url:
        pid = server_of(url)
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
    assert not (tmp_path / "redis.sock").exists()


def test_what_was_written_is_there_when_it_runs_again(tmp_path):
    with running(tmp_path, None) as url, connect(url) as client:
        client.set("kept", "yes")
    with running(tmp_path, None) as url, connect(url) as client:
        assert client.get("kept") == b"yes"


def test_one_that_runs_is_reused_and_left_running(tmp_path):
    with running(tmp_path, None) as url:
        with running(tmp_path, None) as again:
            assert server_of(again) == server_of(url)
        assert psutil.pid_exists(server_of(url))


def test_who_started_it_leaves_it_to_those_who_use_it_still_and_the_last_one_stops_it(tmp_path):
    first, second = running(tmp_path, None), running(tmp_path, None)
    url = first.__enter__()
    second.__enter__()
    pid = server_of(url)
    first.__exit__(None, None, None)
    assert server_of(url) == pid
    second.__exit__(None, None, None)
    local_redis._LEFT.pop().wait(10)
    assert not (tmp_path / "redis.sock").exists()


def test_one_left_by_a_verb_that_was_killed_is_used_and_stopped_by_the_next(tmp_path):
    left = start_by_a_verb_that_is_killed(tmp_path)
    with running(tmp_path, None) as url:
        assert server_of(url) == left
    for _ in range(100):
        if not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        pytest.fail("Redis is still there")


def test_verbs_that_come_at_the_same_moment_share_one(tmp_path):
    together, done = threading.Barrier(6), threading.Barrier(6)
    found = []

    def use():
        together.wait()
        with running(tmp_path, None) as url:
            found.append(server_of(url))
            done.wait()  # then all have found theirs
            found.append(server_of(url))
            done.wait()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while local_redis._LEFT:
        local_redis._LEFT.pop().wait(10)
    assert len(found) == 12
    assert len(set(found)) == 1
    assert not psutil.pid_exists(found[0])


def start_by_a_verb_that_is_killed(folder):
    code = (
        "import sys; from pathlib import Path; from ebbtide.local_redis import connect, running\n"
        "with running(Path(sys.argv[1]), None) as url: "
        "print(connect(url).info('server')['process_id'], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found = int(process.stdout.readline())
        process.kill()
    return found


def test_it_listens_on_no_port_and_only_its_owner_can_open_the_socket(tmp_path):
    with running(tmp_path, None) as url, connect(url) as client:
        assert client.config_get("port") == {"port": "0"} or client.config_get("port") == {b"port": b"0"}
        assert (tmp_path / "redis.sock").stat().st_mode & 0o077 == 0


def test_a_hash_of_some_kilobytes_is_one_block_of_memory(tmp_path):
    with running(tmp_path, None) as url, connect(url) as client:
        client.hset("customer", mapping={"state": bytes(8_000), "time": b"1"})
        assert client.object("encoding", "customer") in (b"ziplist", b"listpack")


def test_a_long_path_gets_a_socket_elsewhere(tmp_path):
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    with running(deep, None) as url, connect(url) as client:
        assert client.ping()
        assert len(url) < 100


def test_a_redis_that_is_set_is_used_and_left_alone(tmp_path, redis_server):
    url = f"unix://{redis_server}"
    with running(tmp_path, url) as given:
        assert given == url
    assert Redis.from_url(url).ping()


def test_no_redis_where_one_is_set_is_one_clear_error_without_the_password(tmp_path):
    with (
        pytest.raises(StoreError, match="none answers at redis://") as caught,
        running(tmp_path, "redis://user:secret@127.0.0.1:1/0"),
    ):
        pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:6379", "http://user:secret@host", "redis://:secret@host:port"])
def test_what_is_no_url_of_a_redis_is_one_clear_error_without_the_password(tmp_path, url):
    with (
        pytest.raises(ConfigError, match="EBBTIDE_REDIS_URL: expected redis://") as caught,
        running(tmp_path, url),
    ):
        pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_command_line_is_stopped_by_a_signal(tmp_path, signum):
    environment = {**os.environ, "EBBTIDE_HOME": str(tmp_path)}
    environment.pop("EBBTIDE_REDIS_URL", None)
    command = [sys.executable, "-m", "ebbtide", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert b"Ready" in process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        assert any("redis-server" in child.name() for child in children)
        process.send_signal(signum)
        process.wait(30)
    for _ in range(100):
        if not any(psutil.pid_exists(child.pid) for child in children):
            break
        time.sleep(0.05)
    assert not any(psutil.pid_exists(child.pid) for child in children)
