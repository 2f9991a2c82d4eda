"""A full disk."""
import contextlib, os, time

import pytest

from disk import Disk
from lab import wait_for
from load import ACKNOWLEDGED, REFUSED, Load, World, compare

pytestmark = pytest.mark.root


class Filler:
    """A file that takes all the space there is."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'filler')
        for size in (1 << 20, 4096):
            with contextlib.suppress(OSError), open(self.path, 'ab', buffering=0) as f:
                while True:
                    f.write(b'x' * size)

    def close(self):
        if os.path.exists(self.path):
            os.remove(self.path)


def fill_while_mail_comes(keep):
    disk = keep(Disk(300))
    world = World(keep, data=disk.data)
    load = keep(Load(world, permits=100000, large_every=6))
    wait_for(lambda: len(load.with_fate(ACKNOWLEDGED)) > 50, what='50 messages')
    filler = keep(Filler(disk.path))
    wait_for(lambda: len(load.with_fate(REFUSED)) > 20, what='refusals')
    return world, load, filler


def check_refusals(load):
    others = [t.reply for t in load.with_fate(REFUSED) if not t.reply.startswith(b'452 4.3.1 ')]
    assert not others, others[:3]


def test_full_disk_is_452_and_service_returns_with_space(keep):
    world, load, filler = fill_while_mail_comes(keep)
    pid = world.server.child('smtpd')
    time.sleep(2.5)  # checkpoints, retries and rows without space
    assert 'the disk is full' in world.server.cli('status', check=False).stdout
    before = len(load.with_fate(ACKNOWLEDGED))
    filler.close()
    wait_for(lambda: len(load.with_fate(ACKNOWLEDGED)) > before + 50, 60, 'service again')
    load.stop()
    check_refusals(load)
    assert world.server.child('smtpd') == pid
    compare(world, load)


def test_kill_9_and_start_on_a_full_disk_lose_nothing(keep):
    world, load, filler = fill_while_mail_comes(keep)
    world.kill_all()
    world.server.start(wait=False)
    time.sleep(3)
    filler.close()
    before = len(load.with_fate(ACKNOWLEDGED))
    wait_for(lambda: len(load.with_fate(ACKNOWLEDGED)) > before + 50, 60, 'service again')
    load.stop()
    check_refusals(load)
    compare(world, load)
