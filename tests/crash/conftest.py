import contextlib, os, signal, sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
import lab

lab.Folder.base = None  # syncs must take their time: a real disk, no memory


def pytest_configure(config):
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the fixtures' ends run then, too
    config.addinivalue_line('markers', 'root: mounts or traces, which takes root')
    config.addinivalue_line('markers', 'long: runs with --long only')


def pytest_collection_modifyitems(config, items):
    left_out = [i for i in items if i.get_closest_marker('long') and not os.environ.get('CRASH_LONG')]
    items[:] = [i for i in items if i not in left_out]
    if os.geteuid() != 0:
        left_out = [i for i in items if i.get_closest_marker('root')]
        items[:] = [i for i in items if i not in left_out]
        for item in left_out:
            sys.stderr.write('not run, it takes root: %s\n' % item.name)


@pytest.fixture
def keep():
    """keep(thing) returns it and closes it at the test's end, the last one first, whatever fails."""
    with contextlib.ExitStack() as stack:
        def add(thing):
            stack.callback(thing.close)
            return thing
        yield add
