"""Damaged files cost themselves alone."""
import os

import pytest

from lab import wait_for
from load import ACKNOWLEDGED, Load, World, compare
from records import find_records, id_of

FLIPPED = 64  # octets


def flip(path, at):
    with open(path, 'r+b') as f:
        f.seek(at)
        octets = f.read(FLIPPED)
        f.seek(at)
        f.write(bytes(octet ^ 0xff for octet in octets))


def waiting_messages(keep, count, **options):
    """A world with messages that nobody has got yet."""
    world = World(keep)
    load = keep(Load(world, kinds=['waiting'], permits=count, **options))
    wait_for(load.is_done, what='%d messages' % count)
    load.stop()
    return world, load


def check_only_lost(world, load, victim, kept):
    """Nobody gets the damaged one, everybody the others; it is in bad/, and the log says so."""
    compare(world, load, lost=[victim.number])
    names = [os.path.basename(path) for path in world.files('bad')]
    assert any(name.startswith(kept) for name in names), names
    assert world.server.events('damaged')


@pytest.mark.parametrize('suffix', ['', '.body'])
def test_damaged_spool_file_costs_only_itself(keep, suffix):
    world, load = waiting_messages(keep, 12, large_every=2)
    world.server.stop()  # which ends with a checkpoint
    victim = next(t for t in load.with_fate(ACKNOWLEDGED) if not suffix or t.size > 65536)
    path = os.path.join(world.server.data, 'spool', victim.id + suffix)
    flip(path, os.path.getsize(path) // 2)
    world.server.start()
    check_only_lost(world, load, victim, victim.id)


def live_records(world, load):
    """(message, path, offset of the record) of those that have nothing but their record, in their order."""
    offsets = {}
    for path in world.files('journal'):
        with open(path, 'rb') as f:
            offsets.update({ident: (path, at) for ident, at in find_records(f.read())})
    return [(t,) + offsets[id_of(t.id)] for t in sorted(load.with_fate(ACKNOWLEDGED), key=lambda t: id_of(t.id))
            if not os.path.exists(os.path.join(world.server.data, 'spool', t.id))]


@pytest.mark.parametrize('place', [0, 40 + 1000], ids=['head', 'payload'])
def test_damaged_journal_record_costs_only_itself(keep, place):
    """One in the middle: what comes behind is found."""
    world, load = waiting_messages(keep, 40, large_every=1000)
    world.kill_all()
    live = live_records(world, load)
    assert len(live) > 2, 'a checkpoint came too soon'
    victim, path, at = live[len(live) // 2]
    flip(path, at + place)
    world.server.start()
    check_only_lost(world, load, victim, 'segment.')
