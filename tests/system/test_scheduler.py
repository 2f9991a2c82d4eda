"""The scheduler with the real server: what many waiting messages cost, and that hosts that answer nobody delay none."""
import json, os, re, socket, time

import pytest

import lab, spool
from lab import Dns, Postern, Remote, wait_for
from test_submission import MESSAGE, submit

MANY = 10000
PLAIN = re.sub('/(san|tsan)$', '', lab.BUILD)  # sanitizers have memory of their own
SLACK = 6 << 20  # of the database's cache and the heap's free ends, whatever waits


class Silent:
    """Takes connections, and says nothing."""

    def __init__(self, host, port):
        self.socket = socket.create_server((host, port), backlog=1024)

    def close(self):
        self.socket.close()


@pytest.fixture
def world(keep):
    """(server that is stopped, the remote that takes mail for good.test). Hosts below silent.test say nothing, those
    below dead.test refuse connections."""
    remote = keep(Remote())
    keep(Silent('127.0.0.2', remote.port))
    dns = keep(Dns({'good.test': '@ MX 10 mx\nmx A 127.0.0.1', 'other.test': '@ MX 10 mx\nmx A 127.0.0.1',
                    'silent.test': '@ A 127.0.0.2\n* A 127.0.0.2', 'dead.test': '@ A 127.0.0.3\n* A 127.0.0.3'}))
    server = keep(Postern(resolver=dns.address, outbound_port=remote.port, retry_min='1h', retry_max='2h',
                          user_rate='100000/1h'))
    server.start()
    server.user('you@ours.test')
    server.stop()
    return server, remote


def send(server, *to):
    with submit(server) as c:
        c.sendmail('you@ours.test', list(to), MESSAGE)


def items(server):
    return json.loads(server.cli('queue', 'list', '--json').stdout)


def rss(server):
    """Octets."""
    with open('/proc/%d/statm' % server.child('smtpd')) as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def long_address(i):
    """254 octets, the most that SMTP has."""
    domain = '.'.join(['d%05d' % i + 'x' * 55] * 2) + '.dead.test'
    return 'u' * 64 + '@' + 'y' * (254 - 64 - 2 - len(domain)) + '.' + domain


@pytest.mark.parametrize('recipients', [
    lambda i: ['bob@dead.test'], lambda i: ['a@dead.test', 'b@d%d.dead.test' % (i % 100), 'c@dead.test'],
    lambda i: [long_address(i % 100)]], ids=['one', 'three', 'long'])
def test_a_waiting_message_takes_at_most_a_kibibyte(world, recipients):
    server, _ = world
    server.build = PLAIN
    server.start()
    before = rss(server)
    server.stop()
    spool.fill(server.data, (recipients(i) for i in range(MANY)))
    server.start()
    wait_for(lambda: all(item['attempts'] for item in items(server)) or time.sleep(1), 120, 'the first tries')
    server.stop()
    server.start()
    found = items(server)
    assert len(found) == MANY and all('451 4.4.1' in r['reply'] for item in found for r in item['recipients'])
    server.stop()
    server.start()
    assert rss(server) - before < MANY * 1024 + SLACK, (rss(server) - before) / MANY


def test_ten_thousand_messages_for_a_silent_domain_delay_no_other(world):
    server, remote = world
    server.stop()
    spool.fill(server.data, (['bob@silent.test'] for i in range(MANY)))
    spool.fill(server.data, [['old@good.test']] * 20)
    server.start()
    send(server, 'new@good.test')
    remote.wait_mails(21, seconds=30)
    assert {mail['to'][0] for mail in remote.mails} == {'old@good.test', 'new@good.test'}
    assert len(items(server)) == MANY


def test_hundreds_of_silent_domains_delay_no_known_one(world):
    server, remote = world
    server.start()
    send(server, 'a@good.test')
    remote.wait_mails(1)
    wait_for(lambda: ('QUIT' in remote.sessions[0]), what='the end of its session')
    for i in range(3):
        send(server, *['bob@d%d.silent.test' % (100 * i + n) for n in range(100)])
    time.sleep(7)  # 20 a second, until they have their share
    start = time.monotonic()
    send(server, 'b@good.test')
    remote.wait_mails(2)
    assert remote.mails[1]['at'] - start < 5
    wait_for(lambda: 'others wait' in server.log(), what='one that gives way')
    send(server, 'c@other.test')  # of which nothing is known
    remote.wait_mails(3, seconds=90)
