"""Other domains' MTA-STS policies: fetched from a real web server, kept, and fetched from nowhere else."""
import json, os, smtplib, socket, ssl, subprocess, threading, time

import pytest

from lab import PASSWORD, Dns, Postern, Remote, wait_for
from web_host import Authority, Web

POLICY = 'version: STSv1\r\nmode: %s\r\nmx: mx.%s\r\nmx: *.backup.test\r\nmax_age: 604800\r\n'
PATH = '.well-known/mta-sts.txt'
RECORD = '_mta-sts TXT "v=STSv1; id=1;"\nmta-sts A 127.0.0.1\n'

GOOD = ['good', 'wildcard', 'charset', 'slow']
ANSWERED = ['redirects', 'redirects2', 'redirects3', 'large', 'endless', 'headers', 'html', 'garbage', 'missing']
UNPROVEN = ['wrongname', 'commonname', 'partname', 'unknown', 'expired']  # their certificates
BAD = ANSWERED + UNPROVEN


@pytest.fixture
def authority(keep):
    return keep(Authority())


def hosts(authority, port):
    """Each way to have no policy, as nginx is told to have it."""
    stranger = Authority('Somebody')
    found = {name: (authority.certificate('mta-sts.%s.test' % name), '') for name in [
        'good', 'charset', 'slow', 'redirects', 'redirects2', 'redirects3', 'large', 'endless', 'headers', 'html',
        'garbage', 'missing', 'stalls']}
    for name, status in ('redirects', 301), ('redirects2', 302), ('redirects3', 308):
        found[name] = found[name][0], (
            'location /.well-known/ { return %d https://mta-sts.%s.test:%d/x; } '
            'location /x { rewrite ^ /good break; }' % (status, name, port))
    found['large'] = found['large'][0], 'rewrite ^ /large break;'
    found['endless'] = found['endless'][0], 'rewrite ^ /large break; ssi on; ssi_types *;'
    found['headers'] = found['headers'][0], 'rewrite ^ /good break; ' + 80 * ('add_header X "%s";' % ('x' * 1000))
    found['html'] = found['html'][0], 'rewrite ^ /good break; default_type text/html;'
    found['garbage'] = found['garbage'][0], 'rewrite ^ /garbage break;'
    found['stalls'] = found['stalls'][0], 'rewrite ^ /good break; limit_rate 1;'
    found['missing'] = found['missing'][0], 'return 404;'
    found['good'] = found['good'][0], 'rewrite ^ /good break;'
    found['slow'] = found['slow'][0], 'rewrite ^ /good break; limit_rate 40;'
    found['charset'] = found['charset'][0], 'rewrite ^ /good break; default_type "Text/Plain; Charset=UTF-8";'
    found['wildcard'] = authority.certificate('*.wildcard.test'), 'rewrite ^ /good break;'
    found['partname'] = authority.certificate('mta-*.partname.test'), 'rewrite ^ /good break;'
    found['commonname'] = (authority.certificate('mta-sts.commonname.test', alternative=False),
                           'rewrite ^ /good break;')
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
    return json.loads(server.cli('check', 'policy', domain, '--json', check=False).stdout)


def test_a_policy_is_fetched_verified_and_kept(keep, authority):
    web = policy_host(keep, authority)
    s = world(keep, authority, web.port, {'good.test': RECORD})
    answer = ask(s, 'Good.test')
    assert answer['domain'] == 'good.test' and answer['sts_trouble'] == ''
    assert answer['sts'] == {'mode': 'enforce', 'max_age': 604800, 'mx': ['mx.good.test', '*.backup.test']}
    assert [line.split('"')[1] for line in web.requests(1)] == ['GET /%s HTTP/1.1' % PATH]
    assert 'Postern/' in web.requests()[0]
    assert ask(s, 'good.test') == answer and len(web.requests()) == 1
    text = s.cli('check', 'policy', 'good.test', check=False).stdout
    assert 'enforce' in text and 'mx.good.test' in text
    assert ask(s, 'other.test')['sts'] is None
    # the record is gone, the web server too: what is known holds, over a restart as well
    s.stop()
    web.process.terminate()
    s.env['POSTERN_RESOLVER'] = keep(Dns({'good.test': ''})).address
    s.start()
    assert ask(s, 'good.test') == answer


def test_what_cannot_be_known_is_not_called_none(keep, authority):
    s = world(keep, authority, 1, {'plain.test': '@ MX 10 mx\nmx A 127.0.0.1', 'idle.test': '@ MX 0 .'})
    plain, idle, missing = (s.cli('check', 'policy', name, check=False) for name in (
        'plain.test', 'idle.test', 'missing.test'))
    assert plain.returncode == 0 and 'MTA-STS: none\n' in plain.stdout
    assert idle.returncode == 1 and 'No host takes mail: The domain takes no mail.' in idle.stdout
    assert missing.returncode == 3 and "No host takes mail: The domain doesn't exist." in missing.stdout
    s.stop()
    s.env['POSTERN_RESOLVER'] = '127.0.0.1:1'  # nobody
    s.start()
    dead = s.cli('check', 'policy', 'plain.test', check=False)
    assert dead.returncode == 75 and "MTA-STS: can't be had now: the DNS doesn't answer\n" in dead.stdout


