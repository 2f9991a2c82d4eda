import os, sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab


@pytest.fixture
def keep():
    """keep(thing) returns it and closes it at the test's end, the last one first."""
    things = []

    def add(thing):
        things.append(thing)
        return thing
    yield add
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def server(keep):
    """Our server for ours.test, with the account you@ours.test."""
    s = keep(lab.Postern()).start()
    s.user('you@ours.test')
    return s
