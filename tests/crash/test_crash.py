import ctypes, fcntl, os, random, re, shutil, smtplib, struct, subprocess, time

import pytest

import lab
from lab import Dns, Folder, Postern, Remote, wait_for
from load import Load, compare

LONG = bool(os.environ.get('CRASH_LONG'))
root = pytest.mark.skipif(os.geteuid() != 0, reason='mounts need root')


def world(keep, data=None, **settings):
    remote = keep(Remote())
    dns = keep(Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}))
    server = keep(Postern(data=data, resolver=dns.address, outbound_port=remote.port, retry_min='1s', retry_max='2s',
                          user_rate='1000000/1h', **settings)).start()
    server.user('you@ours.test')
    server.user('second@ours.test')
    return server, remote


@pytest.mark.parametrize('seed', range(3 if LONG else 1))
def test_kill_9_at_seeded_points_loses_nothing(keep, seed):
    """500 messages for local, remote and both, killed at 50 points (each run of the loop is one start)."""
    server, remote = world(keep)
    chance, kills = random.Random(seed), 0
    load = Load(server, seed)
    while not load.done() or kills < 50:
        time.sleep(chance.uniform(0.01, 0.6))
        server.kill_all()
        kills += 1
        server.start()
        if kills > 400:
            break
    compare(server, load, remote, kills)
    assert kills >= 50 and len(load.acknowledged) == 500


