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
