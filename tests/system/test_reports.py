"""Reports on DMARC and TLS: real mail is counted, `postern report send --now` sends, and others' tools read what
arrives: dkimpy, gunzip, xmllint with RFC 9990's schema, Python's JSON."""
import email, email.policy, gzip, json, os, smtplib, ssl, subprocess, time
import xml.etree.ElementTree as ET

import dkim, pytest

import lab
from lab import Dns, Postern, Remote, wait_for
from web_host import Authority, Web

YOU = 'you@ours.test'
SCHEMA = os.path.join(lab.ROOT, 'tests/vectors/dmarc-report/dmarc-xml-0.2.xsd')
XML = '{urn:ietf:params:xml:ns:dmarc-2.0}'
HERE = '@ MX 10 mx\nmx A 127.0.0.1\n'


@pytest.fixture(scope='module')
def dns():
    d = Dns({
        'asks.test': HERE + '@ TXT "v=spf1 ip4:127.0.0.0/8 -all"\n'
                     '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@asks.test,mailto:flood@victim.test"',
        'victim.test': HERE,
        'agreed.test': HERE + 'far.test._report._dmarc TXT "v=DMARC1;"',
        'far.test': '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=none; rua=mailto:d@agreed.test!10m"',
        'plain.test': HERE + '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@plain.test"',
        'quiet.test': HERE,
    })
    yield d
    d.close()


@pytest.fixture
def remote(keep):
    return keep(Remote())


@pytest.fixture
def server(keep, dns, remote):
    s = keep(Postern(resolver=dns.address, outbound_port=remote.port)).start()
    s.user(YOU)
    return s


def receive(server, author, count=1):
    message = 'From: %s\r\nTo: %s\r\nSubject: x\r\n\r\nbody\r\n' % (author, YOU)
    with smtplib.SMTP('127.0.0.1', server.smtp, local_hostname='client.test', timeout=30) as c:
        for _ in range(count):
            c.sendmail(author, [YOU], message)


def submit(server, *recipients):
    context = ssl._create_unverified_context()
    with smtplib.SMTP_SSL('127.0.0.1', server.submissions, context=context, timeout=30) as c:
        c.login(YOU, lab.PASSWORD)
        c.sendmail(YOU, recipients, 'From: %s\r\nTo: x@x.test\r\nSubject: x\r\n\r\nbody\r\n' % YOU)


def our_key(server):
    """What the DNS would answer to a verifier."""
    with open(os.path.join(server.data, 'dns', 'ours.test.postern.txt'), 'rb') as f:
        record = f.read().strip()
    return lambda name, timeout=5: record


def opened(server, mail):
    """The report's message, its file's name, and what is in the file; signed by us."""
    assert dkim.verify(mail['data'], dnsfunc=our_key(server))
    assert mail['from'] == 'reports@ours.test'
    message = email.message_from_bytes(mail['data'], policy=email.policy.default)
    assert message['From'].addresses[0].addr_spec == 'postmaster@ours.test'
    assert message['Auto-Submitted'] == 'auto-generated'
    text, file = message.iter_parts()
    assert text.get_content_type() == 'text/plain'
    return message, file, gzip.decompress(file.get_payload(decode=True))


def reports_to(remote, address):
    return [m for m in remote.mails if m['to'] == [address]]


def test_dmarc_report_says_what_came(server, remote):
    receive(server, 'ann@asks.test', 3)
    sent = json.loads(server.cli('report', 'send', '--now', '--json').stdout)
    assert sent == {'sent': 1, 'kept': 0}
    mail = remote.wait_mails()[0]
    message, file, xml = opened(server, mail)
    assert mail['to'] == ['d@asks.test']
    assert ' '.join(message['Subject'].split()).startswith(
        'Report Domain: asks.test Submitter: ours.test Report-ID: <')
    assert file.get_content_type() == 'application/gzip'
    parts = file.get_filename().split('!')
    assert parts[:2] == ['ours.test', 'asks.test'] and parts[4].endswith('.xml.gz')
    assert int(parts[2]) % 86400 == 0 and int(parts[2]) <= int(parts[3]) <= time.time()
    subprocess.run(['xmllint', '--noout', '--nonet', '--schema', SCHEMA, '-'], input=xml, check=True,
                   stderr=subprocess.DEVNULL)
    feedback = ET.fromstring(xml)
    texts = {e.tag.replace(XML, ''): e.text for e in feedback.iter()}
    assert (texts['count'], texts['source_ip'], texts['header_from']) == ('3', '127.0.0.1', 'asks.test')
    assert (texts['p'], texts['disposition'], texts['org_name']) == ('reject', 'pass', 'ours.test')
    assert feedback.find('.//%sspf/%sresult' % (XML, XML)).text == 'pass'
    # The rest of the world was not asked to agree, and isn't written to.
    assert server.cli('report', 'send', '--now').stdout == 'reports sent: 0\n'
    assert not reports_to(remote, 'flood@victim.test')


