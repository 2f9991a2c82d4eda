#!/usr/bin/python3
"""Writes cases.json beside it: messages signed with keys made for the day, each wrong or odd in one place.

The signing is written out here from RFC 6376 3.4, 3.5 and 3.7, so that the programs it tests have no part in it.
Run it after a change of the cases; the keys are thrown away.
"""
import base64, hashlib, json, os, re
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

NOW = 1800000000
DER = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
PKCS1 = serialization.Encoding.DER, serialization.PublicFormat.PKCS1
RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
RSA = {bits: rsa.generate_private_key(65537, bits) for bits in (512, 768, 1024, 2048, 4096, 4608)}
ED = ed25519.Ed25519PrivateKey.generate()
cases = []


def b64(octets):
    return base64.b64encode(octets).decode()


def public(key, form=None):
    form = form or (RAW if key is ED else DER)
    return b64(key.public_key().public_bytes(*form))


def record(key, tags='', form=None):
    return 'v=DKIM1; %s%sp=%s' % ('k=ed25519; ' if key is ED else '', tags, public(key, form))


def txt(*records):
    """One TXT record each, in strings of at most 255."""
    return [{'TXT': [r[i:i + 255] for i in range(0, len(r), 255)] or ['']} for r in records]


def canon_header(kind, field):
    if kind == 'simple':
        return field
    name, value = field.split(':', 1)
    value = re.sub(r'\r\n', '', value)
    return '%s:%s\r\n' % (name.rstrip(' \t').lower(), re.sub(r'[ \t]+', ' ', value).strip(' \t'))


def canon_body(kind, body):
    if kind == 'relaxed':
        body = re.sub(r'[ \t]+', ' ', body)
        body = re.sub(r' (?=\r\n|\Z)', '', body)
    body = re.sub(r'(\r\n)*\Z', '', body)
    return body + '\r\n' if body or kind == 'simple' else ''


def octets(text):
    return text.encode('utf-8')


def sign(fields, body, key=None, c='relaxed/relaxed', h='from:to:subject:date', d='example.com', s='sel', tags='',
         v='v=1; ', a=None, bh=None, l=None, b_first=False, name='DKIM-Signature', sha1=False, wrap=True, tail=''):
    """The signature's field over these fields and this body."""
    key = key or RSA[2048]
    hc, bc = (c.split('/') + ['simple'])[:2] if c else ('simple', 'simple')
    hashed = octets(canon_body(bc, body))
    hashed = hashed if l is None else hashed[:l]
    a = a or ('ed25519-sha256' if key is ED else 'rsa-sha1' if sha1 else 'rsa-sha256')
    digest = hashlib.sha1 if sha1 else hashlib.sha256
    bh = bh or b64(digest(hashed).digest())
    head = '%sa=%s; %sd=%s; s=%s; %s%s\r\n\th=%s; bh=%s' % (
        v, a, 'c=%s; ' % c if c else '', d, s, tags, '' if l is None else 'l=%d;' % l, h, bh)
    text = '%s: b=%%s; %s%s\r\n' % (name, head, tail) if b_first else '%s: %s;\r\n\tb=%%s%s\r\n' % (name, head, tail)
    left = list(fields)
    data = ''
    for want in (w.strip().lower() for w in h.split(':')):
        for i in reversed(range(len(left))):
            if left[i].split(':', 1)[0].strip(' \t').lower() == want:
                data += canon_header(hc, left.pop(i))
                break
    data = octets(data + canon_header(hc, text % '')[:-2])
    if key is ED:
        signature = key.sign(hashlib.sha256(data).digest())
    else:
        signature = key.sign(data, padding.PKCS1v15(), hashes.SHA1() if sha1 else hashes.SHA256())
    signature = b64(signature)
    if wrap:
        signature = '\r\n\t '.join(signature[i:i + 60] for i in range(0, len(signature), 60))
    return text % signature


FROM = 'From: Ann <ann@example.com>\r\n'
FIELDS = [FROM, 'To: bob@example.net\r\n', 'Subject: a  message \r\n', 'Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n']
BODY = 'Hello,\r\n\r\n  this is  a test. \r\n\r\n\r\n'
KEY = 'sel._domainkey.example.com'


def add(id, want, fields=None, body=BODY, zone=None, change=None, more=(), why='', signed=True, shown=None, **how):
    """A case: sign the fields, then let change() have the message."""
    fields = FIELDS if fields is None else fields
    key = how.get('key') or RSA[2048]
    text = ''.join([sign(fields, body, **how)] if signed else []) + ''.join(shown or fields) + '\r\n' + body
    text = change(text) if change else text
    all_zones = {KEY: txt(record(key))} if zone is None else zone
    case = {'id': id, 'message': text, 'time': NOW, 'zone': all_zones, 'why': why,
            'want': want if isinstance(want, dict) else {'dkim': [want]}}
    case.update(more)
    cases.append(case)


def swap(old, new, count=1):
    def change(text):
        assert old in text, (old, text)
        return text.replace(old, new, count)
    return change


def zone(*records):
    return {KEY: txt(*records)}


def oversigned_names(fields):
    return ':'.join(f.split(':')[0].lower() for f in fields) + ':from:subject'


# ---- DKIM: canonicalisation ----

FOLDED = [FROM, 'To:bob@example.net,\r\n\t\tcarl@example.net\r\n', 'SubJect  :  A \t b\r\n   c  \r\n',
          'Date:\r\n Fri, 15 Jan 2027 08:00:00 +0000\r\n', 'X-Empty:\r\n', 'X-Blank:  \r\n']
ALL = 'from:to:subject:date:x-empty:x-blank'
BODIES = {
    'plain': BODY, 'empty': '', 'one-crlf': '\r\n', 'crlfs': '\r\n\r\n\r\n', 'no-end': 'no end', 'blank-end': 'a\r\n \r\n\t\r\n',
    'space': ' ', 'space-line': ' \r\n', 'lead': '\r\n\r\nlate\r\n', 'tabs': '\ta\t\tb \t \r\n c\r\n', 'spaces-no-end': 'a  ',
    'bare-cr': 'a\rb\r\r\n', 'utf8': 'h\u00e9 \u65e5\r\n', 'dots': '.\r\n..\r\n', 'long': 'x ' * 6000 + '\r\n',
}
for c in ('simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed', 'simple', 'relaxed', None):
    name = (c or 'default').replace('/', '-')
    add('canon-fields-%s' % name, 'pass', FOLDED, c=c, h=ALL)
    add('canon-ed25519-%s' % name, 'pass', FOLDED, c=c, h=ALL, key=ED)