def test_what_is_no_policy_is_none_and_no_minute_is_exceeded(keep, authority):
    web = policy_host(keep, authority)
    s = world(keep, authority, web.port, {name + '.test': RECORD for name in GOOD + BAD + ['stalls']})
    begin = time.monotonic()
    stalled = subprocess.Popen([os.path.join(s.build, 'postern'), 'check', 'policy', 'stalls.test', '--json'],
                               env=s.env, stdout=subprocess.PIPE)
    for name in BAD:
        answer = ask(s, name + '.test')
        assert answer['sts'] is None and answer['sts_trouble'], name
    for name in GOOD:
        assert ask(s, name + '.test')['sts']['mode'] == 'enforce', name
    certificates = [line for line in s.events('policy') if 'certificate' in line.get('error', '')]
    assert {line['domain'] for line in certificates} == {name + '.test' for name in UNPROVEN}
    before = len(web.requests(len(GOOD + ANSWERED)))
    assert all(PATH in line for line in web.requests())  # no redirect was followed
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


@pytest.fixture
def asked(keep):
    """asked(server, domain) asks in the background and returns the process."""

    class Asking(list):
        def __call__(self, server, domain):
            self.append(subprocess.Popen([os.path.join(server.build, 'postern'), 'check', 'policy', domain, '--json'],
                                         env=server.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
            return self[-1]

        def close(self):
            for process in self:
                process.kill()
                process.communicate()

    return keep(Asking())


def test_stalling_hosts_keep_nobody_waiting(keep, authority, asked):
    """An owner of a domain has as many names below it as they like, each with a host that says nothing."""
    web = policy_host(keep, authority)
    stalls = keep(socket.create_server(('127.0.0.2', web.port), backlog=200))
    many = ''.join('_mta-sts.d%d TXT "v=STSv1; id=1"\nmta-sts.d%d A 127.0.0.2\n' % (i, i) for i in range(60))
    s = world(keep, authority, web.port, {'good.test': RECORD, 'evil.test': many}, log_level='debug')
    for i in range(60):
        asked(s, 'd%d.evil.test' % i)
    stalls.settimeout(20)
    first = keep(stalls.accept()[0])
    assert first.recv(1) == b'\x16'  # a handshake that gets no answer
    begin = time.monotonic()
    assert ask(s, 'good.test')['sts']['mode'] == 'enforce'
    assert time.monotonic() - begin < 25  # not behind all of them


def test_web_may_die_while_it_fetches(keep, authority, asked):
    web = policy_host(keep, authority)
    stalls = keep(socket.create_server(('127.0.0.2', web.port)))
    s = world(keep, authority, web.port, {'good.test': '_mta-sts TXT "v=STSv1; id=1;"\nmta-sts A 127.0.0.2\n'})
    begin = time.monotonic()
    waits = asked(s, 'good.test')
    stalls.settimeout(20)
    first = keep(stalls.accept()[0])
    assert first.recv(1) == b'\x16'  # a handshake begins
    s.kill('web')
    second = stalls.accept()[0]  # of the next web, which was asked again
    assert second.recv(1) == b'\x16'
    second.close()
    answer = json.loads(waits.communicate(timeout=30)[0])
    assert answer['sts'] is None and answer['sts_trouble'] and time.monotonic() - begin < 30
    assert [line['error'].strip('"') for line in s.events('policy')] == ['the TLS handshake with the policy host failed']


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


def test_an_upload_is_settled_by_its_status(keep, authority):
    """RFC 8460 5.4: whatever the rest of the answer is, a report that was taken isn't sent again."""
    pages = ('location /long { error_page 405 =200 /large; } '  # nginx gives no file for a POST, but another page
             'location /slow { error_page 405 =200 /trickle; } '
             'location /trickle { rewrite ^ /large break; limit_rate_after 2k; limit_rate 1; } '
             'location /busy { error_page 405 =503 /large; }')
    web = keep(Web({'web.test': (authority.certificate('web.test'), pages)},
                   {name: 'a' * (1 << 20) for name in ('large', 'long', 'slow', 'busy')}))
    remote = keep(Remote())
    names = 'long', 'slow', 'busy'
    zones = {name + '.test': '@ MX 10 mx\nmx A 127.0.0.1\n_smtp._tls TXT "v=TLSRPTv1; rua=https://web.test:%d/%s"' % (
        web.port, name) for name in names}
    s = world(keep, authority, web.port, dict(zones, **{'web.test': '@ A 127.0.0.1'}), outbound_port=remote.port)
    s.user('you@ours.test')
    context = ssl._create_unverified_context()
    with smtplib.SMTP_SSL('127.0.0.1', s.submissions, context=context, timeout=30) as c:
        c.login('you@ours.test', PASSWORD)
        c.sendmail('you@ours.test', ['x@%s.test' % name for name in names],
                   'From: you@ours.test\r\nTo: x@long.test\r\n\r\nbody\r\n')
    wait_for(lambda: len(s.events('delivered')) >= len(names), what='all delivered')
    begin = time.monotonic()
    sent = json.loads(s.cli('report', 'send', '--now', '--json').stdout)
    assert sent == {'sent': 2, 'kept': 1} and time.monotonic() - begin < 30
    # nginx logs a request when it is over, the slow one perhaps much later
    asked = wait_for(lambda: len(web.requests()) >= 2 and [line.split('"')[1].split()[1] for line in web.requests()])
    assert len(asked) == len(set(asked))
