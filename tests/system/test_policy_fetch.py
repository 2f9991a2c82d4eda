"""Other domains' MTA-STS policies: fetched from a real web server, kept, and fetched from nowhere else."""
import json, os, socket, subprocess, threading, time

import pytest

from lab import Dns, Postern, wait_for
from web_host import Authority, Web

POLICY = 'version: STSv1\r\nmode: %s\r\nmx: mx.%s\r\nmx: *.backup.test\r\nmax_age: 604800\r\n'
PATH = '.well-known/mta-sts.txt'
RECORD = '_mta-sts TXT "v=STSv1; id=1;"\nmta-sts A 127.0.0.1\n'

BAD = ['redirects', 'large', 'endless', 'headers', 'html', 'wrongname', 'unknown', 'expired', 'garbage', 'missing']


@pytest.fixture
def authority(keep):
    return keep(Authority())


def hosts(authority, port):
    """Each way to have no policy, as nginx is told to have it."""
    stranger = Authority('Somebody')
    found = {name: (authority.certificate('mta-sts.%s.test' % name), '') for name in [
        'good', 'redirects', 'large', 'endless', 'headers', 'html', 'garbage', 'missing', 'stalls']}
    found['redirects'] = found['redirects'][0], (
        'location /.well-known/ { return 301 https://mta-sts.redirects.test:%d/x; } '
        'location /x { rewrite ^ /good break; }' % port)
    found['large'] = found['large'][0], 'rewrite ^ /large break;'
    found['endless'] = found['endless'][0], 'rewrite ^ /large break; ssi on; ssi_types *;'
    found['headers'] = found['headers'][0], 'rewrite ^ /good break; ' + 80 * ('add_header X "%s";' % ('x' * 1000))
    found['html'] = found['html'][0], 'rewrite ^ /good break; default_type text/html;'
    found['garbage'] = found['garbage'][0], 'rewrite ^ /garbage break;'
    found['stalls'] = found['stalls'][0], 'rewrite ^ /good break; limit_rate 1;'
    found['missing'] = found['missing'][0], 'return 404;'
    found['good'] = found['good'][0], 'rewrite ^ /good break;'
    found['wrongname'] = authority.certificate('www.wrongname.test'), 'rewrite ^ /good break;'
    found['expired'] = authority.certificate('mta-sts.expired.test', days=-1), 'rewrite ^ /good break;'
    found['unknown'] = stranger.certificate('mta-sts.unknown.test'), 'rewrite ^ /good break;'
    return {'mta-sts.%s.test' % name: value for name, value in found.items()}


def policy_host(keep, authority):
    from lab import free_port
    port = free_port()
    files = {'good': POLICY % ('enforce', 'good.test'), 'large': 'a' * (1 << 20), 'garbage': '\x01\xff: \x00' * 100}
    return keep(Web(hosts(authority, port), files, port))


def world(keep, authority, port, zones, **settings):
    dns = keep(Dns(zones))
    return keep(Postern(resolver=dns.address, ca_file=authority.file, sts_port=port, **settings)).start()


def ask(server, domain):
    return json.loads(server.cli('check', 'policy', domain, '--json').stdout)


def test_a_policy_is_fetched_verified_and_kept(keep, authority):
    web = policy_host(keep, authority)
    s = world(keep, authority, web.port, {'good.test': RECORD})
    answer = ask(s, 'Good.test')
    assert answer['domain'] == 'good.test' and answer['sts_trouble'] == ''
    assert answer['sts'] == {'mode': 'enforce', 'max_age': 604800, 'mx': ['mx.good.test', '*.backup.test']}
    assert [line.split('"')[1] for line in web.requests()] == ['GET /%s HTTP/1.1' % PATH]
    assert 'Postern/' in web.requests()[0]
    assert ask(s, 'good.test') == answer and len(web.requests()) == 1
    text = s.cli('check', 'policy', 'good.test').stdout
    assert 'enforce' in text and 'mx.good.test' in text
    assert ask(s, 'other.test')['sts'] is None
    # the record is gone, the web server too: what is known holds, over a restart as well
    s.stop()
    web.process.terminate()
    s.env['POSTERN_RESOLVER'] = keep(Dns({'good.test': ''})).address
    s.start()
    assert ask(s, 'good.test') == answer