for c in ('simple/simple', 'relaxed/relaxed'):
    for name, body in BODIES.items():
        add('canon-body-%s-%s' % (name, c.split('/')[1]), 'pass', body=body, c=c)
add('canon-simple-body-last-crlfs', 'pass', c='simple/simple', change=lambda t: t + '\r\n\r\n')
add('canon-simple-body-crlf-for-nothing', 'pass', body='', c='simple/simple', change=lambda t: t + '\r\n')
add('canon-relaxed-body-nothing-for-crlfs', 'pass', body='\r\n\r\n', change=lambda t: t[:-4])
add('canon-relaxed-body-end-spaces', 'pass', change=swap('Hello,', 'Hello, \t'))
add('canon-relaxed-body-more-spaces', 'pass', change=swap('is  a', 'is \t a'))
add('canon-relaxed-body-new-space', 'bad', change=swap('Hello', 'Hel lo'))
add('canon-relaxed-body-lead-space', 'bad', change=swap('Hello', ' Hello'))
add('canon-simple-body-end-space', 'bad', c='simple/simple', change=swap('Hello,', 'Hello, '))
add('canon-simple-body-blank-end', 'bad', c='simple/simple', change=lambda t: t + ' \r\n')
add('canon-relaxed-fields-case-and-space', 'pass', change=swap('Subject: a  message \r\n', 'SUBJECT\t: a \r\n\tmessage\r\n'))
add('canon-simple-fields-case', 'bad', c='simple', change=swap('\r\nSubject: a', '\r\nsubject: a'))
add('canon-simple-fields-fold', 'bad', c='simple', change=swap('a  message', 'a\r\n  message'))
add('canon-unknown', 'bad', change=swap('c=relaxed/relaxed', 'c=nofws/relaxed'))
add('canon-relaxed-own-field-refolded', 'pass', change=swap('; d=', ';\r\n\t  d='))
add('canon-simple-own-field-refolded', 'bad', c='simple/simple', change=swap('; d=', ';\r\n d='))

# ---- DKIM: which fields ----

TWO = [FROM, 'To: bob@example.net\r\n', 'Received: a\r\n', 'Received: b\r\n']
add('fields-last-of-two', 'pass', TWO, h='from:received', change=swap('Received: a', 'Received: z'))
add('fields-last-of-two-changed', 'bad', TWO, h='from:received', change=swap('Received: b', 'Received: z'))
add('fields-both-of-two', 'pass', TWO, h='from:received:received')
add('fields-both-exchanged', 'bad', TWO, h='from:received:received',
    change=swap('Received: a\r\nReceived: b', 'Received: b\r\nReceived: a'))
add('fields-oversigned', 'pass', h=oversigned_names(FIELDS))
add('fields-oversigned-subject-added', 'bad', h=oversigned_names(FIELDS), change=swap('From:', 'Subject: b\r\nFrom:'))
add('fields-unsigned-subject-above', 'pass', change=swap('From:', 'Subject: b\r\nFrom:'))
add('fields-unsigned-subject-below', 'bad', change=swap('Date:', 'Subject: b\r\nDate:'))
add('fields-absent-signed-then-added', 'bad', h='from:to:cc', change=swap('To:', 'Cc: x@example.org\r\nTo:'))
add('fields-from-twice', 'bad', change=swap('From:', 'From: Eve <eve@example.org>\r\nFrom:'),
    why='RFC 6376 8.15: the reader sees the other one')
add('fields-from-twice-below', 'bad', change=swap('To:', 'From: Eve <eve@example.org>\r\nTo:'))
add('fields-from-not-signed', 'bad', h='to:subject:date')
add('fields-only-from', 'pass', h='from')
add('fields-h-with-case-and-space', 'pass', h='FROM : To:\r\n\t subject\t:date')
add('fields-h-empty', 'bad', h='from', change=swap('h=from', 'h='))
add('fields-h-odd-names', 'pass', h='from:x-a_b!#:list-id')
add('fields-h-reordered', 'bad', h='from:to:subject', change=swap('h=from:to', 'h=to:from'))
add('fields-subject-changed', 'bad', change=swap('a  message', 'another message'))
add('fields-unsigned-added', 'pass', change=swap('From:', 'X-New: 1\r\nFrom:'))
add('fields-long', 'pass', [FROM, 'To: ' + ',\r\n '.join('u%d@example.net' % i for i in range(800)) + '\r\n'], h='from:to')
add('fields-eight-bit', 'pass', [FROM, 'Subject: h\u00e9 \u65e5\u672c\r\n'], h='from:subject')

# ---- DKIM: tags of the signature ----

for id, old, new in [
    ('v-2', 'v=1;', 'v=2;'), ('v-1-0', 'v=1;', 'v=1.0;'), ('v-empty', 'v=1;', 'v=;'), ('d-missing', ' d=example.com;', ''),
    ('s-missing', ' s=sel;', ''), ('a-missing', 'a=rsa-sha256; ', ''), ('a-unknown', 'a=rsa-sha256', 'a=rsa-sha512'),
    ('a-empty', 'a=rsa-sha256', 'a='), ('bh-missing', '; bh=', '; xbh='), ('b-missing', '\tb=', '\tbb='),
    ('h-missing', '\th=', '\thh='), ('d-twice', ' d=example.com;', ' d=example.com; d=example.com;'),
    ('tag-twice', ' s=sel;', ' s=sel; n=a; n=b;'), ('tag-without-value', ' s=sel;', ' s=sel; junk;'),
    ('tag-name-odd', ' s=sel;', ' s=sel; 1a=b;'), ('tag-empty', ' s=sel;', ' s=sel;;'), ('d-odd', 'd=example.com', 'd=exam ple.com'),
    ('d-other', 'd=example.com', 'd=example.org'), ('d-dot', 'd=example.com', 'd=.example.com'), ('bh-wrong', '; bh=', '; bh=AAAA'),
    ('b-not-base64', '\tb=', '\tb=*'), ('upper-case-names', ' d=', ' D='), ('s-empty', 's=sel', 's='),
]:
    add('tag-' + id, 'bad', change=swap(old, new))
