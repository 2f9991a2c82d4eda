"""postern why: what happened to a message, step by step, from the history."""
import json, os, smtplib

import pytest

from lab import Dns, Postern, Remote, wait_for
from test_submission import MESSAGE, submit

FAST = dict(retry_min='1s', retry_max='2s')
TEXT = 'From: %s\r\nTo: you@ours.test\r\nMessage-ID: <%s>\r\nSubject: secret words\r\n\r\nhidden body\r\n'
ZONES = {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1\n@ TXT "v=spf1 ip4:127.0.0.1 -all"',
         'forged.test': '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=reject; rua=mailto:r@forged.test"'}


def world(keep, port=1, **settings):
    dns = keep(Dns(ZONES))
    server = keep(Postern(resolver=dns.address, outbound_port=port, **{**FAST, **settings})).start()
    server.user('you@ours.test')
    return server


def receive(server, sender, message_id, to='you@ours.test'):
    with smtplib.SMTP('127.0.0.1', server.smtp, local_hostname='client.test', timeout=20) as c:
        c.sendmail(sender, [to], TEXT % (sender, message_id))


def lines(server, what):
    """What the history has, once it has something."""
    def ask():
        done = server.cli('why', what, '--json', check=False)
        assert done.returncode in (0, 3), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return wait_for(ask, what='a history of ' + what)


def test_each_name_of_a_message_finds_it(keep):
    server = world(keep)
    receive(server, 'ann@remote.test', 'one.1@remote.test')
    receive(server, 'bob@remote.test', 'two.2@remote.test')
    wait_for(lambda: len(server.events('delivered')) == 2, what='delivery')
    found = lines(server, '<one.1@remote.test>')
    assert [line['event'] for line in found] == ['received', 'delivered']
    assert found[0]['from'] == '<ann@remote.test>' and found[0]['spf'] == 'pass' and found[0]['step.1']
    for what in (found[0]['id'], 'Ann@REMOTE.test', 'one.1@remote.test'):
        assert lines(server, what) == found
    assert len(lines(server, 'you@ours.test')) == 4
    text = server.cli('why', found[0]['id']).stdout
    assert text.startswith(found[0]['id'] + '\n') and 'spf pass' in text and '1. ' in text and 'delivered' in text
    assert 'secret' not in text and 'hidden' not in text
    unknown = server.cli('why', 'nobody@remote.test', check=False)
    assert unknown.returncode == 3 and unknown.stdout == ''


def test_an_author_who_is_not_the_sender_finds_it(keep):
    """What people see is the author; lists and services send in the name of others."""
    server = world(keep)
    for sender, author in ('bounces@remote.test', 'Boss <boss@other.test>'), ('ann@remote.test', 'ANN@remote.test'):
        with smtplib.SMTP('127.0.0.1', server.smtp, local_hostname='client.test', timeout=20) as c:
            c.sendmail(sender, ['you@ours.test'], TEXT % (author, 'of.' + sender))
    with pytest.raises(smtplib.SMTPDataError):
        with smtplib.SMTP('127.0.0.1', server.smtp, local_hostname='client.test', timeout=20) as c:
            c.sendmail('x@remote.test', ['you@ours.test'], TEXT % ('eve@forged.test', 'refused@remote.test'))
    wait_for(lambda: len(server.events('delivered')) == 2, what='delivery')
    found = lines(server, 'boss@other.test')
    assert [line['event'] for line in found] == ['received', 'delivered'] and found[0]['author'] == '<boss@other.test>'
    assert found == lines(server, 'bounces@remote.test') and 'author' not in lines(server, 'ann@remote.test')[0]
    assert [line['code'] for line in lines(server, 'eve@forged.test')] == [550]
    assert 'author <boss@other.test>' in server.cli('why', 'boss@other.test').stdout
    assert 'boss@other.test' not in server.log()


def test_a_refused_message_is_explained_after_a_restart(keep):
    server = world(keep)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        receive(server, 'ann@forged.test', 'three.3@forged.test')
    assert refused.value.smtp_code == 550
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        receive(server, 'ann@forged.test', 'four.4@forged.test', to='nobody@ours.test')
    found = lines(server, 'three.3@forged.test')
    server.stop()
    server.start()
    assert lines(server, 'three.3@forged.test') == found
    assert found[0]['event'] == 'reject' and found[0]['disposition'] == 'reject' and found[0]['code'] == 550
    assert found[0]['dmarc'] == 'fail' and found[0]['step.1']
    assert [line['code'] for line in lines(server, 'ann@forged.test')] == [550, 550]


def test_each_attempt_is_told(keep):
    remote = keep(Remote(answers={'RCPT': ['451 4.7.1 come back', '250 2.1.5 ok']}))
    server = world(keep, remote.port)
    with submit(server) as c:
        c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)
    remote.wait_mails()
    wait_for(lambda: server.events('delivered'), what='the event')
    found = lines(server, 'bob@remote.test')
    assert [line['event'] for line in found] == ['received', 'deferred', 'waits', 'delivered']
    assert 'come back' in found[1]['reply'] and found[1]['host'].startswith('mx.remote.test')
    assert found[2]['next'].endswith('Z') and found[3]['try'] == 2