def test_what_is_no_policy_is_none_and_no_minute_is_exceeded(keep, authority):
    web = policy_host(keep, authority)
    s = world(keep, authority, web.port, {name + '.test': RECORD for name in BAD + ['stalls']})
    begin = time.monotonic()
    stalled = subprocess.Popen([os.path.join(s.build, 'postern'), 'check', 'policy', 'stalls.test', '--json'],
                               env=s.env, stdout=subprocess.PIPE)
    for name in BAD:
        answer = ask(s, name + '.test')
        assert answer['sts'] is None and answer['sts_trouble'], name
    certificates = [line for line in s.events('policy') if 'certificate' in line['error']]
    assert {line['domain'] for line in certificates} == {n + '.test' for n in ('wrongname', 'unknown', 'expired')}
    assert all(PATH in line for line in web.requests())  # no redirect was followed
    before = len(web.requests())
    for name in BAD:
        ask(s, name + '.test')
    assert len(web.requests()) == before  # not again for five minutes
    answer = json.loads(stalled.communicate(timeout=90)[0])
    assert answer['sts'] is None and 58 < time.monotonic() - begin < 80


class Ear:
    """Listens on a port of loopback, and counts who connects."""

    def __init__(self):
        self.count = 0
        self.sockets = [socket.create_server(('127.0.0.1', 0))]
        self.port = self.sockets[0].getsockname()[1]
        self.sockets.append(socket.create_server(('::1', self.port), family=socket.AF_INET6))
        for s in self.sockets:
            threading.Thread(target=self.listen, args=[s], daemon=True).start()

    def listen(self, listener):
        try:
            while True:
                listener.accept()[0].close()
                self.count += 1
        except OSError:
            pass

    def close(self):
        for s in self.sockets:
            s.shutdown(socket.SHUT_RDWR)
            s.close()


INSIDE = {'loopback': 'A 127.0.0.1', 'metadata': 'A 169.254.169.254', 'private': 'A 10.0.0.1', 'six': 'AAAA ::1',
          'mapped': 'AAAA ::ffff:10.0.0.1', 'mappedloopback': 'AAAA ::ffff:127.0.0.1', 'nat64': 'AAAA 64:ff9b::7f00:1',
          'link': 'AAAA fe80::1'}


def test_nothing_connects_to_an_inside_address(keep, authority):
    ear = keep(Ear())
    zones = {name + '.test': '_mta-sts TXT "v=STSv1; id=1"\nmta-sts ' + address for name, address in INSIDE.items()}
    s = world(keep, authority, ear.port, zones, allow_private_destinations='no')
    for name in INSIDE:
        answer = ask(s, name + '.test')
        assert answer['sts'] is None and answer['sts_trouble'], name
    assert ear.count == 0 and s.events('fetch') == []  # web wasn't even asked
    assert len(s.events('policy')) == len(INSIDE)
    s.stop()
    s.env['POSTERN_ALLOW_PRIVATE_DESTINATIONS'] = 'yes'
    s.start()
    ask(s, 'loopback.test')
    assert ear.count > 0


def test_web_may_be_killed_and_has_no_secret_of_ours(keep, authority):
    web = policy_host(keep, authority)
    s = world(keep, authority, web.port, {'good.test': RECORD}, relay='relay.test', relay_user='me',
              relay_password='hush-hush')
    s.kill('web')
    assert ask(s, 'good.test')['sts']['mode'] == 'enforce'  # by the next one
    services = {row['name']: row for row in json.loads(s.cli('status', '--json', check=False).stdout)['services']}
    assert services['web'] == {'name': 'web', 'state': 'up', 'restarts': 1}
    for name in ('web', 'signer'):
        with open('/proc/%d/environ' % s.child(name), 'rb') as f:
            assert b'hush-hush' not in f.read()
    with open('/proc/%d/status' % s.child('web')) as f:
        text = f.read()
    assert 'NoNewPrivs:\t1\n' in text and 'Seccomp:\t2\n' in text


def test_it_can_be_switched_off(keep, authority):
    web = policy_host(keep, authority)
    s = world(keep, authority, web.port, {'good.test': RECORD}, mta_sts='no')
    assert ask(s, 'good.test')['sts'] is None
    assert web.requests() == []
