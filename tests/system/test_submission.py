"""Ports 465 and 587: our users' mail, signed, on its way to Postfix; verified by other people's code."""
import base64, email, os, re, smtplib, ssl, subprocess, threading

import dkim
import pytest

import lab
from lab import PASSWORD, Bare, Dns, Postern, Postfix, Remote, wait_for


def insecure():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def submit(server, implicit=True, user='you@ours.test', password=PASSWORD):
    if implicit:
        c = smtplib.SMTP_SSL('127.0.0.1', server.submissions, 'laptop.test', context=insecure(), timeout=60)
    else:
        c = smtplib.SMTP('127.0.0.1', server.submission, 'laptop.test', timeout=60)
        c.starttls(context=insecure())
    c.login(user, password)
    return c


MESSAGE = 'From: You <you@ours.test>\r\nTo: bob@remote.test\r\nSubject: hello\r\n\r\nbody\r\n'


class Pair:
    """Our server for ours.test, Postfix for remote.test, nsd for both."""

    def __init__(self, keep, **settings):
        port = lab.free_port()
        self.dns = keep(Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}))
        self.server = keep(Postern(resolver=self.dns.address, outbound_port=port, **settings)).start()
        self.server.user('you@ours.test')
        self.postfix = keep(Postfix(port=port, to_port=self.server.smtp))

    def key(self, name, timeout=5):
        """What the DNS would answer to a verifier."""
        assert name.rstrip(b'.') == b'postern._domainkey.ours.test', name
        with open(os.path.join(self.server.data, 'dns', 'ours.test.postern.txt'), 'rb') as f:
            return f.read().strip()


@pytest.fixture
def pair(keep):
    return Pair(keep)


def as_sent(mail):
    """From Postfix's Maildir back to the wire's line ends."""
    return mail.replace(b'\n', b'\r\n')


