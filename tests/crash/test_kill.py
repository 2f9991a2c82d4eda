"""kill -9."""
import os, random, time

import pytest

from lab import wait_for
from load import ACKNOWLEDGED, BOB, Load, World, compare, copies_at

SEEDS = range(4 if os.environ.get('CRASH_LONG') else 1)
KILLS, MESSAGES = 50, 500
MOMENTS = [0.03, 0.2, 0.6, 2.5]  # seconds after a start at most: accepts, placing, a checkpoint, a removal


def kill_something(world, chance):
    """Everything, mostly; sometimes again while it starts; sometimes smtpd alone, which entrypoint starts anew."""
    if chance.random() < 0.1:
        world.server.kill('smtpd')
        world.crashed()
        return 1
    world.kill_all()
    if chance.random() < 0.25:
        world.server.start(wait=False)
        time.sleep(chance.uniform(0, 0.3))
        world.kill_all()
        world.server.start()
        return 2
    world.server.start()
    return 1


@pytest.mark.parametrize('seed', SEEDS)
def test_kill_9_at_seeded_points_loses_nothing(keep, seed):
    """500 messages for local, remote and both, some of which wait, through 50 crashes."""
    world, chance, kills = World(keep), random.Random(seed), 0
    load = keep(Load(world, seed))
    for released in range(KILLS):
        load.permit(MESSAGES // KILLS)
        time.sleep(chance.uniform(0, chance.choice(MOMENTS)))
        kills += kill_something(world, chance)
    wait_for(load.is_done, 60, 'all messages')
    load.stop()
    world.kill_all()
    world.server.start()
    compare(world, load)
    assert kills >= KILLS and len(load.with_fate(ACKNOWLEDGED)) == MESSAGES


def test_what_is_settled_is_not_sent_again(keep):
    """A row counts also for a message whose record is live: no second transmission after that."""
    world = World(keep)
    load = keep(Load(world, kinds=['remote'], permits=30))
    wait_for(load.is_done, 30, '30 messages')
    wait_for(lambda: not world.queued(), what='settled messages')
    world.kill_all()
    world.server.start()
    load.stop()
    compare(world, load)
    assert len(copies_at(world, load, BOB)) == 30
