"""Aliases that lead to other servers: what leaves, what comes back, and who hears of what failed. The sender has a
server of its own, signs with DKIM and sends from 127.0.0.7, which its SPF record names."""
import email, re, smtplib, subprocess

import dkim, pytest

import lab
from lab import Dns, Postern, Postfix, Remote, wait_for
from test_delivery import queue
from test_judging import key

YOU = 'you@ours.test'
PROVEN, UNPROVEN = '127.0.0.7', '127.0.0.8'


def zones(**more):
    host = '@ MX 10 mx\nmx A %s\n'
    return {'remote.test': host % '127.0.0.1', 'sender.test': host % '127.0.0.5' + '@ TXT "v=spf1 ip4:127.0.0.7 ?all"',
            'junk.test': '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=quarantine"', **more}


class World:
    """Our server; `remote` takes mail for remote.test and `sender` for sender.test."""

    def __init__(self, keep, aliases, answers=None, **more):
        self.remote = keep(Remote(answers=answers))
        self.sender = keep(Remote(host='127.0.0.5', port=self.remote.port))
        self.dns = keep(Dns(zones(**more)))
        self.server = keep(Postern(resolver=self.dns.address, outbound_port=self.remote.port, retry_min='1s',
                                   retry_max='2s')).start()
        self.server.user(YOU)
        for alias, targets in aliases.items():
            self.server.cli('alias', 'add', alias, *targets)
            wait_for(lambda: self.server.knows(alias), what='the alias')


def send(server, to, source=PROVEN, sender='ann@sender.test', author=None, text=None):
    text = text or 'From: %s\r\nTo: %s\r\nSubject: hello\r\n\r\nbody\r\n' % (author or sender or 'ann@sender.test', to)
    with smtplib.SMTP('127.0.0.1', server.smtp, local_hostname='mx.sender.test', timeout=30,
                      source_address=(source, 0)) as c:
        c.sendmail(sender, [to], text)


def empty(server):
    wait_for(lambda: queue(server) == [], what='an empty queue')


def test_it_leaves_with_a_return_address_of_ours_and_its_signature(keep, tmp_path):
    w = World(keep, {'info@ours.test': ['Bob@remote.test', YOU]})
    pem, record = key(str(tmp_path / 'key.pem'))
    text = b'From: ann@sender.test\r\nTo: info@ours.test\r\nSubject: hello\r\n\r\nbody\r\n'
    signed = dkim.sign(text, b'sel', b'sender.test', pem, include_headers=[b'from', b'to', b'subject']) + text
    send(w.server, 'info@ours.test', text=signed.decode())
    mail = w.remote.wait_mails()[0]
    assert mail['to'] == ['Bob@remote.test']
    assert re.fullmatch(r'SRS0=[a-z2-7]{8}=[a-z2-7]{2}=sender\.test=ann@ours\.test', mail['from'])
    assert mail['data'].endswith(signed)
    assert dkim.verify(mail['data'], dnsfunc=lambda name, timeout=5: record.replace('" "', '').strip('"').encode())
    assert b'\nReturn-Path: <ann@sender.test>' in b'\n' + w.server.wait_mails(YOU)[0]
    empty(w.server)
    resolved = w.server.cli('address', 'resolve', 'info@ours.test').stdout
    assert resolved == 'you@ours.test\nforward to Bob@remote.test\n'


def test_a_bounce_finds_its_way_back_and_nobody_else_does(keep):
    w = World(keep, {'info@ours.test': ['bob@remote.test']})
    send(w.server, 'info@ours.test')
    back = w.remote.wait_mails()[0]['from']
    w.server.stop()
    w.server.start()  # the secret lasts
    report = 'From: postmaster@remote.test\r\nTo: %s\r\nSubject: failed\r\n\r\nbody\r\n' % back
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(w.server, back, '127.0.0.9', 'mallory@remote.test', text=report)
    assert refused.value.recipients[back][0] == 550
    forged = back.replace('ann@', 'eve@')
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(w.server, forged, '127.0.0.9', '', text=report)
    assert refused.value.recipients[forged][1].startswith(b'5.1.1')
    send(w.server, back.upper().replace('@OURS.TEST', '@ours.test'), '127.0.0.9', '', text=report)
    mail = w.sender.wait_mails()[0]
    assert (mail['from'], mail['to'][0].lower()) == ('', 'ann@sender.test')
    assert b'Subject: failed' in mail['data']
    empty(w.server)


def test_junk_is_not_sent_on(keep):
    w = World(keep, {'away@ours.test': ['bob@remote.test'], 'both@ours.test': ['bob@remote.test', YOU]})
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(w.server, 'away@ours.test', UNPROVEN, 'eve@junk.test')
    assert refused.value.smtp_code == 550 and refused.value.smtp_error.startswith(b'5.7.1')
    send(w.server, 'both@ours.test', UNPROVEN, 'eve@junk.test')
    w.server.wait_mails(YOU, folder='.Junk')
    empty(w.server)
    assert not w.remote.mails and not w.server.mails(YOU)
    why = w.server.cli('why', 'both@ours.test').stdout
    assert 'accepted, as junk, from <eve@junk.test>' in why and "isn't sent on to 1 address elsewhere" in why


