"""Port 25: mail from strangers, from Python's smtplib, swaks and Postfix, into Maildirs."""
import email, os, re, smtplib, socket, ssl, subprocess

import pytest

import lab
from lab import Postern, wait_for


def session(server, tls=False):
    c = smtplib.SMTP('127.0.0.1', server.smtp, local_hostname='client.test', timeout=20)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        c.starttls(context=context)
    return c


def read_until(f, start):
    while True:
        line = f.readline()
        assert line, 'the connection ended before ' + start.decode()
        if line.startswith(start):
            return


@pytest.mark.parametrize('tls', [False, True])
def test_a_message_arrives_whole(server, tls):
    body = 'From: ann@sender.test\r\n\r\n' + ''.join('.' * (i % 5) + 'line %d\r\n' % i for i in range(300))
    with session(server, tls) as c:
        c.sendmail('ann@sender.test', ['you@ours.test'], body)
    mail = server.wait_mails('you@ours.test')[0]
    assert mail.endswith(body.replace('\r\n', '\n').encode()[len('From: ann@sender.test\n'):])
    head = email.message_from_bytes(mail)
    assert head['Return-Path'] == '<ann@sender.test>' and head['Delivered-To'] == 'you@ours.test'
    received = re.sub(r'\s+', ' ', head['Received'])
    assert 'from client.test' in received and '[127.0.0.1]' in received and 'by mail.ours.test' in received
    assert ('with ESMTPS' if tls else 'with ESMTP ') in received and 'for <you@ours.test>' in received


def test_swaks_over_starttls(server):
    subprocess.run(['swaks', '--server', '127.0.0.1:%d' % server.smtp, '--tls', '--from', 'ann@sender.test', '--to',
                    'you@ours.test', '--silent', '2'], check=True)
    server.wait_mails('you@ours.test')


