"""Mail to other servers: routes, retries, bounces, and what survives a crash."""
import email, os, smtplib, time

import pytest

import lab
from lab import PASSWORD, Dns, Postern, Postfix, Remote, wait_for
from test_submission import MESSAGE, submit

FAST = dict(retry_min='1s', retry_max='2s')


def world(keep, zones, port, root=True, **settings):
    dns = keep(Dns(zones, root=root))
    server = keep(Postern(resolver=dns.address, outbound_port=port, **{**FAST, **settings})).start()
    server.user('you@ours.test')
    return server


def send(server, *to, text=MESSAGE):
    with submit(server) as c:
        return c.sendmail('you@ours.test', list(to), text)


def queue(server):
    import json
    return json.loads(server.cli('queue', 'list', '--json').stdout)


def test_temporary_refusal_is_tried_again(keep):
    remote = keep(Remote(answers={'RCPT': ['451 4.7.1 later', '451 4.7.1 later', '250 2.1.5 ok']}))
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, remote.port)
    send(s, 'bob@remote.test')
    remote.wait_mails()
    wait_for(lambda: queue(s) == [], what='an empty queue')
    assert len(s.events('deferred')) == 2 and len(s.events('delivered', to='<bob@remote.test>')) == 1
    assert s.mails('you@ours.test') == []


def test_permanent_refusal_bounces_once_and_reads_field_by_field(keep):
    remote = keep(Remote(answers={'RCPT bad@remote.test': '550 5.1.1 no such \x07user here'}))
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, remote.port)
    send(s, 'bad@remote.test', 'good@remote.test')
    bounce = email.message_from_bytes(s.wait_mails('you@ours.test')[0])
    assert remote.wait_mails()[0]['to'] == ['good@remote.test']
    assert bounce['Return-Path'] == '<>' and bounce['To'] and bounce['Auto-Submitted'].startswith('auto-')
    assert bounce.get_content_type() == 'multipart/report' and bounce.get_param('report-type') == 'delivery-status'
    human, status, original = bounce.get_payload()
    assert human.get_content_type() == 'text/plain' and 'bad@remote.test' in human.get_payload()
    message, recipient = status.get_payload()
    assert message['Reporting-MTA'] == 'dns; mail.ours.test' and message['Arrival-Date']
    assert recipient['Final-Recipient'] == 'rfc822; bad@remote.test' and recipient['Action'] == 'failed'
    assert recipient['Status'] == '5.1.1' and recipient['Diagnostic-Code'].startswith('smtp; 550 5.1.1 no such')
    assert recipient['Remote-MTA'] == 'dns; mx.remote.test' and '\x07' not in str(status)
    assert 'Subject: hello' in str(original) and 'body' not in str(original.get_payload())
    for _ in range(3):
        s.stop()
        s.start()
    wait_for(lambda: queue(s) == [], what='an empty queue')
    assert len(s.mails('you@ours.test')) == 1 and len(remote.mails) == 1


def test_next_mx_is_tried(keep):
    remote = keep(Remote(host='127.0.0.3'))
    busy = keep(Remote(host='127.0.0.2', port=remote.port, answers={'GREETING': '421 4.3.2 too busy'}))
    s = world(keep, {'remote.test': '@ MX 10 a\n@ MX 20 b\n@ MX 30 c\na A 127.0.0.1\nb A 127.0.0.2\nc A 127.0.0.3'},
              remote.port)
    send(s, 'bob@remote.test')
    remote.wait_mails()
    assert busy.sessions and wait_for(lambda: s.events('delivered'), what='the event')[0]['host'].startswith('c.remote.test')


@pytest.mark.parametrize('zone,code', [('@ MX 0 .', '5.1.10'), ('@ TXT "no mail here"', '5.'), (None, '5.1.2')])
def test_domains_that_take_no_mail_bounce_at_once(keep, zone, code):
    zones = {'elsewhere.test': '@ A 127.0.0.1'}
    if zone:
        zones['remote.test'] = zone
    else:
        zones['test'] = '@ A 127.0.0.1'
    s = world(keep, zones, lab.free_port())
    send(s, 'bob@remote.test')
    bounce = email.message_from_bytes(s.wait_mails('you@ours.test')[0])
    assert bounce.get_payload()[1].get_payload()[1]['Status'].startswith(code)