def test_each_way_elsewhere(keep):
    """From alias to alias, with a tag, by the catch-all, back to the author, without a sender."""
    w = World(keep, {'second@ours.test': ['bob@remote.test', YOU], 'first@ours.test': ['second@ours.test'],
                     'self@ours.test': ['ann@sender.test']})
    w.server.cli('alias', 'add', '@ours.test', 'rest@remote.test')
    wait_for(lambda: w.server.knows('anybody@ours.test'), what='the catch-all')
    ours = r'SRS0=[a-z2-7]{8}=[a-z2-7]{2}=sender\.test=ann@ours\.test'
    send(w.server, 'first+tag@ours.test')
    mail = w.remote.wait_mails()[0]
    assert mail['to'] == ['bob@remote.test'] and re.fullmatch(ours, mail['from'])
    assert b'Delivered-To: first+tag@ours.test' in w.server.wait_mails(YOU)[0]
    send(w.server, 'anybody@ours.test')
    mail = w.remote.wait_mails(2)[1]
    assert mail['to'] == ['rest@remote.test'] and re.fullmatch(ours, mail['from'])
    send(w.server, 'self@ours.test')
    mail = w.sender.wait_mails()[0]
    assert mail['to'] == ['ann@sender.test'] and re.fullmatch(ours, mail['from'])
    send(w.server, 'second@ours.test', sender='')
    assert w.remote.wait_mails(3)[2]['from'] == ''
    empty(w.server)


def test_a_long_sender_comes_back_through_postfix(keep):
    """The return address has more than the 64 octets that a local part needn't exceed; Postfix takes it, and its bounce
    finds the author."""
    port, author = lab.free_port(), 'a' * 64 + '@sender.test'
    dns = keep(Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1', 'ours.test': '@ TXT "v=spf1 ?all"',
                    'sender.test': '@ MX 10 mx\nmx A 127.0.0.5\n@ TXT "v=spf1 ip4:127.0.0.7 ?all"'}))
    server = keep(Postern(resolver=dns.address, outbound_port=port, retry_min='1s', retry_max='2s')).start()
    sender = keep(Remote(host='127.0.0.5', port=port))
    server.user(YOU)
    server.cli('alias', 'add', 'info@ours.test', 'bob@remote.test')
    server.cli('alias', 'add', 'gone@ours.test', 'gone@remote.test')
    wait_for(lambda: server.knows('gone@ours.test'), what='the aliases')
    ways = 'inline:{ours.test=smtp:[127.0.0.1]:%d gone@remote.test=error:gone}' % server.smtp
    postfix = keep(Postfix(port=port, transport_maps=ways))
    send(server, 'info@ours.test', sender=author)
    assert re.search(rb'Return-Path: <SRS0=\S+=%s@ours.test>' % (b'a' * 64), postfix.wait_mails()[0])
    send(server, 'gone@ours.test', sender=author)
    mail = sender.wait_mails(seconds=60)[0]
    assert (mail['from'], mail['to']) == ('', [author])
    settled(server)


@pytest.mark.parametrize('targets,reader', [(['bad@remote.test'], YOU),
                                            (['bad@remote.test', 'second@ours.test'], 'second@ours.test')])
def test_the_owner_hears_of_a_failure_when_the_sender_is_not_proven(keep, targets, reader):
    w = World(keep, {}, {'RCPT bad@remote.test': '550 5.1.1 no such user'})
    w.server.user('second@ours.test')
    w.server.cli('alias', 'add', 'info@ours.test', *targets)
    wait_for(lambda: w.server.knows('info@ours.test'), what='the alias')
    send(w.server, 'info@ours.test', UNPROVEN)
    found = lambda: [m for m in w.server.mails(reader) if b'multipart/report' in m]
    report = email.message_from_bytes(wait_for(found, what='the report')[0])
    assert report['Return-Path'] == '<>' and 'ann@sender.test' in report.get_payload()[0].get_payload()
    assert report.get_payload()[1].get_payload()[1]['Final-Recipient'] == 'rfc822; bad@remote.test'
    empty(w.server)
    assert not w.sender.mails and len(found()) == 1
    assert w.server.events('told', to='<info@ours.test>' if len(targets) > 1 else '<postmaster@ours.test>')