add('tag-v-missing', 'bad', v='')
add('tag-v-last', 'pass', v='', tags='v=1; ')
add('tag-v-2-signed', 'bad', v='v=2; ')
add('tag-d-twice-signed', 'bad', tags='d=example.com; ')
add('tag-unknown', 'pass', tags='zz=1; foo_1=b a r; ')
add('tag-z', 'pass', tags='z=From:ann@example.com|Subject:a=20b; ')
add('tag-z-with-b', 'pass', tags='z=Subject:b=3Dx; ')
add('tag-unknown-with-b', 'pass', tags='note=see b=here; ')
add('tag-quotes-and-parentheses', 'pass', tags='note=it\'s "a (b\\; ')
add('tag-b-first', 'pass', b_first=True)
add('tag-b-one-line', 'pass', wrap=False)
add('tag-last-semicolon', 'pass', tail=';')
add('tag-last-semicolon-and-space', 'pass', tail='; ')
add('tag-spaces', 'pass', v='v =\r\n 1 ; ', d=' example.com ', s='\tsel', tags='q = dns/txt ; ')
add('tag-name-in-capitals', 'pass', name='DKIM-SIGNATURE')
add('tag-name-then-space', 'pass', name='dkim-signature ')
add('tag-b-emptied', 'bad', change=lambda t: re.sub(r'\tb=[^;:]*?\r\n(?=\S)', '\tb=\r\n', t, 1))
add('tag-b-cut', 'bad', wrap=False, change=lambda t: re.sub(r'(\tb=.{40}).*\r\n', r'\1\r\n', t, 1))
add('tag-q-other', 'bad', tags='q=dns/other; ')
add('tag-q-two', 'pass', tags='q=dns/other:dns/txt; ')
add('tag-a-case', 'pass', a='RSA-SHA256')
add('tag-d-case', 'pass', d='Example.COM', zone={KEY: txt(record(RSA[2048]))})
add('tag-d-top', 'bad', d='com', zone={'sel._domainkey.com': txt(record(RSA[2048]))}, why='RFC 6376 6.1.1')
add('tag-s-of-two-labels', 'pass', s='a.b', zone={'a.b._domainkey.example.com': txt(record(RSA[2048]))})
add('tag-s-underscore', 'pass', s='a_b', zone={'a_b._domainkey.example.com': txt(record(RSA[2048]))})
add('tag-d-idn', 'pass', [FROM.replace('example.com', 'xn--bcher-kva.example')], h='from', d='xn--bcher-kva.example',
    zone={'sel._domainkey.xn--bcher-kva.example': txt(record(RSA[2048]))})
add('tag-rsa-sha1', 'bad', sha1=True)
add('tag-rsa-sha1-key-says-so', 'bad', sha1=True, zone=zone(record(RSA[2048], 'h=sha1; ')))
for id, tags, want in [
    ('expired', 't=1799990000; x=1799999999; ', 'bad'), ('not-expired', 't=1799990000; x=1800000001; ', 'pass'),
    ('x-alone-expired', 'x=1; ', 'bad'), ('x-is-t', 't=1799990000; x=1799990000; ', 'bad'), ('t-hexadecimal', 't=0x10; ', 'bad'), ('x-before-t', 't=1799990000; x=1799980000; ', 'bad'),
    ('x-zero', 'x=0; ', 'bad'), ('t-long-ago', 't=1; ', 'pass'), ('t-soon', 't=1800000300; ', 'pass'),
    ('t-far', 't=1900000000; ', 'bad'), ('t-odd', 't=yesterday; ', 'bad'), ('x-twelve-digits', 'x=999999999999; ', 'pass'),
    ('x-huge', 'x=99999999999999999999999; ', 'pass'), ('t-negative', 't=-1; ', 'bad'),
]:
    add('time-' + id, want, tags=tags)
for id, tags, want in [
    ('same', 'i=ann@example.com; ', 'pass'), ('below', 'i=@mail.example.com; ', 'pass'), ('above', 'i=ann@com; ', 'bad'),
    ('other', 'i=ann@example.org; ', 'bad'), ('looks-below', 'i=ann@badexample.com; ', 'bad'), ('no-at', 'i=example.com; ', 'bad'),
    ('case', 'i=ANN@EXAMPLE.COM; ', 'pass'), ('quoted', 'i="a=40b"@example.com; ', 'pass'), ('empty', 'i=; ', 'bad'),
]:
    add('identity-' + id, want, tags=tags)
    strict = 'pass' if id in ('same', 'case', 'quoted') else 'bad'
    add('identity-%s-strict-key' % id, strict, tags=tags, zone=zone(record(RSA[2048], 't=s; ')))
add('identity-none-strict-key', 'pass', zone=zone(record(RSA[2048], 't=y:s; ')))
whole = len(octets(canon_body('relaxed', BODY)))
add('length-exact', 'pass', l=whole)
add('length-too-long', 'bad', l=whole, change=swap('l=%d' % whole, 'l=%d' % (whole + 1)))
add('length-beyond-body-signed', 'bad', l=whole + 1)
add('length-short', 'any', l=5, why='fits, and leaves a part of the body unsigned')
add('length-zero', 'any', l=0)
add('length-body-changed-within', 'bad', l=5, change=swap('Hello', 'Jello'))
add('length-odd', 'bad', tags='l=five; ')
add('length-negative', 'bad', tags='l=-1; ')
add('length-huge', 'bad', tags='l=%s; ' % ('9' * 76))
add('length-empty-body', 'pass', body='', l=0)
add('body-changed', 'bad', change=swap('Hello', 'Jello'))
add('body-appended', 'bad', change=lambda t: t + 'more\r\n')

# ---- DKIM: keys ----

