"""Messages as the world sends them: senders whose SPF passes, each message with a DKIM signature of its own, a DMARC
policy that refuses, everything aligned. And the zones that say so."""
import base64, functools, multiprocessing, os, subprocess

import dkim

CLIENT, STRANGER, NAMESERVER = '192.0.2.7', '192.0.2.66', '192.0.2.53'  # RFC 5737: nobody's
SELECTOR, TTL = b's1', 300
HEADER = ('Received: from desk.{domain} (desk.{domain} [198.51.100.9])\r\n\tby mx.{domain} with ESMTPSA id n{number:06d};'
          '\r\n\tFri, 20 Nov 2026 14:20:03 +0000\r\nFrom: Ann <ann@{domain}>\r\nTo: you@ours.test\r\n'
          'Subject: number {number}\r\nDate: Fri, 20 Nov 2026 14:20:03 +0000\r\nMessage-ID: <{number}@{domain}>\r\n'
          'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n')


def domain_of(number):
    return 'd%02d.example' % number


def make_keys(count):
    """RSA-2048, one for each domain: (private PEM, record)."""
    keys = []
    for _ in range(count):
        private = subprocess.run(['openssl', 'genrsa', '-traditional', '2048'], check=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL).stdout
        public = subprocess.run(['openssl', 'rsa', '-pubout', '-outform', 'DER'], input=private, check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        keys.append((private, 'v=DKIM1; k=rsa; p=' + base64.b64encode(public).decode()))
    return keys


def strings(text):
    """A TXT record's, each at most 255 octets."""
    return ' '.join('"%s"' % text[i:i + 250] for i in range(0, len(text), 250))


def zones_of(keys):
    zones = {domain_of(number): '@ MX 10 mx\n@ TXT "v=spf1 mx -all"\nmx A %s\nmx TXT "v=spf1 a -all"\n'
             '%s._domainkey TXT %s\n_dmarc TXT "v=DMARC1; p=reject; adkim=s; aspf=s"' % (
                 CLIENT, SELECTOR.decode(), strings(record)) for number, (_, record) in enumerate(keys)}
    zones['stranger.example'] = '@ TXT "v=spf1 ip4:%s -all"\nmx A %s' % (STRANGER, STRANGER)
    zones['2.0.192.in-addr.arpa'] = '%s PTR mx.%s.\n%s PTR mx.stranger.example.' % (
        CLIENT.split('.')[-1], domain_of(0), STRANGER.split('.')[-1])
    return zones


def write_message(folder, keys, size, number):
    """In the form that tests/bench/load.c reads."""
    domain = domain_of(number % len(keys))
    text = HEADER.format(domain=domain, number=number)
    line = '%06d of many lines that make up its size %s\r\n' % (number, 'x' * 28)
    message = (text + line * max(1, (size - len(text)) // len(line))).encode()
    signature = dkim.sign(message, SELECTOR, domain.encode(), keys[number % len(keys)][0],
                          canonicalize=(b'relaxed', b'relaxed'))
    with open(os.path.join(folder, '%06d' % number), 'wb') as f:
        f.write(b'ann@%s\n' % domain.encode() + signature + message)


def write_messages(folder, keys, size, count):
    with multiprocessing.Pool() as pool:
        pool.map(functools.partial(write_message, folder, keys, size), range(count), 50)


FORGED = (b'From: Ann <ann@%s>\r\nTo: you@ours.test\r\nSubject: forged\r\nDate: Fri, 20 Nov 2026 14:20:03 +0000\r\n'
          b'Message-ID: <forged@stranger.example>\r\n\r\nPay here.\r\n' % domain_of(0).encode())
