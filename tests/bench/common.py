"""What the measurements share: fresh disks, counting, runs in turn, medians."""
import os, statistics, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))
os.environ.setdefault('POSTERN_BUILD', 'build')
import lab

lab.Folder.base = None  # syncs must take their time: a real disk, no memory


class Disk:
    """A fresh ext4 on a loop device, below which a server makes its folder; without root the usual temporary folder.
    ext4 searches long for a free inode where many files were deleted in the last minutes, so one run's cleaning up
    would slow the next one down."""

    def __init__(self, megabytes=2048):
        self.folder, self.path = lab.Folder(), None
        if os.geteuid() == 0:
            image, self.path = os.path.join(self.folder.path, 'image'), os.path.join(self.folder.path, 'disk')
            os.mkdir(self.path)
            with open(image, 'wb') as f:
                f.truncate(megabytes << 20)
            subprocess.run(['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0', image], check=True)
            subprocess.run(['mount', '-o', 'loop', image, self.path], check=True)

    def __enter__(self):
        """Folders that are made within are on it."""
        lab.Folder.base = self.path

    def __exit__(self, *error):
        lab.Folder.base = None

    def close(self):
        if self.path:
            subprocess.run(['umount', '-l', self.path], check=True)
        self.folder.remove()


def on_disk(keep, make):
    """What make() returns, with its folder on a disk of its own. keep: a contextlib.ExitStack."""
    disk = Disk()
    keep.callback(disk.close)
    with disk:
        thing = make()
    keep.callback(thing.close)
    return thing


def count(folder):
    paths = [os.path.join(folder, sub) for sub in ('new', 'cur')]
    return sum(len(os.listdir(path)) for path in paths if os.path.isdir(path))


def measure(arrived, messages, load):
    """(delivered, accepted) messages a second, while load() sends; arrived() says how many there are where they are
    sent to, and a run ends with the last one."""
    before, start = arrived(), time.monotonic()
    load()
    accepted = time.monotonic() - start
    lab.wait_for(lambda: arrived() >= before + messages, 600, 'delivery')
    return messages / (time.monotonic() - start), messages / accepted


def alternate(runs, sides):
    """{name: what the runs of each gave}, in turn. sides: {name: function that runs it once}."""
    rates = {name: [] for name in sides}
    for i in range(runs):
        for name, run in sides.items():
            rates[name].append(run())
            print('run %d  %-16s %7.0f delivered/s  %7.0f accepted/s' % ((i + 1, name) + rates[name][-1]), flush=True)
    return {name: [delivered for delivered, _ in found] for name, found in rates.items()}


def spread(rates):
    return '%.0f/s (%.0f to %.0f)' % (statistics.median(rates), min(rates), max(rates))


def ratio(ours, theirs):
    return statistics.median(ours) / statistics.median(theirs)
