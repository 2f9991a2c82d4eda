"""Hostile records and messages, through `postern check`: each ends in the error that its RFC has for it, and what it costs
is counted: questions at the name server, and memory of the process."""
import base64, os, subprocess, sys

import pytest

import lab

sys.path.insert(0, os.path.join(lab.ROOT, 'tests', 'vectors', 'tools'))
from fakedns import FakeDNS  # noqa: E402

from test_check import SESSION  # noqa: E402

MEMORY = 48 << 10  # KiB beyond what a harmless message takes, whatever the build
BODY = b'Hello.\r\n'


class Liar(FakeDNS):
    """Answers, with records that would do, about another name than it was asked for."""

    def answer(self, packet, udp):
        reply = super().answer(packet, udp)
        return reply and reply.replace(b'\x04liar\x04test', b'\x04lIa_\x04test')


def run(dns, *words, message=b''):
    """(what it says, the questions it asked, KiB)"""
    dns.queries.clear()
    env = {name: value for name, value in os.environ.items() if not name.startswith('POSTERN_')}
    env['POSTERN_RESOLVER'] = '127.0.0.1:%d' % dns.port
    with subprocess.Popen([os.path.join(lab.BUILD, 'postern'), 'check', *words], env=env, cwd='/', stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        try:
            p.stdin.write(message)
            p.stdin.close()
        except BrokenPipeError:  # it had enough
            pass
        text = p.stdout.read().decode()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    assert p.returncode in (0, 1, 75)
    return text, len(dns.queries), usage.ru_maxrss


def serve(zone, kind=FakeDNS):
    dns = kind(dict({'harmless.test': [{'TXT': 'v=spf1 -all'}]}, **zone))
    dns.start()
    return dns


def chain(owner, links, end):
    names = [owner] + ['c%d.%s' % (i, owner) for i in range(links)]
    return dict([(a, [{'CNAME': b}]) for a, b in zip(names, names[1:])] + [(names[-1], end)])


# ---- SPF ----

ALL = [{'TXT': 'v=spf1 +all'}]
SPF = {
    'a record that includes itself': ('permerror', 1, {'x.test': [{'TXT': 'v=spf1 include:x.test -all'}]}),
    'a circle of includes and redirects': ('permerror', 3, {
        'x.test': [{'TXT': 'v=spf1 include:y.test'}], 'y.test': [{'TXT': 'v=spf1 redirect=z.test'}],
        'z.test': [{'TXT': 'v=spf1 include:x.test'}]}),
    '111 MX hosts': ('permerror', 3, {'x.test': [{'TXT': 'v=spf1 mx +all'}] + [
        {'MX': [i, 'h%d.x.test' % i]} for i in range(111)]}),
    '111 names of the client': ('fail', 13, dict({'x.test': [{'TXT': 'v=spf1 ptr -all'}], '1.2.0.192.in-addr.arpa': [
        {'PTR': 'h%d.x.test' % i} for i in range(111)]}, **{'h%d.x.test' % i: [{'A': '10.0.0.1'}] for i in range(111)})),
    'names that nobody has': ('permerror', 4, {'x.test': [{'TXT': 'v=spf1 ' + ' '.join(
        'exists:%%{l}%d.x.test' % i for i in range(40)) + ' +all'}]}),
    'ten sets of ten hosts': ('permerror', 60, dict(
        {'x.test': [{'TXT': 'v=spf1 ' + ' '.join('mx:m%d.test' % i for i in range(10)) + ' +all'}]},
        **{'m%d.test' % i: [{'MX': [j, 'h%d.m%d.test' % (j, i)]} for j in range(10)] for i in range(10)},
        **{'h%d.m%d.test' % (j, i): [{'A': '10.0.0.1'}] for i in range(10) for j in range(10)})),
    '64 KB of networks': ('pass', 2, {'x.test': [{'TXT': 'v=spf1' + ' ip4:10.0.0.1' * 4600 + ' +all'}]}),
    '64 KB of terms that ask': ('permerror', 3, {'x.test': [{'TXT': 'v=spf1' + ' a' * 31000 + ' +all'}]}),
    '64 KB of macros': ('permerror', 2, {'x.test': [{'TXT': 'v=spf1 exists:' + '%{s}' * 15000 + ' +all'}]}),
    'a long chain of aliases': ('temperror', 18, chain('x.test', 200, ALL)),
    'an alias of itself': ('temperror', 2, {'x.test': [{'CNAME': 'x.test'}]}),
    'two records': ('permerror', 1, {'x.test': ALL * 2}),
    'two explanations': ('fail mechanism=all explanation=\n', 2, {
        'x.test': [{'TXT': 'v=spf1 -all exp=y.test'}], 'y.test': [{'TXT': 'a'}, {'TXT': 'b'}]}),
}


@pytest.mark.parametrize('name', SPF)
def test_spf(name):
    want, most, zone = SPF[name]
    dns = serve(zone)
    try:
        least = run(dns, 'spf', *SESSION, '--mail-from', 'a@harmless.test')[2]
        text, asked, memory = run(dns, 'spf', *SESSION, '--mail-from', 'a@x.test')
        assert text.startswith('result=' + want)
        assert asked <= most
        assert memory - least < MEMORY
    finally:
        dns.stop()


def test_spf_believes_no_answer_about_another_name():
    dns = serve({'liar.test': ALL}, Liar)
    try:
        text, asked, _ = run(dns, 'spf', *SESSION, '--mail-from', 'a@liar.test')
        assert text.startswith('result=temperror') and asked <= 4
    finally:
        dns.stop()


# ---- messages ----

KEY = 's._domainkey.x.test'
SIGNATURE = 'DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=s; h=from; bh=%s; b=%s\r\n' % (
    'x.test', base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(256)).decode())