KEY_2048 = public(RSA[2048])
for id, text, want in [
    ('plain', record(RSA[2048]), 'pass'), ('without-v', 'k=rsa; p=' + KEY_2048, 'pass'), ('p-alone', 'p=' + KEY_2048, 'pass'),
    ('v-not-first', 'k=rsa; v=DKIM1; p=' + KEY_2048, 'bad'), ('v-2', 'v=DKIM2; p=' + KEY_2048, 'bad'),
    ('v-lower-case', 'v=dkim1; p=' + KEY_2048, 'bad'), ('revoked', 'v=DKIM1; k=rsa; p=', 'bad'),
    ('revoked-semicolon', 'v=DKIM1; p=; ', 'bad'), ('p-missing', 'v=DKIM1; k=rsa', 'bad'), ('garbage', 'hello', 'bad'),
    ('empty', '', 'bad'), ('tag-twice', record(RSA[2048]) + '; k=rsa; k=rsa', 'bad'), ('not-base64', 'v=DKIM1; p=***', 'bad'),
    ('not-a-key', 'v=DKIM1; p=AAAA', 'bad'), ('pkcs1', record(RSA[2048], '', PKCS1), 'pass'),
    ('spaces', 'v = DKIM1 ; k = rsa ; p = ' + ' '.join(KEY_2048[i:i + 40] for i in range(0, len(KEY_2048), 40)) + ' ', 'pass'),
    ('last-semicolon', record(RSA[2048]) + ';', 'pass'), ('notes', record(RSA[2048], 'n=a=20note of ours; '), 'pass'),
    ('notes-odd', record(RSA[2048], 'n=it\'s "a (b\\; '), 'pass'), ('granularity', record(RSA[2048], 'g=; '), 'pass'), ('unknown-tag', record(RSA[2048], 'zz=1; '), 'pass'),
    ('k-other', record(RSA[2048], 'k=dsa; '), 'bad'), ('k-ed25519', record(RSA[2048], 'k=ed25519; '), 'bad'),
    ('k-case', record(RSA[2048], 'k=RSA; '), 'pass'), ('k-empty', record(RSA[2048], 'k=; '), 'bad'),
    ('h-sha256', record(RSA[2048], 'h=sha256; '), 'pass'), ('h-sha1', record(RSA[2048], 'h=sha1; '), 'bad'),
    ('h-both', record(RSA[2048], 'h=sha1 : sha256; '), 'pass'), ('h-empty', record(RSA[2048], 'h=; '), 'bad'),
    ('h-other', record(RSA[2048], 'h=sha512; '), 'bad'), ('s-email', record(RSA[2048], 's=email; '), 'pass'),
    ('s-star', record(RSA[2048], 's=*; '), 'pass'), ('s-list', record(RSA[2048], 's=tlsrpt:email; '), 'pass'),
    ('s-other', record(RSA[2048], 's=tlsrpt; '), 'bad'), ('s-empty', record(RSA[2048], 's=; '), 'bad'),
    ('t-y', record(RSA[2048], 't=y; '), 'pass'), ('t-unknown', record(RSA[2048], 't=q:z; '), 'pass'),
    ('other-key', record(RSA[1024]), 'bad'), ('ed25519-for-rsa', record(ED), 'bad'),
    ('upper-case-tags', 'V=DKIM1; P=' + KEY_2048, 'bad'), ('quotes', '"v=DKIM1; p=%s"' % KEY_2048, 'bad'),
    ('backslashes', 'v=DKIM1\\; k=rsa\\; p=' + KEY_2048, 'bad'),
]:
    add('key-' + id, want, zone=zone(text))
for bits, key in RSA.items():
    want = 'pass' if 1024 <= bits <= 4096 else 'any' if bits > 4096 else 'bad'
    add('key-rsa-%d' % bits, want, key=key, why='RFC 8301 3.2')
add('key-ed25519-in-spki', 'bad', key=ED, zone=zone(record(ED, '', DER)), why='RFC 8463 4.2: the octets themselves')
add('key-ed25519-without-padding', 'pass', key=ED, zone=zone(record(ED).rstrip('=')))
add('key-ed25519-short', 'bad', key=ED, zone=zone('v=DKIM1; k=ed25519; p=' + b64(b'short')))
add('key-ed25519-without-k', 'bad', key=ED, zone=zone('v=DKIM1; p=' + public(ED)))
add('key-two-alike', 'bad', zone=zone(record(RSA[2048]), record(RSA[2048])), why='RFC 6376 3.6.2.2')
add('key-two-of-rsa', 'bad', zone=zone(record(RSA[1024]), record(RSA[2048])))
add('key-beside-other-text', 'pass', zone=zone('v=spf1 -all', record(RSA[2048])))
add('key-beside-other-algorithm', 'pass', zone=zone(record(ED), record(RSA[2048])))
add('key-in-small-strings', 'pass', zone={KEY: [{'TXT': [record(RSA[2048])[i:i + 7] for i in range(0, 400, 7)]}]})
add('key-by-cname', 'pass', zone={KEY: [{'CNAME': 'k.example.net'}], 'k.example.net': txt(record(RSA[2048]))})
add('key-by-cname-to-nothing', 'bad', zone={KEY: [{'CNAME': 'k.example.net'}]})
add('key-by-wildcard', 'pass', zone={'*._domainkey.example.com': txt(record(RSA[2048]))})
add('key-none', 'bad', zone={})
add('key-nodata', 'bad', zone={KEY: [{'A': '192.0.2.1'}]})
add('key-servfail', 'temp', zone={KEY: [{'RCODE': 2}]})
add('key-refused', 'temp', zone={KEY: [{'RCODE': 5}]})
add('key-timeout', 'temp', zone={KEY: ['TIMEOUT']})
add('key-cname-loop', {'dkim': ['any']}, zone={KEY: [{'CNAME': KEY}]})
ED_KEY = {'ed._domainkey.example.com': txt(record(ED))}
BOTH = {**ED_KEY, **zone(record(RSA[2048]))}
add('signatures-two', {'dkim': ['pass', 'pass']}, zone=BOTH,
    change=lambda t: sign(FIELDS, BODY, key=ED, s='ed') + t)
add('signatures-one-of-two', {'dkim': ['pass', 'bad']}, zone=BOTH,
    change=lambda t: sign(FIELDS, 'other', key=ED, s='ed') + t)
add('signatures-signed-too', {'dkim': ['pass', 'pass']}, zone=BOTH,
    change=lambda t: sign([t.split('From:')[0]] + FIELDS, BODY, key=ED, s='ed', h='from:dkim-signature') + t)
