"""Power cuts: what isn't on the disk is gone."""
import os, random, time

import pytest

from disk import Disk
from load import ACKNOWLEDGED, Load, World, compare

pytestmark = pytest.mark.root
SEEDS = range(5 if os.environ.get('CRASH_LONG') else 1)


def cut_power(world, disk):
    disk.cut()
    time.sleep(0.2)  # whoever is in a sync hears of it
    world.kill_all()
    disk.power_returns()


def run_until_cut(keep, seed):
    disk, chance = keep(Disk()), random.Random(seed)
    world = World(keep, data=disk.data)
    load = keep(Load(world, seed))
    for _ in range(chance.randint(5, 40)):
        load.permit(10)
        time.sleep(chance.uniform(0, 0.2))
    cut_power(world, disk)
    load.stop()
    assert load.with_fate(ACKNOWLEDGED)
    return world, load, disk, chance


@pytest.mark.parametrize('seed', SEEDS)
def test_power_cut_loses_nothing(keep, seed):
    world, load, _, _ = run_until_cut(keep, seed)
    world.server.start()
    compare(world, load)


@pytest.mark.long
@pytest.mark.parametrize('seed', SEEDS)
def test_power_cuts_during_recovery_lose_nothing(keep, seed):
    """Three, from the first moments of a start to its first checkpoint."""
    world, load, disk, chance = run_until_cut(keep, 100 + seed)
    for longest in (0.1, 0.4, 1.5):
        world.server.start(wait=False)
        time.sleep(chance.uniform(0, longest))
        cut_power(world, disk)
    world.server.start()
    compare(world, load)