def trace_accepts(server, count, sessions=20):
    """strace of smtpd while `count` messages come in over many sessions at once; the lines."""
    path = os.path.join(server.folder.path, 'trace')
    pid = server.child('smtpd')
    calls = ('pwritev,pwrite64,pwritev2,write,writev,sendto,sendmsg,fdatasync,fsync,syncfs,sync_file_range,openat,open,'
             'rename,renameat,renameat2,link,linkat,unlink,unlinkat')
    tracer = subprocess.Popen(['strace', '-f', '-qq', '-xx', '-s', '200000', '-y', '-e', 'trace=' + calls, '-o', path,
                               '-p', str(pid)], stderr=subprocess.PIPE)
    wait_for(lambda: 'TracerPid:\t0' not in open('/proc/%d/status' % pid).read(), what='strace')
    import threading

    def send(n):
        with smtplib.SMTP('127.0.0.1', server.smtp, 'c.test', timeout=120) as c:
            for i in range(n):
                c.sendmail('a@b.test', ['you@ours.test'], 'Subject: t\r\n\r\nbody %d\r\n' % i)
    threads = [threading.Thread(target=send, args=(count // sessions,)) for _ in range(sessions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    time.sleep(2.5)  # a checkpoint is part of the trace
    tracer.terminate()
    tracer.wait()
    return pid, open(path, errors='replace')


def text_of(hexed):
    return bytes.fromhex(''.join(re.findall(r'\\x([0-9a-f]{2})', hexed)))


ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'


def id_bytes(text):
    value = 0
    for c in text:
        value = value * 62 + ALPHABET.index(c)
    return struct.pack('>Q', value)


def joined(lines):
    """strace's lines with unfinished calls put together where they end: (thread, call, arguments)."""
    started = {}
    for line in lines:
        thread, rest = line.split(None, 1)
        match = re.match(r'<\.\.\. (\w+) resumed>(.*)', rest)
        if match:
            rest = started.pop(thread, match.group(1) + '(') + match.group(2)
        elif rest.rstrip().endswith('<unfinished ...>'):
            started[thread] = rest[:rest.rindex('<unfinished')]
            yield thread, 'start ' + rest.split('(')[0], rest
            continue
        yield thread, rest.split('(')[0], rest


def test_each_250_comes_after_the_sync_of_its_record(keep):
    """By system-call trace; and the loop's thread makes no sync, rename, link or open under the data folder."""
    server, _ = world(keep, connections_per_ip='1000')
    pid, lines = trace_accepts(server, 1000)
    written, synced, answered, wrong = b'', b'', 0, []
    for thread, call, rest in joined(lines):
        if call.startswith('pwrite') and '/journal/' in rest:
            written += text_of(rest)
        elif call == 'fdatasync' and '/journal/' in rest and rest.rstrip().endswith('= 0'):
            synced, written = synced + written, b''
        elif call in ('sendto', 'sendmsg', 'write', 'writev') and '2.0.0' in (plain := text_of(rest).decode('latin-1')):
            for name in re.findall(r'250 2\.0\.0 .*?\b([0-9A-Za-z]{8,})\b', plain):
                answered += 1
                if id_bytes(name) not in synced:
                    wrong.append(name)
        if thread == str(pid) and re.sub('start ', '', call) in (
                'openat', 'open', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'unlink', 'unlinkat', 'fsync',
                'fdatasync', 'syncfs', 'sync_file_range'):
            where = text_of(rest).decode('latin-1') + rest
            assert server.data not in where, 'the loop blocks: ' + rest[:300]
    assert answered == 1000 and not wrong, (answered, wrong[:5])


# ---- power ----

class Disk:
    """An ext4 of its own on a loop device, whose power can be cut: nothing that isn't on the disk survives."""

    def __init__(self, megabytes=512):
        self.folder = Folder()
        self.image, self.path = os.path.join(self.folder.path, 'image'), os.path.join(self.folder.path, 'disk')
        os.mkdir(self.path)
        with open(self.image, 'wb') as f:
            f.truncate(megabytes << 20)
        subprocess.run(['mkfs.ext4', '-q', '-F', self.image], check=True)
        self.mount()

    def mount(self):
        subprocess.run(['mount', '-o', 'loop', self.image, self.path], check=True)

    def cut(self):
        """EXT4_IOC_SHUTDOWN without flushing the journal."""
        fd = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))
        os.close(fd)

    def unmount(self):
        subprocess.run(['umount', self.path], check=True)

    def close(self):
        subprocess.run(['umount', '-l', self.path], stderr=subprocess.DEVNULL)
        self.folder.remove()


@root
@pytest.mark.parametrize('seed', range(5 if LONG else 1))
def test_power_cut_loses_nothing(keep, seed):
    disk = keep(Disk())
    server, remote = world(keep, data=os.path.join(disk.path, 'data'))
    load = Load(server, seed, limit=100000)
    time.sleep(random.Random(seed).uniform(1, 4))
    disk.cut()
    time.sleep(0.3)
    load.stop()
    server.kill_all()
    disk.unmount()
    disk.mount()
    server.start()
    compare(server, load, remote, 1)
    server.stop()


@root
def test_full_disk_is_452_and_service_returns_with_space(keep):
    disk = keep(Disk(300))
    server, remote = world(keep, data=os.path.join(disk.path, 'data'))
    load = Load(server, limit=20)
    wait_for(load.done, 60, what='20 messages')
    stuff = os.path.join(disk.path, 'stuff')
    with open(stuff, 'wb') as f:
        try:
            while True:
                f.write(b'x' * 65536)
                f.flush()
        except OSError:
            pass

    def code():
        with smtplib.SMTP('127.0.0.1', server.smtp, 'c.test', timeout=20) as c:
            c.ehlo()
            answers = [c.mail('a@b.test'), c.rcpt('you@ours.test')]
            if answers[-1][0] == 250:
                answers.append(c.data('Subject: n900000\r\n\r\n' + 'x\r\n' * 1000 + 'end of 900000\r\n'))
            return next((a for a in answers if a[0] != 250), answers[-1])
    refused = wait_for(lambda: (lambda a: a if a[0] != 250 else None)(code()), what='a refusal')
    assert refused[0] == 452 and refused[1].startswith(b'4.3.1'), refused
    os.remove(stuff)
    wait_for(lambda: code()[0] == 250, what='service again')
    assert server.child('smtpd')
    lab.wait_for(lambda: '[]' in server.cli('queue', 'list', '--json').stdout, 60, 'an empty queue')
    subjects = [re.search(rb'Subject: n(\d+)', m).group(1) for m in server.mails('you@ours.test')]
    assert len({s for s in subjects if s != b'900000'}) == len(
        [k for k in load.acknowledged.values() if k in ('local', 'mixed')])


# ---- damage ----

def damage(path, at, text=b'\xff' * 64):
    with open(path, 'r+b') as f:
        f.seek(at)
        f.write(text)


def test_damaged_spool_file_costs_only_itself(keep):
    server, remote = world(keep)
    remote.answers['RCPT'] = '451 4.7.1 later'
    load = Load(server, limit=12, large_every=1000, threads=1)
    wait_for(load.done, what='12 messages')
    spool = os.path.join(server.data, 'spool')
    remotes = [n for n, k in load.acknowledged.items() if k != 'local']
    wait_for(lambda: len(os.listdir(spool)) == len(remotes), what='the checkpoint')
    server.stop()
    victim = os.path.join(spool, sorted(os.listdir(spool))[0])
    number = int(re.search(rb'Subject: n(\d+)', open(victim, 'rb').read()).group(1))
    damage(victim, os.path.getsize(victim) // 2)
    remote.answers.clear()
    server.start()
    remote.wait_mails(len(remotes) - 1, 60)
    wait_for(lambda: os.listdir(os.path.join(server.data, 'bad')), what='the file in bad/')
    assert number not in [int(re.search(rb'Subject: n(\d+)', m['data']).group(1)) for m in remote.mails]
    assert 'bad/' in server.log() or 'damaged' in server.log()


def test_damaged_journal_record_costs_only_itself(keep):
    server, remote = world(keep)
    remote.answers['GREETING'] = '421 4.3.2 later'
    load = Load(server, limit=40, large_every=1000, threads=1)
    wait_for(load.done, what='40 messages')
    server.kill_all()
    journal = os.path.join(server.data, 'journal')
    hit = None
    for name in sorted(os.listdir(journal)):
        data = open(os.path.join(journal, name), 'rb').read()
        found = [m for m in re.finditer(rb'Subject: n(\d{6})', data)]
        if found and hit is None:
            hit = found[len(found) // 2]
            damage(os.path.join(journal, name), hit.start() + 100)
    remote.answers.clear()
    server.start()
    load.acknowledged.pop(int(hit.group(1)))
    load.unknown[int(hit.group(1))] = 'mixed'
    compare(server, load, remote, 1)
