"""Inbound local delivery beside Postfix, in one run: the same client (Postfix's smtp-source), the same messages, the
same kind of disk, alternating runs each, medians and their ratio. Both are durable before they answer; ours judges the
messages as well (their domain publishes nothing), Postfix as it comes does not.

Behind it, as root, comes the check that the figures are honest: in a trace of system calls each 250 follows the sync of
its record.
"""
import contextlib, os, socket, subprocess

from common import alternate, count, lab, measure, on_disk, ratio, spread

IDLE = 1000


def arguments(parser):
    parser.add_argument('--messages', type=int, default=5000)
    parser.add_argument('--sessions', type=int, default=20)
    parser.add_argument('--size', type=int, default=4096)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--minimum', type=float, default=0.0, help='exit 1 below this ratio')


def memory_of(pid):
    """In kilobytes."""
    with open('/proc/%d/smaps_rollup' % pid) as lines:
        return int(next(line for line in lines if line.startswith('Pss:')).split()[1])


def idle_memory(server):
    """What idle connections cost smtpd, in kilobytes."""
    pid = server.child('smtpd')
    before, connections = memory_of(pid), []
    for _ in range(IDLE):
        c = socket.create_connection(('127.0.0.1', server.smtp))
        c.recv(200)
        c.sendall(b'EHLO idle.test\r\n')
        c.recv(500)
        connections.append(c)
    after = memory_of(pid)
    for c in connections:
        c.close()
    return after - before


def side(a, port, recipient, folder):
    command = ['smtp-source', '-c', '-d', '-s', str(a.sessions), '-m', str(a.messages), '-l', str(a.size), '-f',
               'ann@sender.test', '-t', recipient, 'inet:127.0.0.1:%d' % port]
    return lambda: measure(lambda: count(folder), a.messages,
                           lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def is_traced():
    """Without root it can't be."""
    return os.geteuid() != 0 or subprocess.run(
        ['/usr/bin/python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'tests/crash/test_trace.py'],
        cwd=lab.ROOT).returncode == 0


def main(a):
    with contextlib.ExitStack() as keep:
        dns = lab.Dns({'sender.test': '@ MX 10 mx\nmx A 127.0.0.1'}, ttl=300)
        keep.callback(dns.close)
        ours = on_disk(keep, lambda: lab.Postern(resolver=dns.address, connections_per_ip=2000)).start()
        theirs = on_disk(keep, lambda: lab.Postfix(default_process_limit='100', smtpd_tls_security_level='none'))
        ours.user('you@ours.test')
        idle = idle_memory(ours)  # before any load, whose freed memory would hide it
        rates = alternate(a.runs, {
            'postern': side(a, ours.smtp, 'you@ours.test', os.path.join(ours.data, 'mail/ours.test/you/Maildir')),
            'postfix': side(a, theirs.port, 'bob@remote.test', os.path.join(theirs.folder.path, 'mail/all'))})
    times = ratio(rates['postern'], rates['postfix'])
    print('%d messages of %d octets, %d sessions, %d cores: postern %s, postfix %s, ratio %.1f' % (
        a.messages, a.size, a.sessions, os.cpu_count(), spread(rates['postern']), spread(rates['postfix']), times))
    print('%d idle connections: %.1f MB more memory' % (IDLE, idle / 1024))
    return 0 if is_traced() and times >= a.minimum else 1