def test_address_record_serves_without_mx(keep):
    remote = keep(Remote())
    s = world(keep, {'remote.test': '@ A 127.0.0.1'}, remote.port)
    send(s, 'bob@remote.test')
    remote.wait_mails()


def test_no_answer_from_the_dns_defers(keep):
    s = world(keep, {'elsewhere.test': '@ A 127.0.0.1'}, lab.free_port(), root=False)
    send(s, 'bob@remote.test')
    wait_for(lambda: s.events('deferred'), what='the event')
    assert queue(s) and s.mails('you@ours.test') == []


def test_failed_handshake_is_followed_by_plain_text(keep):
    remote = keep(Remote(extensions=('STARTTLS', 'PIPELINING'), answers={'STARTTLS': '220 2.0.0 go on'}))
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, remote.port)
    send(s, 'bob@remote.test')
    remote.wait_mails()
    assert len(remote.sessions) == 2


def test_recipients_of_one_domain_share_a_transaction_and_sessions_are_reused(keep):
    remote = keep(Remote())
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, remote.port)
    send(s, 'a@remote.test', 'b@remote.test', 'c@remote.test')
    assert sorted(remote.wait_mails()[0]['to']) == ['a@remote.test', 'b@remote.test', 'c@remote.test']
    send(s, 'd@remote.test')
    remote.wait_mails(2)
    assert len(remote.sessions) == 1


def test_attempts_and_next_time_survive_kill_9(keep):
    remote = keep(Remote(answers={'RCPT': '451 4.7.1 later'}))
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, remote.port, retry_min='1h', retry_max='2h')
    send(s, 'bob@remote.test')
    before = wait_for(lambda: [q for q in queue(s) if q['attempts'] == 1 and not q['busy']], what='the first try')[0]
    s.kill_all()
    s.start()
    after = queue(s)[0]
    assert (after['attempts'], after['next_ms']) == (before['attempts'], before['next_ms'])
    assert '451' in after['recipients'][0]['reply']
    assert len(remote.sessions) == 1
    remote.answers['RCPT'] = '250 2.1.5 ok'
    s.cli('queue', 'retry', after['id'])
    remote.wait_mails()
    wait_for(lambda: queue(s) == [], what='an empty queue')


def test_queue_show_retry_and_drop(keep):
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, lab.free_port(), retry_min='1h', retry_max='2h')
    send(s, 'bob@remote.test')
    item = wait_for(lambda: [q for q in queue(s) if q['attempts'] == 1 and not q['busy']], what='the first try')[0]
    shown = s.cli('queue', 'show', item['id']).stdout
    assert 'bob@remote.test' in shown and 'you@ours.test' in shown and 'waiting' in shown
    s.cli('queue', 'retry', '--to', 'remote.test')
    wait_for(lambda: [q for q in queue(s) if q['attempts'] == 2 and not q['busy']], what='the second try')
    assert s.cli('queue', 'drop', '--to', 'other.test', check=False).returncode == 3
    s.cli('queue', 'drop', item['id'])
    wait_for(lambda: queue(s) == [], what='an empty queue')
    wait_for(lambda: os.listdir(os.path.join(s.data, 'spool')) == [], what='an empty spool')
    assert s.mails('you@ours.test') == []
    assert s.cli('queue', 'show', item['id'], check=False).returncode == 3