def perl_verifies(message, record):
    script = r'''
        use Mail::DKIM::Verifier; use Mail::DKIM::PublicKey;
        no warnings 'redefine';
        my $record = shift @ARGV;
        *Mail::DKIM::PublicKey::fetch = sub { my $c = shift; return $c->parse($record) };
        *Mail::DKIM::PublicKey::fetch_async = sub { my $c = shift; my %a = @_; my $on = $a{Callbacks}->{Success} || sub { $_[0] };
            return sub { $on->($c->parse($record)) } };
        my $v = Mail::DKIM::Verifier->new(); binmode STDIN; local $/; my $m = <STDIN>; $v->PRINT($m); $v->CLOSE;
        print $v->result_detail;'''
    done = subprocess.run(['perl', '-e', script, record.decode()], input=message, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


@pytest.mark.parametrize('implicit', [True, False])
@pytest.mark.parametrize('mechanism', ['PLAIN', 'LOGIN'])
def test_swaks_submits(pair, implicit, mechanism):
    s = pair.server
    how = ['--tls-on-connect', '--server', '127.0.0.1:%d' % s.submissions] if implicit else \
        ['--tls', '--server', '127.0.0.1:%d' % s.submission]
    subprocess.run(['swaks', '--auth', mechanism, '--auth-user', 'you@ours.test', '--auth-password', PASSWORD, '--from',
                    'you@ours.test', '--to', 'bob@remote.test', '--silent', '2'] + how, check=True)
    mail = as_sent(pair.postfix.wait_mails()[0])
    assert dkim.verify(mail, dnsfunc=pair.key)
    assert b'using TLSv1.' in mail


def strongest():
    """Debian 13's msmtp can bind the channel, and then may not do without (RFC 5802 6)."""
    known = subprocess.run(['msmtp', '--version'], capture_output=True, text=True, check=True).stdout.split()
    return 'scram-sha-256-plus' if 'scram-sha-256-plus' in known else 'scram-sha-256'


@pytest.mark.parametrize('mechanism', ['scram', 'plain', 'login'])
@pytest.mark.parametrize('implicit', [True, False])
def test_msmtp_submits(pair, implicit, mechanism):
    s = pair.server
    mechanism = strongest() if mechanism == 'scram' else mechanism
    conf = s.folder.file('msmtprc', 'account default\nhost 127.0.0.1\nport %d\ntls on\ntls_starttls %s\ntls_certcheck off\n'
                         'auth %s\nuser you@ours.test\npassword %s\nfrom you@ours.test\n' % (
                             s.submissions if implicit else s.submission, 'off' if implicit else 'on', mechanism, PASSWORD),
                         0o600)
    subprocess.run(['msmtp', '-C', conf, 'bob@remote.test'], input=MESSAGE.encode(), check=True)
    assert dkim.verify(as_sent(pair.postfix.wait_mails()[0]), dnsfunc=pair.key)


def bodies():
    yield '1KB', b'x' * 60 + b'\r\n'
    yield '8-bit', 'gr\u00fc\u00dfe \u20ac\r\n'.encode() * 20
    yield 'dots', b'.\r\n..\r\n.a\r\n...\r\n'
    yield 'no final line end', b'last line without an end'
    yield 'trailing blanks', b'a  b \t\r\n\r\n \r\n\r\n\r\n'
    yield 'empty', b''
    yield '1MB', (b'y' * 75 + b'\r\n') * 13000
    yield '40MB', (b'z' * 996 + b'\r\n') * 40000


@pytest.mark.parametrize('name,body', list(bodies()), ids=[n for n, _ in bodies()])
def test_signature_verifies_at_the_other_side(pair, name, body):
    head = (b'From: "You, yes" <you@ours.test>\r\nTo: bob@remote.test,\r\n\tcarol@remote.test\r\nSubject:  folded\r\n '
            b' header \r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n'
            b'Content-Transfer-Encoding: 8bit\r\n\r\n')
    with submit(pair.server) as c:
        options = ['body=8bitmime'] if name == '8-bit' else []
        c.sendmail('you@ours.test', ['bob@remote.test'], head + body, mail_options=options)
    mail = as_sent(pair.postfix.wait_mails(seconds=90)[0])
    assert dkim.verify(mail, dnsfunc=pair.key)
    if len(body) < 2000000:
        assert perl_verifies(mail, pair.key(b'postern._domainkey.ours.test')).startswith('pass')
    if len(body) > 2:
        at = mail.index(b'\r\n\r\n') + 5
        assert not dkim.verify(mail[:at] + b'#' + mail[at + 1:], dnsfunc=pair.key)


def test_signature_signs_absent_fields_too(pair):
    with submit(pair.server) as c:
        c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)
    mail = as_sent(pair.postfix.wait_mails()[0])
    assert dkim.verify(mail, dnsfunc=pair.key)
    for line in (b'Reply-To: evil@x.test\r\n', b'Cc: evil@x.test\r\n', b'Subject: other\r\n', b'From: evil@x.test\r\n'):
        assert not dkim.verify(line + mail, dnsfunc=pair.key), line


def test_what_is_missing_is_added_and_what_is_secret_removed(pair):
    with submit(pair.server) as c:
        c.sendmail('you@ours.test', ['bob@remote.test', 'you@ours.test'], 'Bcc: hidden@remote.test\r\n' + MESSAGE)
    for mail in (pair.postfix.wait_mails()[0], pair.server.wait_mails('you@ours.test')[0]):
        head = email.message_from_bytes(mail)
        assert head['Date'] and re.match(r'<[^@<>\s]+@[^@<>\s]+>$', head['Message-ID']) and head['Bcc'] is None
        assert len(head.get_all('DKIM-Signature')) == 1
        ours = [r for r in head.get_all('Received') if 'by mail.ours.test' in r]
        assert len(ours) == 1 and '127.0.0.1' not in ours[0] and 'laptop' not in ours[0] and 'ESMTPSA' in ours[0]


@pytest.mark.parametrize('envelope,header,good', [
    ('you@ours.test', 'you@ours.test', True), ('you+tag@ours.test', 'you+tag@ours.test', True),
    ('alias@ours.test', 'alias@ours.test', True), ('other@ours.test', 'you@ours.test', False),
    ('you@ours.test', 'other@ours.test', False), ('you@ours.test', 'someone@elsewhere.test', False),
    ('you@ours.test', 'you@ours.test, other@ours.test', False), ('', 'you@ours.test', True)])