def test_a_proven_sender_hears_of_a_failure_in_a_signed_report(keep):
    w = World(keep, {'info@ours.test': ['bad@remote.test', YOU]},
              {'RCPT bad@remote.test': '550 5.1.1 no bad@remote.test'})
    send(w.server, 'info@ours.test')
    mail = w.sender.wait_mails()[0]
    assert (mail['from'], mail['to']) == ('', ['ann@sender.test'])
    with open(w.server.data + '/dns/ours.test.postern.txt', 'rb') as f:
        record = f.read().strip()
    assert dkim.verify(mail['data'], dnsfunc=lambda name, timeout=5: record)
    report = email.message_from_bytes(mail['data'])
    assert '<postmaster@ours.test>' in report['From']
    status = report.get_payload()[1].get_payload()[1]
    assert status['Final-Recipient'] == 'rfc822; info@ours.test' and status['Status'] == '5.1.1'
    assert b'remote.test' not in mail['data']
    empty(w.server)
    assert len(w.server.mails(YOU)) == 1  # the message itself


def test_reports_that_fail_end_there(keep):
    w = World(keep, {'info@ours.test': ['bad@remote.test']}, {'RCPT': '550 5.1.1 nobody'})
    w.sender.answers['RCPT'] = '550 5.1.1 nobody here either'
    send(w.server, 'info@ours.test')
    wait_for(lambda: w.server.events('bounced', to='<ann@sender.test>'), what='the failure of the report')
    send(w.server, 'info@ours.test', sender='')
    wait_for(lambda: len(w.server.events('bounced', to='<bad@remote.test>')) == 2, what='the second failure')
    empty(w.server)
    assert not w.sender.mails and not w.server.mails(YOU)


def test_users_reach_aliases_that_lead_elsewhere_and_stay_themselves(keep):
    from test_submission import submit
    w = World(keep, {'info@ours.test': ['bob@remote.test']})
    with submit(w.server) as c:
        c.sendmail(YOU, ['info@ours.test'], 'From: you@ours.test\r\nSubject: hello\r\n\r\nbody\r\n')
    assert w.remote.wait_mails()[0]['from'] == YOU


def settled(*servers):
    for server in servers:
        empty(server)


def test_a_loop_between_two_of_ours_ends_at_the_sender(keep):
    """Each sends on to the other, until one refuses; the refusal goes back over all return addresses."""
    dns = keep(Dns(zones(**{'ours.test': '@ MX 10 mx\nmx A 127.0.0.1\n@ TXT "v=spf1 ip4:127.0.0.1 -all"',
                            'also.test': '@ MX 10 mx\nmx A 127.0.0.1\n@ TXT "v=spf1 ip4:127.0.0.1 -all"'})))
    ours, also = [keep(Postern(domain=d, resolver=dns.address, retry_min='1s', retry_max='2s'))
                  for d in ('ours.test', 'also.test')]
    ours.env['POSTERN_OUTBOUND_PORT'], also.env['POSTERN_OUTBOUND_PORT'] = str(also.smtp), str(ours.smtp)
    sender = keep(Remote(host='127.0.0.5', port=also.smtp))
    for server, domain, other in (ours, 'ours.test', 'also.test'), (also, 'also.test', 'ours.test'):
        server.start()
        server.user('you@' + domain)
        server.cli('alias', 'add', 'loop@' + domain, 'loop@' + other)
        wait_for(lambda: server.knows('loop@' + domain), what='the alias')
    send(ours, 'loop@ours.test')
    mail = sender.wait_mails()[0]
    assert (mail['from'], mail['to']) == ('', ['ann@sender.test'])
    settled(ours, also, ours)
    assert len(sender.mails) == 1
    passes = [e for s in (ours, also) for e in s.events('received') if e['to'].startswith('<loop@')]
    assert 5 <= len(passes) <= 12, len(passes)
    assert not ours.mails('you@ours.test') and not also.mails('you@also.test')


def test_a_loop_with_a_server_that_keeps_the_sender_ends(keep):
    """Postfix sends bob's mail back to the alias that leads to bob, with the return address as it came."""
    port = lab.free_port()
    dns = keep(Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1', 'ours.test': '@ TXT "v=spf1 ?all"',
                    'sender.test': '@ MX 10 mx\nmx A 127.0.0.5\n@ TXT "v=spf1 ip4:127.0.0.7 ?all"'}))
    server = keep(Postern(resolver=dns.address, outbound_port=port, retry_min='1s', retry_max='2s')).start()
    sender = keep(Remote(host='127.0.0.5', port=port))
    server.user(YOU)
    server.cli('alias', 'add', 'info@ours.test', 'bob@remote.test')
    wait_for(lambda: server.knows('info@ours.test'), what='the alias')
    keep(Postfix(port=port, to_port=server.smtp, virtual_alias_maps='inline:{bob@remote.test=info@ours.test}'))
    send(server, 'info@ours.test')
    mail = sender.wait_mails(seconds=60)[0]
    assert (mail['from'], mail['to']) == ('', ['ann@sender.test'])
    settled(server)
    assert len(server.events('received', to='<info@ours.test>')) <= 7 and len(sender.mails) == 1