def test_each_life_is_told_in_words(keep):
    remote = keep(Remote(answers={
        'RCPT grey@remote.test': ['450 4.2.0 Greylisted', '250 2.1.5 ok'],
        'RCPT gmail@remote.test': '550 5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.',
        'RCPT held@remote.test': '450 4.2.0 Greylisted'}))
    server = world(keep, remote.port, retry_min='3s', retry_max='3s')
    receive(server, 'ann@remote.test', 'good.1@remote.test')
    with pytest.raises(smtplib.SMTPDataError):
        receive(server, 'eve@forged.test', 'bad.1@forged.test')
    with submit(server) as c:
        for name in 'grey', 'gmail', 'held':
            c.sendmail('you@ours.test', [name + '@remote.test'], MESSAGE)
        c.sendmail('you@ours.test', ['x@nowhere.test'], MESSAGE)
    held = wait_for(lambda: server.events('deferred', to='<held@remote.test>'), what='the event')[0]['id']
    wait_for(lambda: server.cli('queue', 'hold', held, check=False).returncode == 0, what='the hold')
    wait_for(lambda: server.events('delivered', to='<grey@remote.test>'), what='the second try')
    lives = {
        'good.1@remote.test': ['accepted from <ann@remote.test> to <you@ours.test>',
                               'delivered into the mailbox you@ours.test of <you@ours.test>'],
        'bad.1@forged.test': ['refused, from <eve@forged.test>', '    4. DMARC policy of forged.test: reject',
                              '    we said: 550 5.7.26 The DMARC policy of forged.test'],
        'grey@remote.test': ['not yet delivered to <grey@remote.test>', '    try 1: mx.remote.test[127.0.0.1]:',
                             ', in plain text, ', '    it said: 450 4.2.0 Greylisted', '    advice: ',
                             'waits, next try 20', 'delivered to <grey@remote.test>', '    try 2: ',
                             '    it said: 250'],
        'gmail@remote.test': ['reported to <you@ours.test> by the message ', 'failed for good, to <gmail@remote.test>',
                              '    it said: 550 5.7.26', '    advice: '],
        'x@nowhere.test': ['failed for good, to <x@nowhere.test>', "    because: 550 5.1.2 The domain doesn't exist"],
        held: ['not yet delivered', 'held by hand'],
    }
    for what, sentences in lives.items():
        text, at = server.cli('why', what).stdout, 0
        for sentence in sentences:
            at = text.find(sentence, at)
            assert at >= 0, (sentence, text)
    shown = server.cli('queue', 'show', held).stdout
    assert '  held\n' in shown and 'tried again by itself' not in shown


def test_refusals_have_files_of_their_own(keep):
    server = world(keep)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        receive(server, 'ann@forged.test', 'one@forged.test', to='nobody@ours.test')
    with pytest.raises(smtplib.SMTPDataError):
        receive(server, 'ann@forged.test', 'two@forged.test')
    receive(server, 'ann@remote.test', 'three@remote.test')
    events = lambda folder: [json.loads(line)['event'] for name in sorted(os.listdir(folder)) if name.endswith('.jsonl')
                             for line in open(os.path.join(folder, name))]
    history = os.path.join(server.data, 'history')
    wait_for(lambda: events(history) == ['received', 'delivered'], what='the mail')
    assert events(os.path.join(history, 'refused')) == ['reject', 'reject']
    server.stop()
    assert os.stat(os.path.join(history, 'refused')).st_mode & 0o777 == 0o700


def test_what_a_person_drops_is_told(keep):
    server = world(keep, retry_min='1h', retry_max='1h')
    with submit(server) as c:
        c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)
    message = wait_for(lambda: server.events('deferred'), what='the event')[0]['id']
    wait_for(lambda: server.cli('queue', 'drop', message, check=False).returncode == 0, what='the drop')
    assert lines(server, message)[-1]['event'] == 'dropped'


def test_the_history_is_kept_without_a_log_and_without_the_soft_store(keep):
    server = world(keep)
    server.stop()
    soft = os.path.join(server.data, 'store', 'soft')
    assert 'rows.db' in os.listdir(soft)
    with open(os.path.join(soft, 'rows.db'), 'r+b') as f:
        f.write(b'?' * 8192)
    server.env['POSTERN_LOG_LEVEL'] = 'error'
    server.start_quiet()
    receive(server, 'ann@remote.test', 'five.5@remote.test')
    wait_for(lambda: len(lines(server, 'five.5@remote.test')) == 2, what='both lines')
    assert any(name.startswith('soft.') for name in os.listdir(os.path.join(server.data, 'bad')))
    for folder in ('history', 'store/soft'):
        assert os.stat(os.path.join(server.data, folder)).st_mode & 0o777 == 0o700
    assert server.mails('you@ours.test')


def test_what_a_domain_wants_reported_is_counted_and_kept(keep):
    server = world(keep)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError):
            receive(server, 'ann@forged.test', 'six.6@forged.test')
    receive(server, 'ann@remote.test', 'seven.7@remote.test')  # asks for nothing
    server.stop()
    with open(os.path.join(server.data, 'store', 'soft', 'rows.db'), 'rb') as f:
        rows = f.read()
    assert b'mailto:r@forged.test' in rows and b'dmarc-row' in rows and b'remote.test' not in rows
