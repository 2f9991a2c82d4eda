"""By system-call trace: what happens before each 250, and what the loop never does."""
import re, resource, socket, time

import pytest

from lab import wait_for
from load import YOU, Load, World
from records import find_records, id_of
from strace import Strace

MESSAGES, LARGE_EVERY = 1000, 50
SENDING = ['write', 'writev', 'sendto', 'sendmsg']
SYNCING = ['fsync', 'fdatasync', 'syncfs', 'sync', 'sync_file_range', 'msync']
CHANGING = ['open', 'openat', 'openat2', 'creat', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink', 'symlinkat',
            'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'rmdir', 'truncate', 'ftruncate', 'fallocate', 'pwrite64', 'pwritev',
            'pwritev2']


def message(number):
    lines = 1300 if number % LARGE_EVERY == 0 else 10
    return b'From: a@b.test\r\nSubject: %d\r\n\r\n' % number + b'x' * 68 + b'\r\n' + (b'y' * 68 + b'\r\n') * lines


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=120)
        self.lines = self.socket.makefile('rb')
        self.replies(1)
        self.say(b'EHLO c.test\r\n', 1)
        assert self.say(b'MAIL FROM:<a@b.test>\r\nRCPT TO:<%s>\r\nDATA\r\n' % YOU.encode(), 3)[-1].startswith(b'354')

    def replies(self, count):
        found = []
        while len(found) < count:
            line = self.lines.readline()
            assert line, 'closed'
            if line[3:4] == b' ':
                found.append(line)
        return found

    def say(self, text, replies):
        self.socket.sendall(text)
        return self.replies(replies)

    def close(self):
        self.lines.close()
        self.socket.close()


def accept_at_once(server, keep, count):
    """That many messages, each on its own connection, ended one right after the other; the ids in the answers."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * count), hard))
    clients = [keep(Client(server.smtp)) for _ in range(count)]
    for number, client in enumerate(clients):
        client.socket.sendall(message(number) + b'.\r\n')
    answers = [client.replies(1)[0] for client in clients]
    assert all(answer.startswith(b'250 2.0.0 ') for answer in answers), answers[:3]
    return [answer.split()[-1].decode() for answer in answers]


class Story:
    """The calls of a trace, by what they mean."""

    def __init__(self, calls):
        self.answers, self.records, self.syncs, self.bodies, self.calls = {}, {}, {}, {}, calls
        for call in calls:
            where = call.paths[0] if call.paths else ''
            if call.name in SYNCING and call.result == '0':
                self.syncs.setdefault(where, []).append(call)
            elif call.name == 'pwrite64' and '/journal/segment.' in where:
                for ident, _ in find_records(call.strings[0]):
                    self.records.setdefault(ident, []).append(call)
            elif call.name == 'write' and where.endswith('.body'):
                self.bodies.setdefault(id_of(where.rpartition('/')[2][:-len('.body')]), []).append(call)
            elif call.name in SENDING:
                for ident in re.findall(rb'250 2\.0\.0 Queued as (\w+)\r\n', b''.join(call.strings)):
                    self.answers[ident.decode()] = call

    def synced(self, path, after, before):
        """Was there a sync of it that began after the one and ended before the other?"""
        return any(after.ended < sync.begun and sync.ended < before.begun for sync in self.syncs.get(path, []))

    def is_right(self, name):
        ident, answer = id_of(name), self.answers[name]
        record, = self.records[ident]  # exactly one
        for body in self.bodies.get(ident, []):
            if not self.synced(body.paths[0], body, record) or \
                    not self.synced(body.paths[0].rpartition('/')[0], body, record):
                return False
        return self.synced(record.paths[0], record, answer)


@pytest.mark.root
def test_each_250_comes_after_the_sync_of_its_record(keep):
    """Of 1000 concurrent accepts, each sync lasting long enough that what doesn't wait for it comes before it. Mail to
    elsewhere comes in meanwhile, so that spool and store are at work, too."""
    world = World(keep, connections_per_ip='2000')
    server, pid = world.server, world.server.child('smtpd')
    strace = keep(Strace(pid, SENDING + SYNCING + CHANGING, '-e', 'inject=fdatasync:delay_enter=5ms'))
    load = keep(Load(world, permits=60))
    ids = accept_at_once(server, keep, MESSAGES)
    wait_for(load.is_done, 60, 'the other messages')
    load.stop()
    wait_for(lambda: len(server.mails(YOU)) >= MESSAGES, 60, 'placing')
    wait_for(lambda: any('.body' not in path for path in world.files('spool')), what='a checkpoint')
    time.sleep(1.5)  # removals
    strace.stop()
    story = Story(list(strace.calls()))
    assert sorted(story.answers) == sorted(ids) and len(set(ids)) == MESSAGES
    assert len([i for i in ids if id_of(i) in story.bodies]) == MESSAGES // LARGE_EVERY
    assert [i for i in ids if not story.is_right(i)] == []
    check_loop(story, pid, server.data)


def check_loop(story, pid, data):
    """The loop's thread changes nothing below the data folder, nor waits for it. Others do: the trace shows it."""
    assert {call.thread for call in story.answers.values()} == {pid}
    seen = {}
    for call in story.calls:
        texts = call.paths + [s.decode('latin-1') for s in call.strings if call.name in CHANGING and len(s) < 4096]
        if any(text.startswith(data) for text in texts) or call.name == 'sync':
            seen.setdefault(call.name, set()).add(call.thread)
    assert {name for name, threads in seen.items() if pid in threads} == set()
    assert seen.keys() >= {'openat', 'renameat2', 'unlinkat', 'write', 'pwrite64', 'fdatasync', 'fsync', 'syncfs'}