def test_who_agrees_gets_reports_about_others(server, remote):
    receive(server, 'bob@far.test')
    assert server.cli('report', 'send', '--now').stdout == 'reports sent: 1\n'
    _, _, xml = opened(server, remote.wait_mails()[0])
    assert remote.mails[0]['to'] == ['d@agreed.test']
    assert ET.fromstring(xml).find('.//%spolicy_evaluated/%sspf' % (XML, XML)).text == 'fail'


def test_tls_report_says_how_mail_went(server, remote):
    submit(server, 'a@plain.test', 'b@quiet.test')
    remote.wait_mails(2)
    wait_for(lambda: len(server.events('delivered')) >= 2, what='both delivered')
    assert server.cli('report', 'send', '--now').stdout == 'reports sent: 1\n'
    wait_for(lambda: reports_to(remote, 'tls@plain.test'), what='report')
    message, file, text = opened(server, reports_to(remote, 'tls@plain.test')[0])
    assert message['TLS-Report-Domain'] == 'plain.test' and message['TLS-Report-Submitter'] == 'ours.test'
    assert message['TLS-Required'] == 'No'
    assert message.get_content_type() == 'multipart/report' and message.get_param('report-type') == 'tlsrpt'
    assert file.get_content_type() == 'application/tlsrpt+gzip' and file.get_filename().endswith('.json.gz')
    report = json.loads(text)
    assert report['organization-name'] == 'ours.test' and report['contact-info'] == 'postmaster@ours.test'
    (policy,) = report['policies']
    assert policy['policy']['policy-type'] == 'no-policy-found' and policy['policy']['policy-domain'] == 'plain.test'
    assert policy['summary'] == {'total-successful-session-count': 0, 'total-failure-session-count': 1}
    (failure,) = policy['failure-details']
    assert failure['result-type'] == 'starttls-not-supported' and failure['receiving-ip'] == '127.0.0.1'
    # RFC 8460 5.3: its own delivery isn't in the next one.
    wait_for(lambda: len(server.events('delivered')) >= 3, what='report delivered')
    assert server.cli('report', 'send', '--now').stdout == 'reports sent: 0\n'


def test_tls_report_goes_over_https(keep, remote):
    authority = keep(Authority())
    pem, pages = authority.certificate('web.test'), 'location /taken { return 201; } location /unknown { return 404; }'
    web = keep(Web({'web.test': (pem, pages), 'false.test': (pem, pages)}))
    dns = keep(Dns({
        'post.test': HERE + '_smtp._tls TXT "v=TLSRPTv1; rua=https://web.test:%d/taken"' % web.port,
        'lost.test': HERE + '_smtp._tls TXT "v=TLSRPTv1; rua=https://web.test:%d/unknown"' % web.port,
        'trap.test': HERE + '_smtp._tls TXT "v=TLSRPTv1; rua=https://false.test:%d/taken"' % web.port,
        'web.test': '@ A 127.0.0.1',
        'false.test': '@ A 127.0.0.1',
    }))
    server = keep(Postern(resolver=dns.address, outbound_port=remote.port, ca_file=authority.file)).start()
    server.user(YOU)
    submit(server, 'a@post.test', 'b@lost.test', 'c@trap.test')
    remote.wait_mails(3)
    wait_for(lambda: len(server.events('delivered')) >= 3, what='all delivered')
    sent = json.loads(server.cli('report', 'send', '--now', '--json').stdout)
    assert sent == {'sent': 1, 'kept': 1}  # a certificate may be mended, 404 stays
    posts = [(line.split('"')[1].split()[:2], line.split('"')[2].split()[0]) for line in web.requests()]
    assert sorted(posts) == [(['POST', '/taken'], '201'), (['POST', '/unknown'], '404')]


def test_counts_outlive_the_server(server, remote):
    receive(server, 'ann@asks.test', 2)
    server.stop()
    server.start()
    assert server.cli('report', 'send', '--now').stdout == 'reports sent: 1\n'
    _, _, xml = opened(server, remote.wait_mails()[0])
    assert ET.fromstring(xml).find('.//%scount' % XML).text == '2'


def test_nobody_reports_when_told_not_to(keep, dns, remote):
    server = keep(Postern(resolver=dns.address, outbound_port=remote.port, reports='no')).start()
    server.user(YOU)
    receive(server, 'ann@asks.test')
    done = server.cli('report', 'send', '--now', check=False)
    assert done.returncode == 4 and 'POSTERN_REPORTS' in done.stderr
    assert not remote.mails