add('signatures-six', {'dkim': ['pass'] * 5 + ['any']}, change=lambda t: sign(FIELDS, BODY) * 5 + t)
add('signatures-none', {'dkim': []}, signed=False)
add('signature-below-from', 'pass', change=lambda t: FROM + t.replace(FROM, '', 1))
add('signature-folded-name-line', 'pass', change=None, v='\r\n\tv=1; ')

# ---- DMARC ----

SPF = {'TXT': 'v=spf1 ip4:192.0.2.200 -all'}


def dmarc(id, want, records, author='ann@example.com', mail_from='ann@example.com', field=None, fields=None, policy=None,
          queries=None, d=None, helo='client.invalid', spf=(), zone=(), why='', existing=()):
    """SPF passes for mail_from's domain; with d= a signature of that domain passes, too."""
    fields = fields or [field or 'From: %s\r\n' % author, 'To: bob@example.net\r\n', 'Subject: a\r\n']
    names = {'_dmarc.' + k: txt(*([v] if isinstance(v, str) else v)) for k, v in records.items()}
    names.update({k: [{'A': '192.0.2.1'}] for k in existing})
    for k in list(spf) + [(mail_from or '@' + helo).rsplit('@')[-1]]:
        names.setdefault(k, []).append(SPF)
    if d:
        names['sel._domainkey.' + d] = txt(record(RSA[2048]))
    names.update(zone)
    wanted = {'dmarc': want.split('|')}
    if policy:
        wanted['policy'] = policy.split('|')
    if queries is not None:
        wanted['queries'] = {'type': 'TXT', 'prefix': '_dmarc.', 'names': ['_dmarc.' + q for q in queries]}
    add('dmarc-' + id, wanted, fields, zone=names, signed=bool(d), d=d or '', h='from:to:subject', why=why,
        more={'mailfrom': mail_from, 'helo': helo})


P = 'v=DMARC1; p=reject'
OTHER = 'x@other.example'
REJECT = {'example.com': P}
dmarc('spf-equal', 'pass', REJECT, policy='reject', queries=['example.com'])
dmarc('spf-other', 'fail', REJECT, mail_from=OTHER, policy='reject')
dmarc('spf-relaxed-below', 'pass', REJECT, mail_from='x@bounce.example.com')
dmarc('spf-relaxed-above', 'pass', REJECT, author='ann@news.example.com')
dmarc('spf-relaxed-sibling', 'pass', REJECT, author='ann@news.example.com', mail_from='x@bounce.example.com')
dmarc('spf-strict-below', 'fail', {'example.com': P + '; aspf=s'}, mail_from='x@bounce.example.com')
dmarc('spf-strict-equal', 'pass', {'example.com': P + '; aspf=s'})
dmarc('spf-strict-case', 'pass', {'example.com': P + '; aspf=S'}, mail_from='x@EXAMPLE.com', author='a@Example.COM')
dmarc('spf-looks-below', 'fail', REJECT, mail_from='x@badexample.com')
dmarc('spf-softfail', 'fail', REJECT, zone={'example.com': [{'TXT': 'v=spf1 ~all'}]})
dmarc('spf-neutral', 'fail', REJECT, zone={'example.com': [{'TXT': 'v=spf1 ?all'}]})
dmarc('null-path-helo', 'pass', REJECT, mail_from='', helo='mail.example.com')
dmarc('null-path-helo-other', 'fail', REJECT, mail_from='', helo='mail.example.net')
dmarc('helo-does-not-count-with-mail-from', 'fail', REJECT, mail_from=OTHER, helo='example.com', spf=['example.com'],
      why='RFC 9989 4.4.2: the MAIL FROM identity')
dmarc('dkim-equal', 'pass', REJECT, mail_from=OTHER, d='example.com')
dmarc('dkim-below', 'pass', REJECT, mail_from=OTHER, d='news.example.com')
dmarc('dkim-above', 'pass', REJECT, author='ann@news.example.com', mail_from=OTHER, d='example.com')
dmarc('dkim-strict-below', 'fail', {'example.com': P + '; adkim=s'}, mail_from=OTHER, d='news.example.com')
dmarc('dkim-strict-spf-relaxed', 'pass', {'example.com': P + '; adkim=s'}, mail_from='x@b.example.com', d='b.example.com')
dmarc('dkim-top', 'fail', REJECT, mail_from=OTHER, d='com')
dmarc('dkim-other', 'fail', REJECT, mail_from=OTHER, d='example.net')
dmarc('adkim-unknown-is-relaxed', 'pass', {'example.com': P + '; adkim=x'}, mail_from=OTHER, d='b.example.com')

# which policy
SUB = dict(author='ann@a.example.com', mail_from=OTHER)
dmarc('sp', 'fail', {'example.com': P + '; sp=none'}, existing=['a.example.com'], policy='none', **SUB)
dmarc('sp-not-for-itself', 'fail', {'example.com': P + '; sp=none'}, mail_from=OTHER, policy='reject')
dmarc('sp-on-the-author-domain-itself', 'fail', {'a.example.com': P + '; sp=none', 'example.com': 'v=DMARC1; p=none'},
      policy='reject', **SUB)
dmarc('np', 'fail', {'example.com': 'v=DMARC1; p=none; sp=quarantine; np=reject'}, policy='reject', **SUB)
dmarc('np-but-it-exists', 'fail', {'example.com': 'v=DMARC1; p=none; sp=quarantine; np=reject'}, policy='quarantine',
      existing=['a.example.com'], **SUB)
dmarc('np-but-something-is-below-it', 'fail', {'example.com': 'v=DMARC1; p=none; sp=quarantine; np=reject'},
      policy='quarantine', existing=['b.a.example.com'], **SUB)
