"""Port 25 judges: SPF, DKIM, DMARC, DNS lists and the guard, with a real DNS server, by what clients are answered and
what mailboxes hold. Each client has an address of its own in 127/8."""
import base64, email, os, re, smtplib, socket, subprocess, threading

import dkim, pytest

import lab
from lab import Dns, Postern, wait_for

YOU = 'you@ours.test'


def key(path):
    """A key for signing, and its record."""
    subprocess.run(['openssl', 'genrsa', '-out', path, '2048'], check=True, stderr=subprocess.DEVNULL)
    der = subprocess.run(['openssl', 'rsa', '-in', path, '-pubout', '-outform', 'DER'], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    text = 'v=DKIM1; k=rsa; p=' + base64.b64encode(der).decode()
    with open(path, 'rb') as f:
        return f.read(), ' '.join('"%s"' % text[i:i + 250] for i in range(0, len(text), 250))


@pytest.fixture(scope='module')
def world(tmp_path_factory):
    """Our server, a DNS server, and the key of strict.test."""
    pem, record = key(str(tmp_path_factory.mktemp('key') / 'key.pem'))
    dns = Dns({
        'plain.test': '',
        'closed.test': '@ TXT "v=spf1 -all"\nmx TXT "v=spf1 -all"',
        'open.test': '@ TXT "v=spf1 ip4:127.0.0.0/8 -all"\n_dmarc TXT "v=DMARC1; p=reject"',
        'strict.test': '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=reject"\nsel._domainkey TXT ' + record,
        'wary.test': '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=quarantine"',
        'list.test': '2.0.0.127 A 127.0.0.2\n99.0.0.127 A 127.0.0.4',
        'parked.test': '*.127 A 127.0.0.2',
    })
    server = Postern(resolver=dns.address, dnsbl='list.test,parked.test').start()
    try:
        server.user(YOU)
        server.key = pem
        yield server
    finally:
        server.close()
        dns.close()


def session(server, source, helo='client.plain.test'):
    return smtplib.SMTP('127.0.0.1', server.smtp, local_hostname=helo, timeout=30, source_address=(source, 0))


def text(author, subject, extra=''):
    return '%sFrom: %s\r\nTo: %s\r\nSubject: %s\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n\r\nbody\r\n' % (
        extra, author, YOU, subject)


def send(server, source, sender, message, to=YOU):
    with session(server, source) as c:
        c.sendmail(sender, [to] if isinstance(to, str) else to, message)


def refused(server, source, sender, message, to=YOU):
    """Code and text that the client gets."""
    with pytest.raises(smtplib.SMTPDataError) as answer:
        send(server, source, sender, message, to)
    return answer.value.smtp_code, answer.value.smtp_error.decode()


def find(server, subject, folder=''):
    """The one message with that subject."""
    def look():
        return [m for m in server.mails(YOU, folder) if b'\nSubject: ' + subject.encode() + b'\n' in m]
    found = wait_for(look, what='a message ' + subject)
    assert len(found) == 1
    return found[0]


def results(mail):
    """The results that are ours, unfolded."""
    fields = email.message_from_bytes(mail).get_all('Authentication-Results') or []
    return [re.sub(r'\s+', ' ', f) for f in fields if f.lstrip().startswith('mail.ours.test')]


def test_spf_fail_is_refused(world):
    code, words = refused(world, '127.0.0.11', 'eve@closed.test', text('eve@closed.test', 'spf'))
    assert code == 550 and words.startswith('5.7.23') and 'closed.test' in words
    event = world.events('reject', dsn='5.7.23')[-1]
    assert event['spf'] == 'fail' and event['dkim'] == 'none' and event['disposition'] == 'reject'


def test_dmarc_reject_is_refused_with_the_domain(world):
    code, words = refused(world, '127.0.0.12', 'a@plain.test', text('eve@strict.test', 'dmarc'))
    assert code == 550 and words.startswith('5.7.26') and 'strict.test' in words
    assert world.events('reject', dsn='5.7.26')[-1]['dmarc'] == 'fail'


def test_a_message_that_passes(world):
    send(world, '127.0.0.13', 'ann@open.test', text('ann@open.test', 'passes'))
    mail = find(world, 'passes')
    ours, = results(mail)
    assert 'spf=pass' in ours and 'dmarc=pass' in ours and 'header.from=open.test' in ours
    names = [name for name, _ in email.message_from_bytes(mail).items()]
    assert names[:4] == ['Return-Path', 'Delivered-To', 'Authentication-Results', 'Received-SPF']
    assert names[names.index('Received') - 1] == 'Received-SPF'
    event = world.events('received', **{'from': '<ann@open.test>'})[-1]
    assert (event['spf'], event['dmarc'], event['disposition']) == ('pass', 'pass', 'accept')


def sign(world, message):
    return dkim.sign(message.encode(), b'sel', b'strict.test', world.key, include_headers=[b'from', b'subject', b'to']) + \
        message.encode()


def test_a_signed_message_may_come_from_anywhere(world):
    send(world, '127.0.0.14', 'bounces@plain.test', sign(world, text('ann@strict.test', 'signed')))
    ours, = results(find(world, 'signed'))
    assert 'dkim=pass' in ours and 'dmarc=pass' in ours and 'header.d=strict.test' in ours
    assert world.events('received', dmarc='pass', **{'from': '<bounces@plain.test>'})[-1]['dkim'] == 'pass:strict.test'


def test_a_changed_message_may_not(world):
    changed = sign(world, text('ann@strict.test', 'changed')).replace(b'\r\nbody\r\n', b'\r\nbode\r\n')
    assert refused(world, '127.0.0.14', 'bounces@plain.test', changed)[1].startswith('5.7.26')


def test_a_large_signed_message(world):
    body = ('x' * 998 + '\r\n') * 3000
    send(world, '127.0.0.14', 'bounces@plain.test', sign(world, text('ann@strict.test', 'large') + body))
    assert 'dkim=pass' in results(find(world, 'large'))[0]


def test_quarantine_is_junk(world):
    send(world, '127.0.0.15', 'eve@plain.test', text('eve@wary.test', 'quarantine'))
    assert 'dmarc=fail' in results(find(world, 'quarantine', '.Junk'))[0]
    assert world.events('received', disposition='junk')


@pytest.mark.parametrize('role', ['postmaster', 'postmaster@ours.test', 'ABUSE@ours.test', 'reports@ours.test'])
def test_the_postmaster_hears_everybody(world, role):
    send(world, '127.0.0.16', 'eve@strict.test', text('eve@strict.test', 'role'), role)
    code, _ = refused(world, '127.0.0.16', 'eve@strict.test', text('eve@strict.test', 'role'), [role, YOU])
    assert code == 550


FORGED = ['mail.ours.test; dmarc=pass', 'MAIL.OURS.TEST; dmarc=pass', 'mail.ours.test.; dmarc=pass',
          '"mail.ours.test"; dmarc=pass', '(a comment) mail.ours.test (another); dmarc=pass', 'mail.ours.test 1; dmarc=pass',
          '\r\n mail.ours.test\r\n ; dmarc=pass', '"mail.ours\\.test"; dmarc=pass', 'mail.ours.test']


def test_forged_results_are_removed_and_others_stay(world):
    fields = ''.join('%s: %s\r\n' % (('Authentication-Results', 'authentication-RESULTS')[i % 2], value)
                     for i, value in enumerate(FORGED))
    fields += 'Authentication-Results: mx.plain.test; spf=pass smtp.mailfrom=plain.test\r\n'
    send(world, '127.0.0.17', 'ann@plain.test', text('ann@plain.test', 'forged', fields))
    mail = find(world, 'forged')
    head = mail[:mail.index(b'\n\n')]
    assert len(re.findall(rb'(?im)^authentication-results\s*:', head)) == 2
    assert b'dmarc=pass' not in head and b'mx.plain.test; spf=pass smtp.mailfrom=plain.test' in head
    assert len(results(mail)) == 1


@pytest.mark.parametrize('fields', [
    'From: a@plain.test\r\nFrom: a@strict.test\r\n', 'From: a@plain.test, b@strict.test\r\n', 'From: them: a@plain.test;\r\n',
    'From: nobody\r\n', 'Sender: a@plain.test\r\n', 'no field\r\nFrom: a@plain.test\r\n'])
def test_an_unclear_author_is_refused(world, fields):
    code, words = refused(world, '127.0.0.18', 'a@plain.test', fields + '\r\nbody\r\n')
    assert code == 550 and words.startswith('5.6.0')


def test_the_null_sender_is_judged_by_its_helo(world):
    for helo, good in (('mx.closed.test', False), ('mx.plain.test', True)):
        with session(world, '127.0.0.19', helo) as c:
            c.ehlo()
            c.mail('')
            c.rcpt(YOU)
            code, words = c.data(text('mailer-daemon@plain.test', 'null ' + helo))
        assert (code == 250) == good, words
        assert good or words.startswith(b'5.7.23')


def test_who_sends_what_the_protocol_refuses_is_in_the_log(world):
    with session(world, '127.0.0.20') as c:
        c.ehlo()
        c.mail('ann@plain.test')
        c.rcpt(YOU)
        c.docmd('DATA')
        c.send(b'From: ann@plain.test\r\n\r\na\nb\r\n.\r\n')
        assert c.getreply()[0] == 550
    assert world.events('reject', dsn='5.5.2')[-1]['from'] == '<ann@plain.test>'


def test_mails_without_a_message_have_a_limit(world):
    with session(world, '127.0.0.21') as c:
        c.ehlo()
        for _ in range(20):
            assert c.mail('ann@plain.test')[0] == 250
            c.rset()
        assert c.docmd('MAIL FROM:<ann@plain.test>')[0] == 421


def test_dns_lists(world):
    send(world, '127.0.0.99', 'ann@plain.test', text('ann@plain.test', 'listed'))
    find(world, 'listed', '.Junk')
    send(world, '127.0.0.98', 'ann@plain.test', text('ann@plain.test', 'not listed'))
    find(world, 'not listed')
    status = world.cli('status', check=False)
    assert status.returncode == 1 and 'parked.test is ignored: it lists every address' in status.stdout
    assert ' list.test is ignored' not in status.stdout
    assert len([e for e in world.events('dns') if 'parked.test' in e['text']]) == 1


def test_a_dns_list_may_refuse(keep):
    dns = keep(Dns({'list.test': '2.0.0.127 A 127.0.0.2\n99.0.0.127 A 127.0.0.4'}))
    server = keep(Postern(resolver=dns.address, dnsbl='list.test', dnsbl_action='reject')).start()
    server.user(YOU)
    code, words = refused(server, '127.0.0.99', 'ann@plain.test', text('ann@plain.test', 'listed'))
    assert code == 554 and words.startswith('5.7.1') and 'list.test' in words


def test_dns_trouble_is_temporary(keep):
    dns = keep(Dns({'ours.test': ''}, root=False))
    server = keep(Postern(resolver=dns.address)).start()
    server.user(YOU)
    code, words = refused(server, '127.0.0.1', 'ann@open.test', text('ann@open.test', 'later'))
    assert code == 451 and words.startswith(('4.4.3', '4.7.24'))
    assert server.events('reject', code='451')[-1]['disposition'] == 'defer'
    dns.close()
    keep(Dns({'open.test': '@ TXT "v=spf1 ip4:127.0.0.1 -all"'}, port=dns.port))
    send(server, '127.0.0.1', 'ann@open.test', text('ann@open.test', 'later'))
    assert 'spf=pass' in results(find(server, 'later'))[0]


def vanish(server, number):
    """Sends a message and is gone with its last octet."""
    with socket.create_connection(('127.0.0.1', server.smtp), timeout=20, source_address=('127.0.0.30', 0)) as s:
        f = s.makefile('rb')
        f.readline()
        s.sendall(b'EHLO c.open.test\r\nMAIL FROM:<ann@open.test>\r\nRCPT TO:<you@ours.test>\r\nDATA\r\n')
        while not f.readline().startswith(b'354'):
            pass
        s.sendall(text('ann@open.test', 'gone %d' % number).encode() + b'.\r\n')


def test_who_vanishes_behind_the_dot_strands_nothing(world):
    threads = [threading.Thread(target=vanish, args=(world, i)) for i in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for i in range(12):
        assert 'dmarc=pass' in results(find(world, 'gone %d' % i))[0]
    wait_for(lambda: os.listdir(os.path.join(world.data, 'spool')) == [], what='an empty spool')


def test_behind_a_gateway_no_address_is_judged(keep):
    dns = keep(Dns({'closed.test': '@ TXT "v=spf1 -all"'}))
    server = keep(Postern(resolver=dns.address, connections_per_ip=2)).start()
    server.user(YOU)
    assert refused(server, '127.0.0.1', 'eve@closed.test', text('eve@closed.test', 'early'))[0] == 550
    for i in range(12):
        with session(server, '127.0.0.1', 'mx.host%d.test' % i) as c:
            c.sendmail('ann@domain%d.test' % i, [YOU], text('ann@domain%d.test' % i, 'stranger'))
    send(server, '127.0.0.1', 'eve@closed.test', text('eve@closed.test', 'unknown'))
    assert 'spf=' not in results(find(server, 'unknown'))[0]
    status = server.cli('status', check=False)
    assert status.returncode == 1 and 'unrelated clients all appear as 127.0.0.1' in status.stdout
    assert len([e for e in server.events('connect') if 'network_mode: host' in e.get('text', '')]) == 1
    sessions = [session(server, '127.0.0.1') for _ in range(4)]
    sessions[3].ehlo()
    sessions[3].mail('ann@plain.test')
    code, words = sessions[3].rcpt('someone@elsewhere.test')
    assert code == 550 and words.startswith(b'5.7.1')
    for c in sessions:
        c.close()
    assert refused(server, '127.0.0.2', 'eve@closed.test', text('eve@closed.test', 'other'))[0] == 550
