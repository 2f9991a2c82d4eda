"""Reports on DMARC and TLS: real mail is counted, `postern report send --now` sends, and others' tools read what
arrives: dkimpy, gunzip, xmllint with RFC 9990's schema, dmarc-cat, jsonschema with RFC 8460's rules."""
import email, email.policy, gzip, json, os, re, smtplib, ssl, subprocess, time
import xml.etree.ElementTree as ET

import dkim, jsonschema, pytest

import lab
from lab import Dns, Postern, Remote, wait_for
from test_tls_policy import DEFERRED, DELIVERED, MX, World, key_digest, sts_world, tlsa
from web_host import Authority, Web

YOU = 'you@ours.test'
SCHEMA = os.path.join(lab.ROOT, 'tests/vectors/dmarc-report/dmarc-xml-0.2.xsd')
TLS_SCHEMA = os.path.join(lab.ROOT, 'tests/vectors/tls-report/rfc8460.schema.json')
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


def read_tls(text):
    """The report, which is as RFC 8460 4.4 wants it."""
    report = json.loads(text)
    with open(TLS_SCHEMA) as f:
        jsonschema.validate(report, json.load(f), jsonschema.Draft7Validator, format_checker=jsonschema.FormatChecker())
    return report


def reports_to(remote, address):
    return [m for m in remote.mails if m['to'] == [address]]


def read_by_dmarc_cat(path, file):
    path.write_bytes(file)
    return subprocess.run(['dmarc-cat', '-N', path], check=True, stdout=subprocess.PIPE, encoding='utf-8').stdout


def test_dmarc_report_says_what_came(server, remote, tmp_path):
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
    read = read_by_dmarc_cat(tmp_path / file.get_filename(), file.get_payload(decode=True))
    assert 'Reporting by: ours.test' in read and 'asks.test' in read and 'p=reject' in read
    assert re.search(r'^127\.0\.0\.1\s+3\s+asks\.test\s', read, re.M)
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
    report = read_tls(text)
    assert report['organization-name'] == 'ours.test' and report['contact-info'] == 'postmaster@ours.test'
    (policy,) = report['policies']
    assert policy['policy']['policy-type'] == 'no-policy-found' and policy['policy']['policy-domain'] == 'plain.test'
    assert policy['summary'] == {'total-successful-session-count': 0, 'total-failure-session-count': 1}
    (failure,) = policy['failure-details']
    assert failure['result-type'] == 'starttls-not-supported' and failure['receiving-ip'] == '127.0.0.1'
    # RFC 8460 5.3: its own delivery isn't in the next one.
    wait_for(lambda: len(server.events('delivered')) >= 3, what='report delivered')
    assert server.cli('report', 'send', '--now').stdout == 'reports sent: 0\n'


TLSRPT = '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@remote.test"\n'


@pytest.fixture(scope='module')
def authority():
    made = Authority()
    yield made
    made.close()


def dane(record, tls='may'):
    return lambda keep, a: World(keep, a, None, record + TLSRPT, tls=tls)


def dane_good(keep, authority):
    pem = authority.certificate(MX)
    return World(keep, authority, pem, tlsa(3, 1, 1, key_digest(pem)) + TLSRPT)


def sts(mode, host=MX, days=2, mx=MX):
    return lambda keep, a: sts_world(keep, a, mode, a.certificate(host, days=days), mx, zone=TLSRPT)


def sts_away(keep, authority):
    zone = '_mta-sts TXT "v=STSv1; id=1"\nmta-sts A 127.0.0.1\n' + TLSRPT
    return World(keep, authority, None, zone, signed=False, sts_port=lab.free_port())


@pytest.mark.parametrize('world,outcome,kind,result', [
    (dane_good, DELIVERED, 'tlsa', None),
    (dane(tlsa(3, 1, 1, 'ab' * 32)), DEFERRED, 'tlsa', 'validation-failure'),
    (dane(tlsa(3, 1, 1, 'ab' * 32), tls='none'), DEFERRED, 'tlsa', 'starttls-not-supported'),
    (dane(tlsa(1, 1, 1, 'ab' * 32)), DELIVERED, 'tlsa', 'tlsa-invalid'),
    (sts('enforce'), DELIVERED, 'sts', None),
    (sts('enforce', days=-1), DEFERRED, 'sts', 'certificate-expired'),
    (sts('enforce', mx='other.remote.test'), DEFERRED, 'sts', 'validation-failure'),
    (sts('testing', host='other.test'), DELIVERED, 'sts', 'certificate-host-mismatch'),
    (sts('testing', mx='other.remote.test'), DELIVERED, 'sts', 'validation-failure'),
    (sts_away, DELIVERED, 'sts', 'sts-policy-fetch-error'),
], ids=['dane', 'dane-key', 'dane-plain', 'dane-unusable', 'sts', 'sts-expired', 'sts-unlisted', 'testing-name',
        'testing-unlisted', 'sts-away'])
def test_tls_report_names_policy_and_result(keep, authority, world, outcome, kind, result):
    """And it arrives, whatever is wrong with the policy."""
    w = world(keep, authority)
    w.send()
    w.event(outcome)
    assert w.server.cli('report', 'send', '--now').stdout == 'reports sent: 1\n'
    mails = w.postfix.wait_mails(2 if outcome == DELIVERED else 1)
    (data,) = [m for m in mails if b'TLS-Report-Domain: remote.test' in m]
    assert dkim.verify(data, dnsfunc=our_key(w.server))
    signed = data.replace(b'\r\n', b'\n').replace(b'\n\t', b'').partition(b'DKIM-Signature:')[2].partition(b'\n')[0]
    assert b':tls-report-domain:tls-report-submitter' in signed.lower()
    _, file = email.message_from_bytes(data, policy=email.policy.default).iter_parts()
    (entry,) = read_tls(gzip.decompress(file.get_payload(decode=True)))['policies']
    policy, summary = entry['policy'], entry['summary']
    assert (policy['policy-type'], policy['policy-domain']) == (kind, MX if kind == 'tlsa' else 'remote.test')
    if result not in ('tlsa-invalid', 'sts-policy-fetch-error'):  # there isn't any
        assert policy['policy-string'][0].startswith('version: STSv1' if kind == 'sts' else '3 1 1 ')
    assert summary['total-successful-session-count'] == (0 if result else 1)
    assert summary['total-failure-session-count'] == len(entry['failure-details']) == (1 if result else 0)
    for failure in entry['failure-details']:
        assert (failure['result-type'], failure['receiving-mx-hostname']) == (result, MX)
        assert 'failure-reason-code' in failure or result in ('starttls-not-supported', 'sts-policy-fetch-error')


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
    posts = [(line.split('"')[1].split()[:2], line.split('"')[2].split()[0]) for line in web.requests(2)]
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