dmarc('np-without-sp', 'fail', {'example.com': 'v=DMARC1; p=none; np=reject'}, policy='none', existing=['a.example.com'], **SUB)
dmarc('sp-without-np', 'fail', {'example.com': 'v=DMARC1; p=none; sp=reject'}, policy='reject', **SUB)
dmarc('p-alone', 'fail', {'example.com': 'v=DMARC1; p=quarantine'}, policy='quarantine', **SUB)
dmarc('t-reject', 'fail', {'example.com': P + '; t=y'}, mail_from=OTHER, policy='quarantine|reject')
dmarc('t-n', 'fail', {'example.com': P + '; t=n'}, mail_from=OTHER, policy='reject')
dmarc('t-unknown', 'fail', {'example.com': P + '; t=z'}, mail_from=OTHER, policy='reject')
dmarc('pct-is-gone', 'fail', {'example.com': P + '; pct=0'}, mail_from=OTHER, policy='reject')
PSD = {'com': 'v=DMARC1; p=reject; psd=y; sp=quarantine; np=reject'}
dmarc('psd-policy', 'fail', PSD, existing=['example.com'], mail_from=OTHER, policy='quarantine')
dmarc('psd-policy-for-none', 'fail', PSD, zone={'com': [{'A': '192.0.2.1'}]}, mail_from=OTHER, policy='reject')
dmarc('psd-organizational-has-its-own', 'fail', {**PSD, 'example.com': 'v=DMARC1; p=none'}, policy='none', **SUB)
dmarc('psd-aligns-below-only', 'fail', PSD, existing=['example.com'], mail_from='x@example2.com')
dmarc('psd-aligns-in-one-organization', 'pass', PSD, existing=['a.example.com'], author='a@a.example.com')
dmarc('psd-n-ends-the-walk', 'fail', {'a.example.com': P + '; psd=n', 'example.com': P}, author='x@b.a.example.com',
      mail_from='x@example.com', queries=['b.a.example.com', 'a.example.com'])
dmarc('psd-n-alignment', 'pass', {'a.example.com': P + '; psd=n', 'example.com': P}, author='x@b.a.example.com',
      mail_from='x@a.example.com')

# which record
dmarc('none', 'none', {}, policy='none', queries=['example.com', 'com'])
dmarc('two-records', 'none', {'example.com': [P, P]}, mail_from=OTHER)
dmarc('two-records-parent-has-one', 'fail', {'a.example.com': [P, P], 'example.com': 'v=DMARC1; p=quarantine'},
      policy='quarantine', **SUB)
dmarc('beside-other-text', 'fail', {'example.com': ['v=spf1 -all', P]}, mail_from=OTHER, policy='reject')
dmarc('p-missing', 'none', {'example.com': 'v=DMARC1'}, mail_from=OTHER)
dmarc('p-missing-with-rua', 'fail', {'example.com': 'v=DMARC1; rua=mailto:a@example.com'}, mail_from=OTHER, policy='none')
dmarc('p-unknown', 'none', {'example.com': 'v=DMARC1; p=bogus'}, mail_from=OTHER)
dmarc('p-unknown-with-rua', 'fail', {'example.com': 'v=DMARC1; p=bogus; rua=mailto:a@example.com'}, mail_from=OTHER,
      policy='none')
dmarc('sp-unknown-with-rua', 'fail', {'example.com': P + '; sp=x; rua=mailto:a@example.com'}, mail_from=OTHER, policy='none')
dmarc('sp-unknown', 'none', {'example.com': P + '; sp=x'}, mail_from=OTHER)
dmarc('p-last', 'fail', {'example.com': 'v=DMARC1; rua=mailto:a@example.com; p=reject'}, mail_from=OTHER, policy='reject')
dmarc('p-case', 'fail', {'example.com': 'v=DMARC1; p=REJECT'}, mail_from=OTHER, policy='reject')
dmarc('tag-case', 'fail', {'example.com': 'v=DMARC1; P=reject'}, mail_from=OTHER, policy='reject')
dmarc('spaces', 'fail', {'example.com': 'v = DMARC1 ;  p\t= reject ; '}, mail_from=OTHER, policy='reject')
dmarc('no-spaces', 'fail', {'example.com': 'v=DMARC1;p=reject;'}, mail_from=OTHER, policy='reject')
dmarc('v-case', 'none', {'example.com': 'v=dmarc1; p=reject'}, mail_from=OTHER)
dmarc('v-not-first', 'none', {'example.com': 'p=reject; v=DMARC1'}, mail_from=OTHER)
dmarc('v-other', 'none', {'example.com': 'v=DMARC2; p=reject'}, mail_from=OTHER)
dmarc('v-longer', 'none', {'example.com': 'v=DMARC1x; p=reject'}, mail_from=OTHER)
dmarc('junk-tags', 'fail', {'example.com': P + '; foo; =; x=; zz=1'}, mail_from=OTHER, policy='reject')
dmarc('in-strings', 'fail', {}, zone={'_dmarc.example.com': [{'TXT': ['v=DMA', 'RC1; p=rej', 'ect']}]}, mail_from=OTHER,
      policy='reject')
dmarc('by-cname', 'fail', {}, zone={'_dmarc.example.com': [{'CNAME': 'd.example.net'}], 'd.example.net': txt(P)},
      mail_from=OTHER, policy='reject')
dmarc('wildcard', 'fail', {}, zone={'*.example.com': txt(P)}, mail_from=OTHER, policy='reject', author='a@b.example.com')
dmarc('servfail', 'temperror', {}, zone={'_dmarc.example.com': [{'RCODE': 2}]}, mail_from=OTHER)
dmarc('timeout', 'temperror', {}, zone={'_dmarc.example.com': ['TIMEOUT']}, mail_from=OTHER)
dmarc('servfail-above', 'temperror', {}, zone={'_dmarc.com': [{'RCODE': 2}]}, mail_from=OTHER)
dmarc('servfail-above-a-record', 'fail', REJECT, zone={'_dmarc.com': [{'RCODE': 2}]}, mail_from=OTHER, policy='reject')
LOST = {'sel._domainkey.example.com': [{'RCODE': 2}]}
dmarc('dkim-servfail', 'temperror', REJECT, mail_from=OTHER, d='example.com', policy='reject', zone=LOST, why='RFC 9989 5.3.6')
dmarc('dkim-servfail-above', 'temperror', REJECT, author='ann@news.example.com', mail_from=OTHER, d='example.com', zone=LOST)
dmarc('dkim-servfail-strict-above', 'fail', {'example.com': P + '; adkim=s'}, author='ann@news.example.com', mail_from=OTHER,
      d='example.com', zone=LOST)
