"""postern check spf and message: no daemon, no data folder, one answer and an exit code."""
import base64, hashlib, json, os, subprocess, sys

import dkim, pytest

import lab

sys.path.insert(0, os.path.join(lab.ROOT, 'tests', 'vectors', 'tools'))
from fakedns import FakeDNS  # noqa: E402

from test_judging import key  # noqa: E402

FROM = b'From: Ann <ann@%s>\r\nSubject: x\r\n\r\n%s'
SESSION = ['--ip', '192.0.2.1', '--helo', 'mx.open.test']


@pytest.fixture(scope='module')
def dns(tmp_path_factory):
    pem, record = key(str(tmp_path_factory.mktemp('key') / 'key.pem'))
    parts = [part for part in record.split('"') if part.strip()]
    server = FakeDNS({
        'open.test': [{'TXT': 'v=spf1 ip4:192.0.2.0/24 -all'}],
        'mx.open.test': [{'A': '192.0.2.1'}],
        'shut.test': [{'TXT': 'v=spf1 -all exp=why.shut.test'}],
        'why.shut.test': [{'TXT': 'Ask "%{s}" about it'}],
        'slow.test': ['TIMEOUT'],
        'strict.test': [{'TXT': 'v=spf1 -all'}],
        '_dmarc.strict.test': [{'TXT': 'v=DMARC1; p=reject'}],
        'sel._domainkey.strict.test': [{'TXT': parts}],
        '_dmarc.wary.test': [{'TXT': 'v=DMARC1; p=quarantine'}],
        '_dmarc.lost.test': ['TIMEOUT'],
        'lost.test': ['TIMEOUT'],
    })
    server.start()
    server.key = pem
    yield server
    server.stop()