def test_openssl_starttls_shows_our_certificate(server):
    done = subprocess.run(['openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:%d' % server.smtp], input=b'',
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
    assert b'CN = mail.ours.test' in done.stdout or b'CN=mail.ours.test' in done.stdout


@pytest.mark.parametrize('recipient,code', [
    ('nobody@ours.test', 550), ('someone@elsewhere.test', 550), ('you%elsewhere.test@ours.test', 550),
    ('you+tag@ours.test', 250), ('YOU@OURS.TEST', 250), ('postmaster', 250), ('abuse@ours.test', 250),
    ('reports@ours.test', 250), ('"you"@ours.test', 250), ('@', 501)])
def test_recipients(server, recipient, code):
    with session(server) as c:
        c.ehlo()
        c.mail('ann@sender.test')
        assert c.docmd('RCPT TO:<%s>' % recipient)[0] == code


def test_no_client_may_relay_whatever_its_address(server):
    with session(server, tls=True) as c:
        c.ehlo()
        assert c.docmd('AUTH PLAIN AHlvdUBvdXJzLnRlc3QA')[0] == 502
        c.mail('you@ours.test')
        code, text = c.rcpt('someone@elsewhere.test')
        assert code == 550 and text.startswith(b'5.7.1')


def test_aliases_catch_all_and_folders(server):
    server.user('second@ours.test')
    server.cli('alias', 'add', 'both@ours.test', 'you@ours.test', 'second@ours.test')
    server.cli('alias', 'add', '@ours.test', 'second@ours.test')
    wait_for(lambda: server.knows('anything@ours.test'), what='the catch-all')
    with session(server) as c:
        c.sendmail('ann@sender.test', ['both@ours.test', 'reports@ours.test', 'x@ours.test'],
                   'From: ann@sender.test\r\n\r\nb\r\n')
    server.wait_mails('you@ours.test')
    server.wait_mails('you@ours.test', folder='.Reports')
    server.wait_mails('second@ours.test')
    assert len(server.mails('second@ours.test')) == 1


def test_bare_line_feeds_are_refused_and_the_session_stays_in_step(server):
    with session(server) as c:
        c.ehlo()
        c.mail('ann@sender.test')
        c.rcpt('you@ours.test')
        c.docmd('DATA')
        c.send(b'Subject: a\r\n\r\nsmuggled\n.\r\nMAIL FROM:<x@y.test>\r\n.\r\n')
        code, text = c.getreply()
        assert code == 550 and text.startswith(b'5.5.2')
        assert c.noop()[0] == 250
    assert server.mails('you@ours.test') == []


def test_commands_before_the_handshake_are_never_used(server):
    with socket.create_connection(('127.0.0.1', server.smtp), timeout=10) as s:
        f = s.makefile('rb')
        f.readline()
        s.sendall(b'EHLO c.test\r\n')
        read_until(f, b'250 ')
        s.sendall(b'STARTTLS\r\nNOOP injected\r\n')
        lines = f.read()
        assert lines.startswith(b'554 5.5.0') and lines.count(b'\r\n') == 1


def test_loops_end(server):
    hops = ''.join('Received: from a%d by b%d; Sat, 21 Nov 2026 12:00:00 +0000\r\n' % (i, i) for i in range(60))
    with session(server) as c, pytest.raises(smtplib.SMTPDataError) as refused:
        c.sendmail('ann@sender.test', ['you@ours.test'], hops + 'Subject: a\r\n\r\nb\r\n')
    assert refused.value.smtp_code == 554 and refused.value.smtp_error.startswith(b'5.4.6')


def test_size_is_limited_in_words_and_in_bytes(keep):
    s = keep(Postern(max_size='100K')).start()
    s.user('you@ours.test')
    with session(s) as c:
        c.ehlo()
        assert c.docmd('MAIL FROM:<a@b.test> SIZE=200000')[0] == 552
        c.mail('a@b.test')
        c.rcpt('you@ours.test')
        assert c.data(b'Subject: a\r\n\r\n' + b'x' * 70 + b'\r\n' * 80000)[0] == 552
        assert c.noop()[0] == 250


def test_client_that_vanishes_after_the_dot_strands_nothing(server):
    with socket.create_connection(('127.0.0.1', server.smtp), timeout=10) as s:
        f = s.makefile('rb')
        f.readline()  # who talks before the greeting is refused
        s.sendall(b'EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<you@ours.test>\r\nDATA\r\n')
        read_until(f, b'354')
        s.sendall(b'From: a@b.test\r\nSubject: gone\r\n\r\nbody\r\n.\r\n')
    assert b'Subject: gone' in server.wait_mails('you@ours.test')[0]


def test_large_message_from_a_file(server):
    big = 'From: ann@sender.test\r\n\r\n' + ('x' * 998 + '\r\n') * 20000
    with session(server, tls=True) as c:
        c.sendmail('ann@sender.test', ['you@ours.test', 'postmaster@ours.test'], big)
    mail = server.wait_mails('you@ours.test')[0]
    assert mail.endswith(big.replace('\r\n', '\n').encode()[len('From: ann@sender.test\n'):])
    wait_for(lambda: os.listdir(os.path.join(server.data, 'spool')) == [], what='an empty spool')


@pytest.mark.parametrize('tls', ['none', 'encrypt'])
def test_postfix_delivers_many_on_one_connection(server, keep, tls):
    postfix = keep(lab.Postfix(to_port=server.smtp, smtp_tls_security_level=tls,
                               smtp_connection_cache_destinations='ours.test', smtp_destination_concurrency_limit='2'))
    for i in range(40):
        postfix.send(b'Subject: n%d\n\n.dot\n..two\nlast' % i, 'ann@remote.test', 'you@ours.test', 'abuse@ours.test')
    mails = server.wait_mails('you@ours.test', 40, seconds=60)
    assert len(mails) == 40 and all(b'\n.dot\n..two\nlast' in m for m in mails)
    assert len({email.message_from_bytes(m)['Subject'] for m in mails}) == 40


def test_message_log_line(server):
    with session(server, tls=True) as c:
        c.sendmail('ann@sender.test', ['you@ours.test'], 'From: ann@sender.test\r\nSubject: secret\r\n\r\nsecret\r\n')
    line = wait_for(lambda: server.events('received'), what='the event')[0]
    assert line['from'] == '<ann@sender.test>' and line['to'] == '<you@ours.test>' and line['ip'] == '127.0.0.1'
    assert line['helo'] == 'client.test' and line['tls'].startswith('TLSv1') and int(line['size']) > 20
    assert 'secret' not in server.log()