dmarc('dkim-servfail-spf-passes', 'pass', REJECT, d='example.com', zone=LOST)
dmarc('dkim-servfail-of-another', 'fail', REJECT, mail_from=OTHER, d='example.net', policy='reject',
      zone={'sel._domainkey.example.net': [{'RCODE': 2}]})
dmarc('spf-servfail', 'temperror', REJECT, policy='reject', zone={'example.com': [{'RCODE': 2}]})
dmarc('spf-servfail-of-another', 'fail', REJECT, mail_from=OTHER, zone={'other.example': [{'RCODE': 2}]})
dmarc('spf-servfail-dkim-passes', 'pass', REJECT, d='example.com', zone={'example.com': [{'RCODE': 2}]})
dmarc('spf-servfail-another-organization', 'fail', {'com': P + '; psd=y'}, existing=['example.com'], mail_from='x@example2.com',
      zone={'example2.com': [{'RCODE': 2}]})
dmarc('servfail-above-what-may-align', 'temperror', REJECT, mail_from=OTHER, d='news.example.com', policy='reject',
      zone={'_dmarc.com': [{'RCODE': 2}]})
dmarc('servfail-of-what-may-align', 'temperror', REJECT, mail_from=OTHER, d='news.example.com', policy='reject',
      zone={'_dmarc.news.example.com': [{'RCODE': 2}]})
dmarc('servfail-of-one-another-aligns', 'pass', REJECT, mail_from='x@bounce.example.com', d='news.example.com',
      zone={'_dmarc.news.example.com': [{'RCODE': 2}]})
dmarc('existence-servfail', 'temperror', {'example.com': P + '; np=none'}, zone={'a.example.com': [{'RCODE': 2}]}, **SUB)


def parents(name):
    labels = name.split('.')
    rest = labels[1:] if len(labels) <= 8 else labels[-7:]
    return [name] + ['.'.join(rest[i:]) for i in range(len(rest))]


for n in range(1, 13):
    name = '.'.join(list('abcdefghijkl')[12 - n:])
    dmarc('walk-of-%d-labels' % n, 'none', {}, author='x@' + name, mail_from=OTHER, queries=parents(name))
DEEP = 'a.b.c.d.e.f.g.h.i.j.example.com'
dmarc('walk-finds-at-seven', 'fail', {'f.g.h.i.j.example.com': P}, author='x@' + DEEP, mail_from=OTHER, policy='reject')
dmarc('walk-passes-over-eight', 'none', {'e.f.g.h.i.j.example.com': P}, author='x@' + DEEP, mail_from=OTHER)
dmarc('walk-prefers-the-top', 'fail', {'j.example.com': P, 'example.com': 'v=DMARC1; p=none; sp=quarantine'},
      author='x@' + DEEP, mail_from=OTHER, policy='quarantine')

# whose message it is
for id, field, want in [
    ('name', 'From: "Bank, The" <ann@example.com>', 'fail'), ('comment', 'From: ann(a)@(b (c) "x")example.com (d@e.example)', 'fail'),
    ('folded', 'From:\r\n Ann\r\n\t<ann@example.com>', 'fail'), ('encoded', 'From: =?utf-8?q?A=40b?= <ann@example.com>', 'fail'),
    ('capitals', 'FROM: ann@EXAMPLE.COM', 'fail'), ('space-before-colon', 'From : ann@example.com', 'fail'),
    ('quoted', 'From: "a b"@example.com', 'fail'), ('quoted-at', 'From: "ann@other.example"@example.com', 'none'),
    ('two-same', 'From: a@example.com, b@example.com', 'fail'), ('two-other', 'From: a@example.com, b@example.net', 'none'),
    ('group', 'From: all: a@example.com;', 'none'), ('empty-group', 'From: nobody:;', 'none'), ('empty', 'From: ', 'none'),
    ('no-address', 'From: Ann', 'none'), ('behind', 'From: <ann@example.com> x@other.example', 'none'),
    ('behind-comment', 'From: <ann@example.com> (x@other.example)', 'fail'), ('two-brackets', 'From: <a@example.com> <b@example.net>', 'none'),
    ('nested', 'From: <<ann@example.com>>', 'none'), ('address-as-name', 'From: x@other.example <ann@example.com>', 'none'),
    ('address-as-quoted-name', 'From: "x@other.example" <ann@example.com>', 'fail'), ('literal', 'From: a@[192.0.2.1]', 'none'),
    ('dot', 'From: a@example.com.', 'fail'), ('folded-name', 'From\r\n : ann@example.com', 'none'), ('no-domain', 'From: ann@', 'none'), ('no-local', 'From: @example.com', 'none'),
    ('open-quote', 'From: "Ann <ann@example.com>', 'none'), ('open-comment', 'From: Ann (x <ann@example.com>', 'none'),
    ('open-bracket', 'From: Ann <ann@example.com', 'none'), ('nul', 'From: ann@example.com\0.other.example', 'none'),
    ('nul-in-name', 'From: A\0nn <ann@example.com>', 'none'), ('bare-cr', 'From: Ann\rFrom: x@other.example <ann@example.com>', 'none'),
    ('route', 'From: <@other.example:ann@example.com>', 'fail|none'), ('encoded-address', 'From: =?utf-8?q?=3Cann=40other.example=3E?= <ann@example.com>', 'fail|none'),
    ('encoded-all', 'From: =?utf-8?q?ann=40example=2Ecom?=', 'none'), ('percent', 'From: ann%other.example@example.com', 'fail|none'),
    ('semicolon', 'From: ann@example.com; b@example.com', 'none'), ('space-in-domain', 'From: ann@example .com', 'fail|none'),
    ('idn', 'From: ann@b\u00fccher.example', 'fail'), ('a-label', 'From: ann@xn--bcher-kva.example', 'fail'),
    ('local-utf8', 'From: \u00e4nn@example.com', 'none'), ('name-utf8', 'From: \u00c4nn <ann@example.com>', 'fail'),
    ('underscore', 'From: ann@a_b.example.com', 'fail'),
]:
    dmarc('from-' + id, want, {'example.com': P, 'xn--bcher-kva.example': P}, field=field + '\r\n', mail_from=OTHER)
