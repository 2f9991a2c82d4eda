"""DKIM as others sign it: python3-dkim, Mail::DKIM and opendkim, in every canonicalisation. What they sign passes
`postern check message`, and one byte changed in a signed place fails."""
import base64, os, re, socket, struct, subprocess, sys, time

import dkim
import pytest

import lab

sys.path.insert(0, os.path.join(lab.ROOT, 'tests', 'vectors', 'tools'))
from fakedns import FakeDNS  # noqa: E402

CANONS = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed']
SIGNED = ['From', 'To', 'Subject', 'Date', 'Message-ID']
HEADER = b''.join(line + b'\r\n' for line in [
    b'From: Ann  <ann@example.com>', b'To: Bob <bob@example.org>,', b'\tEve <eve@example.org>',
    b'Subject:  a longer   subject', b'Date: Fri, 20 Nov 2026 10:00:00 +0000', b'Message-ID: <1@example.com>'])
BODY = b'Hello  Bob. \r\n\r\n.\r\n  indented\t text\r\n\r\n\r\n'

MAIL_DKIM = r'''
use Mail::DKIM::Signer;
my ($canon, $key) = @ARGV;
my $d = Mail::DKIM::Signer->new(Algorithm => "rsa-sha256", Method => $canon, Domain => "example.com", Selector => "rsa",
    KeyFile => $key);
binmode STDIN;
local $/;
$d->PRINT(<STDIN>);
$d->CLOSE;
print $d->signature->as_string;
'''


# ---- keys ----

