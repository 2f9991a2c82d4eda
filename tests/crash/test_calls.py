"""kill -9 at every system call of an accept and of a delivery, and calls that fail, by strace's injection."""
import collections, contextlib, time

import pytest

from lab import wait_for
from load import ACKNOWLEDGED, DOUBTFUL, Load, World, compare
from strace import Strace, threads_named

pytestmark = [pytest.mark.root, pytest.mark.long]
# Those that change something that others see: to die elsewhere is to die before the next of these.
CALLS = ['open', 'openat', 'openat2', 'creat', 'close', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'unlink',
         'unlinkat', 'mkdir', 'mkdirat', 'ftruncate', 'fallocate', 'write', 'writev', 'pwrite64', 'pwritev', 'fsync',
         'fdatasync', 'syncfs', 'sync_file_range', 'connect', 'sendto', 'sendmsg', 'shutdown']
ROLES = ['smtpd', 'committer', 'io', 'place', 'store', 'checkpoint']  # names of threads; the first is the loop's
LIFE = 4  # seconds that it takes to accept, deliver, check, and remove what is settled


class Life(World):
    """A server whose threads run, and two messages at a time, a small and a large one, for one here, one elsewhere and
    one elsewhere that waits: all that happens to messages happens to them within LIFE."""

    def __init__(self, keep):
        super().__init__(keep)
        self.load = keep(Load(self, kinds=['all'], connections=1, large_every=2))
        self.again()

    def again(self):
        """After a crash; and what it left is done with."""
        if self.crashes:
            self.kill_all()
            self.server.start()
        self.run_once()
        wait_for(lambda: all(self.threads(role) for role in ROLES), what='the threads')

    def threads(self, role):
        return threads_named(self.pid(), role)

    def pid(self):
        return self.server.child('smtpd')

    def run_once(self):
        self.load.permit(2)
        wait_for(self.load.is_done, 30, 'two messages')

    def census(self):
        """{role: {call: how often a thread makes it in a life}}"""
        with contextlib.closing(Strace(self.pid(), CALLS)) as strace:
            self.run_once()
            time.sleep(LIFE)
            roles = {thread: role for role in ROLES for thread in self.threads(role)}
            strace.stop()
            counts = collections.Counter((call.thread, call.name) for call in strace.calls())
        found = collections.defaultdict(dict)
        for (thread, name), count in counts.items():
            calls = found[roles[thread]]
            calls[name] = max(count, calls.get(name, 0))
        return found

    def inject(self, role, call, what, when):
        """Did the process die of it?"""
        pid = self.pid()
        with contextlib.closing(Strace(pid, [call], '-e', 'inject=%s:%s:when=%s' % (call, what, when),
                                       threads=self.threads(role))):
            self.load.permit(2)
            end = time.monotonic() + LIFE
            while self.server.child_now('smtpd') == pid and time.monotonic() < end:
                time.sleep(0.01)
        return self.server.child_now('smtpd') != pid

    def finish(self):
        self.kill_all()
        self.server.start()
        wait_for(self.load.is_done, 30, 'all messages')
        self.load.stop()
        compare(self, self.load)


@pytest.mark.parametrize('role', ROLES)
def test_kill_9_at_every_system_call(keep, role):
    life = Life(keep)
    calls, reached = life.census()[role], []
    assert calls
    for call, count in calls.items():
        for when in range(1, count + 1):
            if life.inject(role, call, 'signal=KILL', when):
                life.crashed()
                reached.append(call)
                life.again()
    life.finish()
    print(role, dict(calls), len(reached))
    assert set(reached) == set(calls)