dmarc('from-twice', 'none', REJECT, fields=[FROM, 'From: x@other.example\r\n'], mail_from=OTHER)
dmarc('from-twice-same', 'none', REJECT, fields=[FROM, FROM], mail_from=OTHER)
dmarc('from-missing', 'none', REJECT, fields=['To: bob@example.net\r\n'], mail_from=OTHER)
dmarc('from-sender-does-not-count', 'fail', REJECT, fields=[FROM, 'Sender: x@other.example\r\n'], mail_from=OTHER)
dmarc('from-resent-does-not-count', 'fail', REJECT, fields=['Resent-From: x@other.example\r\n', FROM], mail_from=OTHER)
dmarc('from-below-the-body', 'none', REJECT, fields=['Subject: a\r\n', '\r\n', FROM], mail_from=OTHER)
dmarc('from-behind-a-bad-line', 'none', REJECT, fields=['Subject: a\r\n', 'this is no field\r\n', FROM], mail_from=OTHER)

# ---- ARC ----

SEALER = 'lists.example.org'
SEALER_KEY = {'sel._domainkey.' + SEALER: txt(record(RSA[2048]))}


def seal(sets, i, cv, key=None, d=SEALER, tags='', alter=lambda t: t):
    """The seal's field over the sets that came before and this one's results and message signature."""
    key = key or RSA[2048]
    a = 'ed25519-sha256' if key is ED else 'rsa-sha256'
    text = alter('ARC-Seal: i=%d; a=%s; cv=%s; d=%s; s=sel; %st=1799999999;\r\n\tb=%%s\r\n' % (i, a, cv, d, tags))
    data = octets(''.join(canon_header('relaxed', f) for f in sets) + canon_header('relaxed', text % '')[:-2])
    if key is ED:
        return text % b64(key.sign(hashlib.sha256(data).digest()))
    return text % b64(key.sign(data, padding.PKCS1v15(), hashes.SHA256()))


def chain(fields, body, hops=1, saw='dmarc=pass header.from=example.com', cvs=None, h='from:to:subject', **how):
    """Fields of a chain above these: results, message signature and seal of each hop."""
    sets, above = [], ''
    for i in range(1, hops + 1):
        results = 'ARC-Authentication-Results: i=%d; mx.%s; %s\r\n' % (i, SEALER, saw)
        message = sign(fields, body, h=h, v='i=%d; ' % i, d=SEALER, name='ARC-Message-Signature',
                       **{k: v for k, v in how.items() if k in ('c', 'key', 'l', 'tags')})
        sets += [results, message]
        cv = (cvs or ['none'] + ['pass'] * hops)[i - 1]
        sets.append(seal(sets, i, cv, **{k[5:]: v for k, v in how.items() if k.startswith('seal_')}))
        above = sets[-1] + message + results + above
    return above


def arc(id, want, change=None, zone=None, body=BODY, fields=None, why='', **how):
    fields = fields or FIELDS
    add('arc-' + id, {'arc': [want]}, fields, body=body, signed=False, zone=SEALER_KEY if zone is None else zone, why=why,
        change=lambda t: (change or (lambda x: x))(chain(fields, body, **how) + t))


for n in (1, 2, 3, 50):
    arc('of-%d' % n, 'pass', hops=n)
arc('of-51', 'fail', hops=51)
arc('none', 'none', change=lambda t: t[t.index('From:'):])
for c in ('simple/simple', 'simple/relaxed', 'relaxed/simple'):
    arc('canon-' + c.replace('/', '-'), 'pass', c=c)
arc('ed25519', 'pass', key=ED, seal_key=ED, zone={'sel._domainkey.' + SEALER: txt(record(ED))})
arc('body-changed', 'fail', change=swap('Hello', 'Jello'))
arc('subject-changed', 'fail', change=swap('a  message', 'another'))
arc('results-changed', 'fail', change=swap('dmarc=pass', 'dmarc=fail'))
arc('results-of-the-first-hop-changed', 'fail', hops=3, change=lambda t: t[::-1].replace('ssap=cramd', 'liaf=cramd', 1)[::-1])
arc('seal-changed', 'fail', change=swap('t=1799999999', 't=1799999998'))
arc('cv-fail', 'fail', cvs=['fail'])
arc('cv-pass-at-first', 'fail', cvs=['pass'])
arc('cv-none-at-second', 'fail', hops=2, cvs=['none', 'none'])
arc('cv-fail-at-second', 'fail', hops=2, cvs=['none', 'fail'])
arc('cv-missing', 'fail', seal_alter=lambda t: t.replace('cv=none; ', ''))
arc('cv-case', 'pass', cvs=['None'])
arc('seal-with-h', 'fail', seal_tags='h=from; ')
arc('seal-missing', 'fail', change=lambda t: t[t.index('ARC-Message'):])
arc('message-missing', 'fail', change=lambda t: t.replace(t[t.index('ARC-Message'):t.index('ARC-Auth')], ''))
arc('results-missing', 'fail', change=lambda t: t.replace(t[t.index('ARC-Auth'):t.index('From:')], ''))
arc('results-twice', 'fail', change=lambda t: t[t.index('ARC-Auth'):t.index('From:')] + t)
arc('gap', 'fail', hops=3, change=lambda t: t.replace('i=2;', 'i=4;'))
arc('i-zero', 'fail', change=lambda t: t.replace('i=1;', 'i=0;'))
arc('order-does-not-matter', 'pass', hops=2,
    change=lambda t: ''.join(reversed(re.findall(r'ARC-.*?\r\n(?=\S)', t, re.S))) + t[t.index('From:'):])
arc('h-names-seal', 'fail', h='from:arc-seal')
arc('h-names-dkim', 'pass', h='from:dkim-signature')
arc('expired', 'fail', tags='x=1799999999; ')
arc('length-short', 'fail', l=5)
arc('key-none', 'fail', zone={})
arc('key-revoked', 'fail', zone={'sel._domainkey.' + SEALER: txt('v=DKIM1; p=')})
arc('key-other', 'fail', zone={'sel._domainkey.' + SEALER: txt(record(RSA[1024]))})
arc('key-short', 'fail', key=RSA[768], seal_key=RSA[768], zone={'sel._domainkey.' + SEALER: txt(record(RSA[768]))})

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'cases.json'), 'w') as out:
    json.dump({'source': 'written for this project by write.py', 'cases': cases}, out, indent=1)
    out.write('\n')