def test_senders_are_who_they_are(pair, envelope, header, good):
    s = pair.server
    s.user('other@ours.test')
    s.cli('alias', 'add', 'alias@ours.test', 'you@ours.test')
    wait_for(lambda: s.knows('alias@ours.test'), what='the alias')
    with submit(s) as c:
        text = MESSAGE.replace('You <you@ours.test>', header)
        if good:
            c.sendmail(envelope, ['bob@remote.test'], text)
        else:
            with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPDataError)) as refused:
                c.sendmail(envelope, ['bob@remote.test'], text)
            assert refused.value.smtp_code == 550 and refused.value.smtp_error.startswith(b'5.7.1')


def test_two_from_fields_are_refused(pair):
    with submit(pair.server) as c, pytest.raises(smtplib.SMTPDataError) as refused:
        c.sendmail('you@ours.test', ['bob@remote.test'], 'From: you@ours.test\r\n' + MESSAGE)
    assert refused.value.smtp_code == 550 and refused.value.smtp_error.startswith(b'5.6.0')


def test_credentials(server):
    with smtplib.SMTP('127.0.0.1', server.submission, 'l.test', timeout=20) as c:
        c.ehlo()
        assert not c.has_extn('auth')
        assert c.docmd('AUTH PLAIN AHlvdUBvdXJzLnRlc3QA')[0] == 530
        assert c.docmd('MAIL FROM:<you@ours.test>')[0] == 530
        c.starttls(context=insecure())
        c.ehlo()
        assert set('SCRAM-SHA-256 PLAIN LOGIN'.split()) <= set(c.esmtp_features['auth'].split())
        assert c.docmd('MAIL FROM:<you@ours.test>')[0] == 530
        replies = set()
        for user in ('you@ours.test', 'nobody@ours.test'):
            token = base64.b64encode(('\0%s\0wrong' % user).encode()).decode()
            replies.add(c.docmd('AUTH', 'PLAIN ' + token))
        assert len(replies) == 1 and replies.pop()[0] == 535


def test_without_signer_nothing_is_accepted_and_nothing_lost(pair):
    s = pair.server
    os.rename(os.path.join(s.data, 'keys', 'ours.test'), os.path.join(s.data, 'keys', 'hidden'))
    s.kill('signer')
    with submit(s) as c, pytest.raises(smtplib.SMTPDataError) as refused:
        c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)
    assert refused.value.smtp_code == 451
    os.rename(os.path.join(s.data, 'keys', 'hidden'), os.path.join(s.data, 'keys', 'ours.test'))
    s.kill('signer')

    def accepted():
        try:
            with submit(s) as c:
                c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)
            return True
        except smtplib.SMTPDataError as e:
            assert e.smtp_code == 451
    wait_for(accepted, 30, 'the signer back')
    assert dkim.verify(as_sent(pair.postfix.wait_mails()[0]), dnsfunc=pair.key)


def test_signer_killed_100_times_during_1000_submissions(keep):
    """Every accepted message verifies, the others get 451."""
    remote = keep(Remote())
    dns = keep(Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}))
    s = keep(Postern(resolver=dns.address, outbound_port=remote.port, user_rate='100000/1h')).start()
    s.user('you@ours.test')
    record = open(os.path.join(s.data, 'dns', 'ours.test.postern.txt'), 'rb').read().strip()
    s.stop()
    s.log_start = os.path.getsize(s.log_path)
    bare = keep(Bare(s))
    lock, left, answers = threading.Lock(), list(range(1000)), []

    def work():
        with submit(s) as c:
            while True:
                with lock:
                    if not left:
                        return
                    number = left.pop()
                    if number % 10 == 0:
                        bare.kill_signer()
                try:
                    c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE.replace('hello', 'n%d' % number))
                    answers.append(250)
                except smtplib.SMTPDataError as e:
                    answers.append(e.smtp_code)
    workers = [threading.Thread(target=work) for _ in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    accepted = answers.count(250)
    assert len(answers) == 1000 and set(answers) <= {250, 451} and accepted > 500, answers
    for mail in remote.wait_mails(accepted, 60):
        assert dkim.verify(mail['data'], dnsfunc=lambda name, timeout=5: record)
    assert len(remote.mails) == accepted