FROM = 'From: a@x.test\r\n'


def der(tag, content):
    n = len(content)
    size = bytes([n]) if n < 128 else bytes([0x80 | (n.bit_length() + 7) // 8]) + n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag]) + size + content


def rsa(bits):
    """A key of that size, which nobody has the other half of."""
    return der(0x30, der(2, b'\0' + b'\xff' * (bits // 8)) + der(2, b'\1\0\1'))


def key(octets):
    return [{'TXT': 'v=DKIM1; p=' + base64.b64encode(octets).decode()}]


def reject(section, reply):
    return section, {}, 'disposition=reject reply="' + reply, 4


MESSAGES = {
    '5 000 signatures': reject(SIGNATURE * 5000 + FROM, '552 5.3.4 '),
    'as many signatures as fit': (SIGNATURE * 450 + FROM, {KEY: key(rsa(2048))}, 'dkim=fail', 12),
    'a key of 16 384 bits': (SIGNATURE + FROM, {KEY: key(rsa(16384))}, 'dkim=policy (the key is too large)', 8),
    'a key of 512 bits': (SIGNATURE + FROM, {KEY: key(rsa(512))}, 'dkim=policy (the key is too short)', 7),
    'garbage for a key': (SIGNATURE + FROM, {KEY: key(b'\x30\x84\xff\xff\xff\xff' * 9)}, 'dkim=permerror (malformed', 7),
    'a key record of 64 KB': (SIGNATURE + FROM, {KEY: key(bytes(48000))}, 'dkim=permerror (', 8),
    'two keys': (SIGNATURE + FROM, {KEY: key(rsa(2048)) * 2}, 'dkim=permerror (more than one key record)', 7),
    'aliases without an end for a key': (SIGNATURE + FROM, chain(KEY, 200, key(rsa(2048))), 'dkim=temperror', 24),
    'a key that is its own alias': (SIGNATURE + FROM, {KEY: [{'CNAME': KEY}]}, 'dkim=temperror', 8),
    'two policies': (FROM, {'_dmarc.x.test': [{'TXT': 'v=DMARC1; p=reject'}] * 2}, 'dmarc=none', 6),
    'a policy of 64 KB': (FROM, {'_dmarc.x.test': [{'TXT': 'v=DMARC1; p=reject; rua=' + 'mailto:a@x.test,' * 4000}]},
                          'dmarc=fail', 7),
    'a policy behind aliases without an end': (FROM, chain('_dmarc.x.test', 200, [{'TXT': 'v=DMARC1; p=none'}]),
                                               'dmarc=temperror', 24),
    'a field of 1 MB': reject('Subject: ' + 'x' * (1 << 20) + '\r\n' + FROM, '552 5.3.4 '),
    'a field of 1 MB, folded': reject('Subject: x\r\n' + ' xxxxxxx\r\n' * 105000 + FROM, '552 5.3.4 '),
    '200 000 addresses': reject('From: ' + 'a@x.test,\r\n ' * 200000 + '\r\n', '552 5.3.4 '),
    'as many addresses as fit': reject('From: ' + 'a@x.test,\r\n ' * 15000 + '\r\n', '550 5.6.0 '),
    'comments in comments': reject('From: ' + '(' * 60000 + ')' * 60000 + 'a@x.test\r\n', '550 5.6.0 '),
    'a domain of 60 labels': ('From: a@' + 'a.' * 60 + 'x.test\r\n', {}, 'dmarc=none', 12),
}


@pytest.mark.parametrize('name', MESSAGES)
def test_message(name):
    section, zone, want, most = MESSAGES[name]
    dns = serve(zone)
    words = ['message', *SESSION, '--mail-from', 'a@harmless.test']
    try:
        least = run(dns, *words, message=b'From: a@harmless.test\r\n\r\n' + BODY)[2]
        text, asked, memory = run(dns, *words, message=section.encode() + b'\r\n' + BODY)
        assert want in text
        assert asked <= most
        assert memory - least < MEMORY
    finally:
        dns.stop()