def test_what_is_held_waits_for_its_release_and_does_not_expire(keep):
    remote = keep(Remote(answers={'RCPT': '550 5.7.25 no PTR record'}))
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, lab.free_port(), queue_lifetime='1h')
    send(s, 'bob@remote.test')
    first = wait_for(lambda: queue(s), what='the message')[0]['id']
    wait_for(lambda: s.cli('queue', 'hold', first, check=False).returncode == 0, what='the hold')
    assert queue(s)[0]['held'] and '  held' in s.cli('queue', 'show', first).stdout
    assert s.cli('queue', 'retry', first, check=False).returncode == 4
    s.kill_all()
    s.env.update(POSTERN_OUTBOUND_PORT=str(remote.port), POSTERN_QUEUE_LIFETIME='3s')
    s.start()
    time.sleep(4)  # longer than the lifetime and both waits
    assert queue(s)[0]['held'] and not remote.sessions and s.mails('you@ours.test') == []
    assert 'held     1' in s.cli('status').stdout
    s.cli('queue', 'release', '--to', 'remote.test')
    bounce = s.wait_mails('you@ours.test')[0].decode()
    assert '550 5.7.25' in bounce and len(remote.sessions) == 1
    wait_for(lambda: queue(s) == [], what='an empty queue')
    assert [line for line in s.cli('why', first).stdout.splitlines() if 'advice: ' in line and 'PTR' in line]


def test_given_up_after_the_lifetime_with_a_warning_before(keep):
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, lab.free_port(), queue_lifetime='8s',
              queue_warning='3s')
    send(s, 'bob@remote.test')
    mails = [email.message_from_bytes(m) for m in s.wait_mails('you@ours.test', 2, seconds=30)]
    actions = sorted(m.get_payload()[1].get_payload()[1]['Action'] for m in mails)
    assert actions == ['delayed', 'failed']
    wait_for(lambda: queue(s) == [], what='an empty queue')


def test_that_nobody_answers_is_told_as_our_finding(keep):
    """Bounce, warning, queue and history say the same, and put it into no server's mouth."""
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, lab.free_port(), queue_lifetime='8s',
              queue_warning='3s')
    finding = "mx.remote.test couldn't be reached: Connection refused"
    meaning = "The receiver's server can't be reached"
    send(s, 'bob@remote.test')
    waiting = wait_for(lambda: [i for i in queue(s) if i['recipients'][0]['reply']], what='a try')[0]
    s.stop()
    s.start()
    shown = s.cli('queue', 'show', waiting['id']).stdout
    assert '451 4.4.1 ' + finding + '\n' in shown and meaning in shown
    mails = [email.message_from_bytes(m) for m in s.wait_mails('you@ours.test', 2, seconds=30)]
    for human, status, _ in (mail.get_payload() for mail in mails):
        recipient, text = status.get_payload()[1], ' '.join(human.get_payload().split())
        assert recipient['Status'] == '4.4.1' and recipient['Remote-MTA'] is None
        assert ' '.join(recipient.get_all('Diagnostic-Code')[0].split()) == 'X-Postern; ' + finding
        assert finding + '.' in text and 'What it means: ' + meaning in text and 'answer' not in text
    told = s.cli('why', waiting['id']).stdout
    assert 'because: 451 4.4.1 ' + finding in told and meaning in told and 'it said' not in told


def test_smarthost(keep):
    remote = keep(Remote())
    s = world(keep, {'elsewhere.test': '@ A 127.0.0.1'}, lab.free_port(), relay='127.0.0.1:%d' % remote.port,
              relay_tls='none')
    send(s, 'a@one.test', 'b@two.test')
    assert sorted(remote.wait_mails()[0]['to']) == ['a@one.test', 'b@two.test']


def test_private_destinations_are_refused_unless_allowed(keep):
    remote = keep(Remote())
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, remote.port, allow_private_destinations='no')
    send(s, 'bob@remote.test')
    wait_for(lambda: s.events('deferred') or s.events('bounced'), what='the event')
    assert not remote.sessions


@pytest.mark.parametrize('answers', [{'DOT': None}, {'MAIL': None}, {'GREETING': None}, {'DATA': '421 4.3.0 bye'},
                                     {'EHLO': 'garbage without a code'}, {'RCPT': '250-endless'}])
def test_remote_that_misbehaves_loses_nothing(keep, answers):
    remote = keep(Remote(answers={k: [v, '250 2.0.0 ok'] for k, v in answers.items()} if 'DOT' in answers else answers))
    s = world(keep, {'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}, remote.port)
    send(s, 'bob@remote.test')
    wait_for(lambda: s.events('deferred'), 30, what='the event')
    remote.answers.clear()
    remote.wait_mails(seconds=30)
    assert s.mails('you@ours.test') == []
