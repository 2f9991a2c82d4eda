"""kill -9 at every system call of an accept and of a delivery, and calls that fail, by strace's injection."""
import collections, concurrent.futures, contextlib, queue, time

import pytest

from lab import is_gone, wait_for
from load import REFUSED, Load, World, compare
from strace import Strace, threads_named

pytestmark = [pytest.mark.root, pytest.mark.long]
# Those that change something that others see: to die elsewhere is to die before the next of these.
CALLS = ['open', 'openat', 'openat2', 'creat', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'unlink', 'unlinkat',
         'mkdir', 'mkdirat', 'ftruncate', 'fallocate', 'write', 'writev', 'pwrite64', 'pwritev', 'fsync', 'fdatasync',
         'syncfs', 'sync_file_range', 'connect', 'sendto', 'sendmsg', 'shutdown']
ROLES = {  # names of threads (the first is the loop's), and what each must have been seen to do in a life
    'smtpd': {'sendto', 'write'},
    'committer': {'pwrite64', 'fdatasync'},
    'io': {'openat', 'write', 'fdatasync', 'fsync'},
    'place': {'openat', 'write', 'renameat2'},
    'store': {'pwrite64', 'fdatasync'},
    'checkpoint': {'write', 'syncfs', 'pwrite64', 'fdatasync', 'unlinkat', 'fsync'},
}
LIFE = 6  # seconds: two messages are accepted, delivered, spooled, delivered later, reported, removed
AT_ONCE = 3  # servers: most of a life is waiting
DISK_ERROR = '74'  # the status that smtpd ends with

Point = collections.namedtuple('Point', 'role call what')  # what: strace's words


class Life(World):
    """A server whose threads run, and two messages at a time, a small and a large one."""

    def __init__(self, keep):
        super().__init__(keep)
        self.load = keep(Load(self, kinds=['each'], connections=1, large_every=2))
        self.warm_up()

    def warm_up(self):
        """Threads start when they are needed first. And LATE waits for a file in the spool: there is none yet."""
        self.run_once()
        wait_for(lambda: all(self.threads(role) for role in ROLES), what='the threads')
        wait_for(lambda: not self.spooled(), what='an empty spool')

    def threads(self, role):
        return threads_named(self.server.child('smtpd'), role)

    def run_once(self):
        self.load.permit(2)
        wait_for(self.load.is_done, 30, 'two messages')

    def census(self):
        """{role: {call: how often a thread makes it in a life}}. Other threads write at times of their own."""
        with contextlib.closing(Strace(self.server.child('smtpd'), CALLS)) as strace:
            self.run_once()
            time.sleep(LIFE)
            roles = {thread: role for role in ROLES for thread in self.threads(role)}
            strace.stop()
            counts = collections.Counter((call.thread, call.name) for call in strace.calls())
        found = collections.defaultdict(dict)
        for (thread, name), count in counts.items():
            if thread in roles:
                calls = found[roles[thread]]
                calls[name] = max(count, calls.get(name, 0))
        return found

    def inject(self, point):
        """Into one life. Did the process end in it?"""
        pid = self.server.child('smtpd')
        words = '-e', 'inject=%s:%s' % (point.call, point.what)
        with contextlib.closing(Strace(pid, point.call.split(','), *words, threads=self.threads(point.role))):
            self.load.permit(2)
            end = time.monotonic() + LIFE
            while not is_gone(pid) and time.monotonic() < end:
                time.sleep(0.02)
        ended = is_gone(pid)
        if ended:
            self.crashed()
        return ended

    def start_again(self):
        self.kill_all()
        self.server.start()
        self.warm_up()

    def finish(self):
        wait_for(self.load.is_done, 30, 'all messages')
        self.load.stop()
        compare(self, self.load)


def each(lives, points, visit):
    """visit(life, point) of all, in as many lives at once; then nothing may be lost or twice in any of them."""
    left = queue.SimpleQueue()
    for point in points:
        left.put(point)

    def work(life):
        with contextlib.suppress(queue.Empty):
            while True:
                visit(life, left.get_nowait())
        life.start_again()
        life.finish()
    with concurrent.futures.ThreadPoolExecutor(len(lives)) as pool:
        for done in [pool.submit(work, life) for life in lives]:
            done.result()


@pytest.fixture
def lives(keep):
    return [Life(keep) for _ in range(AT_ONCE)]


def test_kill_9_at_every_system_call(lives):
    """Of the threads of each role: before its first, its second ... of each."""
    census, reached = lives[0].census(), collections.Counter()
    assert not [role for role in ROLES if not census[role].keys() >= ROLES[role]], census

    def visit(life, point):
        if life.inject(point):
            reached[point.role, point.call] += 1
            life.start_again()
    each(lives, [Point(role, call, 'signal=KILL:when=%d' % when) for role in ROLES for call, count in census[role].items()
                 for when in range(1, count + 1)], visit)
    counts = {(role, call): count for role in ROLES for call, count in census[role].items()}
    print({key: '%d of %d' % (reached[key], count) for key, count in counts.items()})
    assert reached.keys() >= {(role, call) for role, calls in ROLES.items() for call in calls}, reached
    assert sum(reached.values()) > sum(counts.values()) / 2, (counts, reached)


# After a failed sync nobody knows what the disk holds: the process ends, and starts anew.
FATAL = [
    ('committer', 'pwrite64', 'EIO'), ('committer', 'fdatasync', 'EIO'), ('checkpoint', 'syncfs', 'EIO'),
    ('checkpoint', 'fdatasync', 'EIO'), ('checkpoint', 'fsync', 'EIO'), ('io', 'fdatasync', 'EIO'), ('io', 'fsync', 'EIO'),
    ('store', 'fdatasync', 'EIO'), ('store', 'pwrite64,write', 'EIO')]  # Berkeley DB tries one after the other
# All others cost a refusal or a delay. (First writes alone: behind its work a thread writes to wake the loop.)
BEARABLE = [
    ('committer', 'pwrite64', 'ENOSPC:when=1..3'), ('io', 'fdatasync', 'ENOSPC:when=1..3'),
    ('place', 'openat', 'EIO:when=1..3'), ('place', 'write', 'ENOSPC:when=1'), ('place', 'renameat2', 'EIO:when=1..3'),
    ('checkpoint', 'openat', 'ENOSPC:when=1..3'), ('checkpoint', 'pwrite64', 'ENOSPC:when=1..3'),
    ('checkpoint', 'unlinkat', 'EIO:when=1..3')]


def refusals(life, point, code):
    """Those with another code than this one, as a message."""
    others = [t.reply for t in life.load.with_fate(REFUSED) if not t.reply.startswith(code)]
    assert not others, (point, others[:3])


def test_after_a_failed_sync_smtpd_starts_anew(lives):
    def visit(life, point):
        assert life.inject(point), point
        wait_for(life.load.is_done, 30, 'the messages after %s' % (point,))
        stop, = wait_for(lambda: life.server.events('stop', service='smtpd'), what='the end')
        assert stop['status'] == DISK_ERROR, point
        refusals(life, point, b'451 ')
        life.start_again()
    each(lives, [Point(role, call, 'error=' + error) for role, call, error in FATAL], visit)


def test_other_failures_cost_a_refusal_or_a_delay(lives):
    def visit(life, point):
        assert not life.inject(point), point
        wait_for(life.load.is_done, 30, 'the messages after %s' % (point,))
        refusals(life, point, b'452 4.3.1 ')
    each(lives, [Point(role, call, 'error=' + error) for role, call, error in BEARABLE], visit)