class Keys:
    """An RSA and an Ed25519 key, and the DNS that publishes them."""

    def __init__(self):
        self.folder = lab.Folder()
        self.rsa, self.ed25519 = self.make('rsa', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'), self.make('ed', 'ED25519')
        self.dns = FakeDNS({'rsa._domainkey.example.com': [{'TXT': 'v=DKIM1; k=rsa; p=' + self.public(self.rsa)}],
                            'ed._domainkey.example.com': [{'TXT': 'v=DKIM1; k=ed25519; p=' + self.public(
                                self.ed25519, -32)}]})
        self.dns.start()

    def make(self, name, *algorithm):
        path = os.path.join(self.folder.path, name)
        subprocess.run(['openssl', 'genpkey', '-out', path, '-algorithm', *algorithm], check=True,
                       stderr=subprocess.DEVNULL)
        os.chmod(path, 0o600)
        return path

    def public(self, path, start=0):
        der = subprocess.run(['openssl', 'pkey', '-in', path, '-pubout', '-outform', 'DER'], check=True,
                             stdout=subprocess.PIPE).stdout
        return base64.b64encode(der[start:]).decode()

    def close(self):
        self.dns.stop()
        self.folder.remove()


@pytest.fixture(scope='module')
def keys():
    k = Keys()
    yield k
    k.close()


# ---- signers: each gives the field, with CR LF ----

def python_dkim(keys, canon, algorithm='rsa'):
    with open(getattr(keys, algorithm), 'rb') as f:
        key = f.read()
    if algorithm == 'ed25519':  # it wants the 32 octets of the seed in base64
        der = base64.b64decode(b''.join(key.split(b'\n')[1:-2]))
        key = base64.b64encode(der[-32:])
    return dkim.sign(HEADER + b'\r\n' + BODY, {'rsa': b'rsa', 'ed25519': b'ed'}[algorithm], b'example.com', key,
                     signature_algorithm=algorithm.encode() + b'-sha256', include_headers=[n.encode() for n in SIGNED],
                     canonicalize=tuple(c.encode() for c in canon.split('/')))


def python_dkim_ed25519(keys, canon):
    return python_dkim(keys, canon, 'ed25519')


def mail_dkim(keys, canon):
    out = subprocess.run(['perl', '-e', MAIL_DKIM, canon, keys.rsa], input=HEADER + b'\r\n' + BODY, check=True,
                         stdout=subprocess.PIPE).stdout
    return b'\r\n'.join(out.split(b'\n')).replace(b'\r\r', b'\r').rstrip() + b'\r\n'


class Milter:
    """The part of the milter protocol that hands opendkim one message and hears which field it puts in front."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=20)

    def send(self, command, data=b''):
        self.socket.sendall(struct.pack('>I', len(data) + 1) + command + data)

    def receive(self):
        size = struct.unpack('>I', self.socket.recv(4, socket.MSG_WAITALL))[0]
        data = self.socket.recv(size, socket.MSG_WAITALL)
        return data[:1], data[1:]

    def ask(self, command, data=b''):
        self.send(command, data)
        return self.receive()

    def sign(self, fields, body):
        self.ask(b'O', struct.pack('>III', 6, 0x1ff, 0x100000))  # SMFIP_HDR_LEADSPC: values as they are
        self.ask(b'C', b'localhost\x004' + struct.pack('>H', 25) + b'127.0.0.1\0')
        self.ask(b'H', b'localhost\0')
        self.ask(b'M', b'<ann@example.com>\0')
        self.ask(b'R', b'<bob@example.org>\0')
        for name, value in fields:
            self.ask(b'L', name + b'\0' + value.replace(b'\r\n', b'\n') + b'\0')
        self.ask(b'N')
        self.ask(b'B', body)
        kind, data = self.ask(b'E')
        while kind != b'i':
            assert kind not in b'acrty', 'opendkim did not sign: %r' % kind
            kind, data = self.receive()
        name, value = data[4:].rstrip(b'\0').split(b'\0')
        return name + b':' + value.replace(b'\n', b'\r\n') + b'\r\n'


def opendkim(keys, canon):
    port = lab.free_port()
    conf = os.path.join(keys.folder.path, 'opendkim.%d' % port)
    with open(conf, 'w') as f:
        f.write('Socket inet:%d@127.0.0.1\nMode s\nDomain example.com\nSelector rsa\nKeyFile %s\nCanonicalization %s\n'
                'RequireSafeKeys no\nBackground no\nSyslog no\nSignHeaders From,To,Subject,Date,Message-ID\n' % (
                    port, keys.rsa, canon))
    process = subprocess.Popen(['opendkim', '-f', '-x', conf])
    try:
        lab.wait_for(lambda: lab.listens(port), what='opendkim')
        fields = re.findall(rb'(?ms)^([!-9;-~]+):(.*?)\r\n(?![ \t])', HEADER)
        return Milter(port).sign(fields, BODY)
    finally:
        process.terminate()
        process.wait()


# ---- our side ----

def check(keys, message):
    """The results, in their order."""
    env = {k: v for k, v in os.environ.items() if not k.startswith('POSTERN_')}
    env['POSTERN_RESOLVER'] = '127.0.0.1:%d' % keys.dns.port
    command = [os.path.join(lab.BUILD, 'postern'), 'check', 'message', '--ip', '192.0.2.1', '--helo', 'a.test',
               '--mail-from', '', '--now', str(int(time.time()))]
    out = subprocess.run(command, input=message, env=env, stdout=subprocess.PIPE).stdout.decode()
    return re.findall(r'(?<![\w.-])dkim=(\w+)', re.sub(r'\([^()]*\)', '', out))


def changed(message, text, by):
    assert message.count(text) == 1, text
    return message.replace(text, by)


# One byte each, in what every signer signs: values, a name, the body, tags of the signature itself.
CHANGES = [
    (b'ann@example.com', b'bnn@example.com'), (b'\tEve', b'\tEva'), (b'Subject:  a longer', b'Subject:  A longer'),
    (b'<1@example', b'<2@example'), (b'Hello', b'hello'), (b'.\r\n  ind', b',\r\n  ind'),
    (b'text\r\n', b'test\r\n'), (b'd=example.com', b'd=example.con')]


@pytest.mark.parametrize('canon', CANONS)
@pytest.mark.parametrize('signer', [python_dkim, python_dkim_ed25519, mail_dkim, opendkim], ids=lambda s: s.__name__)
def test_others_signatures_pass_and_changed_messages_fail(keys, signer, canon):
    field = signer(keys, canon)
    message = field + HEADER + b'\r\n' + BODY
    assert check(keys, message) == ['pass'], field
    for text, by in CHANGES:
        results = check(keys, changed(message, text, by))
        assert len(results) == 1 and results[0] != 'pass', (field, text, by)


@pytest.mark.parametrize('canon', CANONS)
def test_white_space_counts_as_the_canonicalisation_says(keys, canon):
    field = python_dkim(keys, canon)
    header, body = canon.split('/')
    message = field + HEADER + b'\r\n' + BODY
    for text, by, name in [(b'a longer   subject', b'a longer subject', header), (b'Hello  Bob.', b'Hello Bob.', body)]:
        assert check(keys, changed(message, text, by)) == ['pass' if name == 'relaxed' else 'fail']


def test_a_field_put_under_the_signed_one_fails(keys):
    message = python_dkim(keys, 'relaxed/relaxed') + HEADER + b'Subject: another\r\n\r\n' + BODY
    assert check(keys, message) == ['fail']


def test_trouble_with_the_dns_is_temporary(keys):
    message = python_dkim(keys, 'relaxed/relaxed').replace(b's=rsa', b's=broken') + HEADER + b'\r\n' + BODY
    zone = dict(keys.dns.zone.names)
    try:
        keys.dns.load({'broken._domainkey.example.com': ['TIMEOUT']})
        assert check(keys, message) == ['temperror']
        keys.dns.load({})
        assert check(keys, message) == ['permerror']
    finally:
        keys.dns.zone.names = zone