def check(dns, *words, message=b'', **settings):
    env = {name: value for name, value in os.environ.items() if not name.startswith('POSTERN_')}
    env.update({'POSTERN_' + name.upper(): value for name, value in settings.items()},
               POSTERN_RESOLVER='127.0.0.1:%d' % dns.port)
    return subprocess.run([os.path.join(lab.BUILD, 'postern'), 'check', *words], input=message, env=env, cwd='/',
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def judged(dns, message, sender='ann@open.test', *words, **settings):
    """(exit code, the line about the disposition, the field)"""
    p = check(dns, 'message', *SESSION, '--mail-from', sender, *words, message=message, **settings)
    *field, last = p.stdout.decode().splitlines()
    return p.returncode, last, '\n'.join(field)


@pytest.mark.parametrize('sender, code, line', [
    ('ann@open.test', 0, 'result=pass mechanism=ip4:192.0.2.0/24 explanation='),
    ('ann@shut.test', 1, 'result=fail mechanism=all explanation=Ask "ann@shut.test" about it'),
    ('ann@none.test', 0, 'result=none mechanism= explanation='),
    ('ann@slow.test', 75, 'result=temperror mechanism= explanation='),
    ('', 0, 'result=none mechanism= explanation='),
    ('<ann@shut.test>', 1, 'result=fail mechanism=all explanation=Ask "ann@shut.test" about it'),
    ('@open.test', 0, 'result=pass mechanism=ip4:192.0.2.0/24 explanation='),
    ('<>', 0, 'result=none mechanism= explanation='),
])
def test_spf_is_one_line(dns, sender, code, line):
    p = check(dns, 'spf', *SESSION, '--mail-from', sender)
    assert (p.returncode, p.stdout.decode()) == (code, line + '\n')


def test_json(dns):
    p = check(dns, 'spf', *SESSION, '--mail-from', 'ann@shut.test', '--json')
    assert json.loads(p.stdout)['explanation'] == 'Ask "ann@shut.test" about it'
    p = check(dns, 'message', *SESSION, '--mail-from', 'a@open.test', '--json', message=FROM % (b'strict.test', b''))
    answer = json.loads(p.stdout)
    assert answer['disposition'] == 'reject' and answer['reply'].startswith('550 5.7.26 ')
    assert 'DMARC policy of strict.test: reject, nothing aligned' in answer['steps']


@pytest.mark.parametrize('words', [
    ['spf'], ['spf', '--ip', '192.0.2.1', '--helo', 'x'], ['spf', '--ip', 'x', '--helo', 'x', '--mail-from', ''],
    ['spf', *SESSION, '--mail-from', '', '--now', '1'], ['message', *SESSION, '--mail-from', '', '--now', 'x'],
    ['spf', *SESSION, '--mail-from', 'nonsense'], ['spf', *SESSION, '--mail-from', 'a@'],
    ['spf', *SESSION, '--mail-from', '<a@open.test'], ['message', *SESSION, '--mail-from', 'Ann <a@open.test>'],
    ['message', *SESSION, '--mail-from', 'nonsense'], ['message', *SESSION, '--mail-from'], ['message', *SESSION, '--mail-from', '', 'file'], ['nothing'],
])
def test_usage(dns, words):
    p = check(dns, *words)
    assert p.returncode == 2 and p.stderr and not p.stdout


@pytest.mark.parametrize('author, sender, code, line', [
    ('open.test', 'ann@open.test', 0, 'disposition=accept reply=""'),
    ('wary.test', 'ann@open.test', 0, 'disposition=junk reply=""'),
    ('strict.test', 'ann@open.test', 1, 'disposition=reject reply="550 5.7.26 The DMARC policy of strict.test '),
    ('plain.test', 'ann@shut.test', 1, 'disposition=reject reply="550 5.7.23 SPF: shut.test doesn\'t let this host '
     'send; it explains: Ask \'ann@shut.test\' about it"'),
    ('lost.test', 'ann@open.test', 75, 'disposition=defer reply="451 4.4.3 '),
    ('plain.test', 'ann@slow.test', 75, 'disposition=defer reply="451 4.7.24 '),
])
def test_dispositions(dns, author, sender, code, line):
    got, last, field = judged(dns, FROM % (author.encode(), b'Hello.\r\n'), sender)
    assert got == code and last.startswith(line)
    assert field.startswith('Authentication-Results: localhost;\n\tspf=')
    assert 'header.from=' + author in field


def test_settings_decide(dns):
    message = FROM % (b'strict.test', b'Hello.\r\n')
    assert judged(dns, message, dmarc_action='mark')[1] == 'disposition=accept reply=""'
    assert judged(dns, message, dmarc_action='junk')[1] == 'disposition=junk reply=""'
    assert judged(dns, message, hostname='mx.ours.test')[2].startswith('Authentication-Results: mx.ours.test;')


@pytest.mark.parametrize('message', [
    b'', b'\r\n', b'Subject: x\r\n\r\n', b'From: a@open.test\r\nFrom: b@open.test\r\n\r\n',
    b'From: a@open.test\0\r\n\r\n', b'From: a@open.test, b@strict.test\r\n\r\n', b'no field\r\nFrom: a@open.test\r\n',
])
def test_ambiguous_authors_are_refused(dns, message):
    code, last, _ = judged(dns, message)
    assert code == 1 and last.startswith('disposition=reject reply="550 5.6.0 ')


def test_a_nul_gets_the_reply_of_port_25(dns):
    last = judged(dns, b'From: a@open.test\0\r\n\r\n')[1]
    assert last == 'disposition=reject reply="550 5.6.0 The header section holds a NUL"'


def signed(dns, body):
    message = FROM % (b'strict.test', body)
    return dkim.sign(message, b'sel', b'strict.test', dns.key) + message


@pytest.mark.parametrize('body', [b'', b'Hello.\r\n', b'.\r\n\r\n\r\n', b'a line without an end', b'x' * 70 + b'\r\n'])
@pytest.mark.parametrize('ends', [b'\r\n', b'\n'])
def test_line_ends_make_no_difference(dns, body, ends):
    code, last, field = judged(dns, signed(dns, body).replace(b'\r\n', ends), 'ann@shut.test')
    assert 'dkim=pass' in field and 'dmarc=pass' in field
    assert (code, last) == (0, 'disposition=accept reply=""')


def test_large_messages_are_read_in_pieces(dns):
    message = bytearray(signed(dns, b'0123456789abcdef\r\n' * 200000))
    assert 'dmarc=pass' in judged(dns, bytes(message))[2]
    message[2000000] ^= 1
    code, _, field = judged(dns, bytes(message))
    assert code == 1 and 'dkim=fail' in field


def test_limits_are_those_of_port_25(dns):
    message = FROM % (b'open.test', b'x' * 2000000)
    assert judged(dns, message, max_size='1M')[:2] == (1, 'disposition=reject reply="552 5.3.4 The message is too big"')
    head, body = (FROM % (b'open.test', b'')).split(b'\r\n\r\n')
    room = 262144 - len(b'X: \r\n' + head + b'\r\n')
    for octets, last in (room, 'disposition=accept reply=""'), \
                        (room + 1, 'disposition=reject reply="552 5.3.4 The header section is too large"'):
        message = b'X: ' + b'x' * octets + b'\r\n' + head + b'\r\n\r\n' + body
        assert judged(dns, message)[1] == last


def test_the_clock_can_be_set(dns):
    message = FROM % (b'strict.test', b'Hello.\r\n')
    signature = dkim.sign(message, b'sel', b'strict.test', dns.key, linesep=b'\r\n')
    late = judged(dns, signature + message, 'ann@open.test', '--now', '1000000000')
    assert 'dkim=pass' not in late[2] and late[0] == 1


# ---- what a message may cost ----

PAD = {'TXT': ['x' * 250] * 8}  # makes an answer too large for a packet: it is asked for twice


def hostile_zone(large):
    """All that SPF, DKIM, DMARC and ARC may ask about, and more of it."""
    pad = [PAD] if large else []
    hosts = [{'A': '11.9.9.%d' % i} for i in range(90 if large else 1)]
    spf = {'TXT': 'v=spf1 ' + ' '.join('mx:m%d.evil.test' % i for i in range(10)) + ' -all'}
    zone = {'evil.test': [spf] + pad, 'helo.evil.test': [spf] + pad,
            '_dmarc.10.evil.test': [{'TXT': 'v=DMARC1; p=none; sp=reject'}] + pad}
    for i in range(10):
        zone['m%d.evil.test' % i] = [{'MX': [j, 'h%d-%d.evil.test' % (i, j)]} for j in range(10)]
        zone.update(('h%d-%d.evil.test' % (i, j), hosts) for j in range(10))
        zone['_dmarc.%s.evil.test' % '.'.join(str(j) for j in range(i, 10))] = pad
    zone.update(('k._domainkey.s%d.test' % i, [{'TXT': 'v=DKIM1; p=x'}] + pad) for i in range(60))
    return zone


def hostile_message(sets, signatures=20):
    body = b'Hello.\r\n'
    tags = 'a=ed25519-sha256; s=k; h=from; bh=' + base64.b64encode(hashlib.sha256(body).digest()).decode()
    fields = ['DKIM-Signature: v=1; d=s%d.test; %s; b=%s==' % (30 + i % 30, tags, 'A' * 86) for i in range(signatures)]
    for i in range(1, sets + 1):
        fields += ['ARC-Seal: i=%d; a=ed25519-sha256; cv=%s; d=s%d.test; s=k; b=AAAA' % (i, 'none' if i == 1 else 'pass', i),
                   'ARC-Message-Signature: i=%d; c=relaxed/relaxed; d=s59.test; %s; b=AAAA' % (i, tags),
                   'ARC-Authentication-Results: i=%d; x.test; none' % i]
    fields += ['From: a@' + '.'.join(str(i) for i in range(11)) + '.evil.test']
    return '\r\n'.join(fields).encode() + b'\r\n\r\n' + body


@pytest.mark.parametrize('large', [False, True])
@pytest.mark.parametrize('sets', [0, 2, 5, 10, 50])
def test_no_message_costs_more_than_60_questions(large, sets):
    server = FakeDNS(hostile_zone(large))
    server.start()
    try:
        p = check(server, 'message', '--ip', '192.0.2.1', '--helo', 'helo.evil.test', '--mail-from', 'x@evil.test',
                  message=hostile_message(sets))
        assert p.returncode in (0, 1, 75) and b'disposition=' in p.stdout
        assert 30 <= len(server.queries) <= 60
    finally:
        server.stop()


def test_a_header_section_has_its_limits(dns):
    assert judged(dns, hostile_message(0, 2500))[1].startswith('disposition=reject reply="552 5.3.4 ')
