"""What other servers must prove before they get mail: DANE behind a validating resolver, MTA-STS from a real policy host,
REQUIRETLS; Postfix is the receiver. Each case is delivered or deferred as the RFCs say, and whoever isn't proven never
sees MAIL."""
import hashlib, json, re, subprocess

import pytest

from dnssec import Resolver, Zones
from lab import Postern, Postfix, wait_for
from test_delivery import queue
from test_submission import MESSAGE, submit
from web_host import Authority, Web

MX = 'mx.remote.test'
HOST = '@ MX 10 mx\nmx A 127.0.0.1\n'
DELIVERED, DEFERRED = 'delivered', 'deferred'


@pytest.fixture(scope='module')
def authority():
    made = Authority()
    yield made
    made.close()


def shell(command):
    return subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def digest(pem):
    """SHA-256 of a certificate."""
    return hashlib.sha256(shell('openssl x509 -in %s -outform DER' % pem)).hexdigest()


def key_digest(pem):
    """SHA-256 of its key."""
    return hashlib.sha256(shell('openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER' % pem)).hexdigest()


class World:
    """Our server, a validating resolver and Postfix at mx.remote.test."""

    def __init__(self, keep, authority, pem=None, zone='', signed=True, forged=(), tls='may', zones=(), host=HOST,
                 **settings):
        chain = {'smtpd_tls_chain_files': pem} if pem else {}
        domains = 'remote.test, sub.remote.test, moved.remote.test'
        self.postfix = keep(Postfix(smtpd_tls_security_level=tls, virtual_mailbox_domains=domains, **chain))
        self.name = '_%d._tcp.mx' % self.postfix.port
        all_zones = {'remote.test': host + zone.replace('PORT', '%d' % self.postfix.port), 'ours.test': '', **dict(zones)}
        served = keep(Zones(all_zones, ['remote.test'] if signed else [], forged))
        self.server = keep(Postern(resolver=keep(Resolver(served)).address, outbound_port=self.postfix.port,
                                   ca_file=authority.file, retry_min='1h', retry_max='2h', **settings)).start()
        self.server.user('you@ours.test')

    def send(self, text=MESSAGE, options=(), domain='remote.test'):
        with submit(self.server) as c:
            c.sendmail('you@ours.test', ['bob@' + domain], text, mail_options=options)

    def event(self, name):
        return wait_for(lambda: self.server.events(name), 30, 'the event ' + name)[0]

    def saw_mail(self):
        """Postfix counts commands when a client goes: "disconnect from ... ehlo=2 starttls=1 mail=1 ..."."""
        return re.search(r'disconnect from .* mail=', self.postfix.log()) is not None

    def was_met(self):
        """Did anybody say EHLO, and go?"""
        return re.search(r'disconnect from .* ehlo=', self.postfix.log()) is not None

    def expect(self, what, proof, tls=True, reply=''):
        event = self.event(what)
        assert event.get('proof', '').strip('"') == proof and ('tls' in event or what == DEFERRED or not tls), event
        assert reply in event.get('reply', '').lower(), event
        if what == DELIVERED:
            assert self.postfix.wait_mails()
        else:
            assert event['code'] == '451' and event['dsn'].startswith('4.7.'), event
            wait_for(self.was_met, what='the end of the session')
            assert not self.saw_mail() and self.postfix.mails() == [] and len(queue(self.server)) == 1


# ---- DANE ----

def tlsa(*fields, host='mx'):
    return '_PORT._tcp.%s TLSA %d %d %d %s\n' % (host, *fields)


def test_dane_ee_is_proven_by_its_key_alone(keep, authority):
    pem = authority.certificate('another.name.test', days=-1)  # RFC 7672 3.1.1: neither name nor dates matter
    w = World(keep, authority, pem, tlsa(3, 1, 1, key_digest(pem)))
    w.send()
    w.expect(DELIVERED, 'dane')


def with_chain(authority, pem):
    return authority.folder.file('chain-' + pem.rpartition('/')[2], open(pem).read() + open(authority.file).read(), 0o600)


@pytest.mark.parametrize('name', [MX, 'remote.test'])
def test_dane_ta_is_proven_by_authority_and_name(keep, authority, name):
    pem = authority.certificate(name)
    w = World(keep, authority, with_chain(authority, pem), tlsa(2, 0, 1, digest(authority.file)))
    w.send()
    w.expect(DELIVERED, 'dane')


@pytest.mark.parametrize('case,reply', [('key', 'no matching dane tlsa records'), ('name', 'hostname mismatch'),
                                        ('expired', 'certificate has expired'), ('missing', "doesn't offer tls")])
def test_dane_that_fails_defers_before_mail(keep, authority, case, reply):
    pem = authority.certificate('other.test' if case == 'name' else MX, days=-1 if case == 'expired' else 2)
    record = tlsa(3, 1, 1, 'ab' * 32) if case == 'key' else tlsa(2, 0, 1, digest(authority.file))
    w = World(keep, authority, with_chain(authority, pem), record, tls='none' if case == 'missing' else 'may')
    w.send()
    w.expect(DEFERRED, 'dane', reply=reply)


def test_a_forged_record_keeps_mail_back(keep, authority):
    """RFC 7672 2.1.2: nothing may be assumed about a host whose records can't be had; it isn't even met."""
    pem = authority.certificate(MX)
    w = World(keep, authority, pem, tlsa(3, 1, 1, key_digest(pem)), forged={key_digest(pem): 'ab' * 32})
    w.send()
    event = w.event(DEFERRED)
    assert event['dsn'] == '4.7.5' and 'TLSA' in event['reply']
    assert not w.was_met()


@pytest.mark.parametrize('forged', [{'MX\t10 mx.': 'MX\t10 other.'}, {'A\t127.0.0.1': 'A\t127.0.0.2'}])
def test_a_forged_way_to_the_host_keeps_mail_back(keep, authority, forged):
    w = World(keep, authority, None, 'other A 127.0.0.1\n', forged=forged)
    w.send()
    event = w.event(DEFERRED)
    assert (event['code'], event['dsn']) == ('451', '4.4.3') and not w.was_met() and len(queue(w.server)) == 1


def test_behind_a_host_with_forged_records_the_next_one_gets_the_mail(keep, authority):
    pem = authority.certificate(MX)
    w = World(keep, authority, pem, '@ MX 5 bad\nbad A 127.0.0.1\n' + tlsa(3, 1, 1, 'ab' * 32, host='bad') +
              tlsa(3, 1, 1, key_digest(pem)), forged={'ab' * 32: 'cd' * 32})
    w.send()
    w.expect(DELIVERED, 'dane')
    assert w.event(DELIVERED)['host'].startswith(MX)


@pytest.mark.parametrize('tls', ['may', 'none'])
def test_records_that_nobody_understands_ask_for_encryption(keep, authority, tls):
    """RFC 7672 2.2"""
    w = World(keep, authority, None, tlsa(1, 1, 1, 'ab' * 32), tls=tls)
    w.send()
    if tls == 'may':
        w.expect(DELIVERED, 'encrypted')
    else:
        w.expect(DEFERRED, 'encrypted', reply="doesn't offer tls")


@pytest.mark.parametrize('signed,record', [(True, ''), (False, tlsa(3, 1, 1, 'ab' * 32))])
def test_without_secure_records_anything_goes(keep, authority, signed, record):
    w = World(keep, authority, None, record, signed=signed, tls='none')
    w.send()
    w.expect(DELIVERED, 'none', tls=False)


@pytest.mark.parametrize('settings', [{'dane': 'no'}, {'dane': 'yes', 'trust_ad': 'no'}])
def test_dane_is_off_when_it_must_be(keep, authority, settings):
    w = World(keep, authority, None, tlsa(3, 1, 1, 'ab' * 32), **settings)
    w.send()
    w.expect(DELIVERED, 'opportunistic')
    assert ('so DANE is off' in w.server.log()) == (settings['dane'] == 'yes')


# ---- DANE behind aliases ----

ALIAS = '@ MX 10 mx\nmx CNAME real\nreal A 127.0.0.1\nsub CNAME real\nmoved CNAME @\n'
OUTSIDE = '@ MX 10 mx\nmx CNAME host.plain.test.\n'
WRONG = (3, 1, 1, 'ab' * 32)


@pytest.mark.parametrize('domain,name', [('remote.test', 'real.remote.test'), ('remote.test', 'remote.test'),
                                         ('moved.remote.test', 'moved.remote.test'), ('moved.remote.test', 'remote.test'),
                                         ('sub.remote.test', 'real.remote.test'), ('sub.remote.test', 'sub.remote.test')])
def test_the_records_at_the_end_of_an_alias_count(keep, authority, domain, name):
    """RFC 7672 2.2.2: they come first; RFC 7672 3.2.2: and whose certificate it may be."""
    pem = authority.certificate(name)
    w = World(keep, authority, with_chain(authority, pem), tlsa(*WRONG) + tlsa(*WRONG, host='sub') +
              tlsa(2, 0, 1, digest(authority.file), host='real'), host=ALIAS)
    w.send(domain=domain)
    w.expect(DELIVERED, 'dane')


@pytest.mark.parametrize('domain,name', [('remote.test', MX), ('remote.test', 'moved.remote.test'), ('sub.remote.test', MX)])
def test_a_name_that_is_not_asked_for_is_not_believed(keep, authority, domain, name):
    pem = authority.certificate(name)
    w = World(keep, authority, with_chain(authority, pem), tlsa(2, 0, 1, digest(authority.file), host='real'), host=ALIAS)
    w.send(domain=domain)
    w.expect(DEFERRED, 'dane', reply='hostname mismatch')


@pytest.mark.parametrize('right', [True, False])
@pytest.mark.parametrize('host', [ALIAS, OUTSIDE])
def test_else_the_records_at_its_start_do(keep, authority, host, right):
    """RFC 7672 2.2.2: also when the alias leads out of what is signed"""
    pem = authority.certificate('any.test')
    w = World(keep, authority, pem, tlsa(3, 1, 1, key_digest(pem)) if right else tlsa(*WRONG), host=host,
              zones={'plain.test': 'host A 127.0.0.1\n'})
    w.send()
    w.expect(DELIVERED if right else DEFERRED, 'dane')


def test_forged_records_at_the_end_of_an_alias_are_not_replaced(keep, authority):
    pem = authority.certificate(MX)
    w = World(keep, authority, pem, tlsa(3, 1, 1, key_digest(pem)) + tlsa(*WRONG, host='real'), host=ALIAS,
              forged={'ab' * 32: 'cd' * 32})
    w.send()
    assert 'TLSA' in w.event(DEFERRED)['reply'] and not w.was_met()


# ---- MTA-STS ----

def sts_world(keep, authority, mode, pem, mx=MX, **more):
    policy = 'version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n' % (mode, mx)
    host = 'mta-sts.remote.test'
    web = keep(Web({host: (authority.certificate(host), 'rewrite ^ /policy break;')}, {'policy': policy}))
    zone = '_mta-sts TXT "v=STSv1; id=1"\nmta-sts A 127.0.0.1\n' + more.pop('zone', '')
    return World(keep, authority, pem, zone, sts_port=web.port, **{'signed': False, **more})


def test_an_enforced_policy_is_kept(keep, authority):
    w = sts_world(keep, authority, 'enforce', authority.certificate(MX))
    w.send()
    w.expect(DELIVERED, 'sts')


@pytest.mark.parametrize('case,reply', [('name', 'hostname mismatch'), ('expired', 'certificate has expired'),
                                        ('stranger', 'certificate'), ('missing', "doesn't offer tls")])
def test_an_enforced_policy_defers_before_mail(keep, authority, case, reply):
    pem = None if case == 'stranger' else authority.certificate(
        'other.test' if case == 'name' else MX, days=-1 if case == 'expired' else 2)
    w = sts_world(keep, authority, 'enforce', pem, tls='none' if case == 'missing' else 'may')
    w.send()
    w.expect(DEFERRED, 'sts', reply=reply)


def test_a_host_that_the_policy_does_not_name_is_not_met(keep, authority):
    w = sts_world(keep, authority, 'enforce', authority.certificate(MX), mx='other.remote.test')
    w.send()
    assert 'MTA-STS' in w.event(DEFERRED)['reply']
    assert not w.was_met() and len(queue(w.server)) == 1


@pytest.mark.parametrize('tls', ['may', 'none'])
def test_a_policy_in_testing_delivers(keep, authority, tls):
    w = sts_world(keep, authority, 'testing', None, tls=tls)
    w.send()
    w.expect(DELIVERED, 'opportunistic' if tls == 'may' else 'none', tls=tls == 'may')


def test_dane_goes_before_a_policy(keep, authority):
    pem = authority.certificate('other.test')
    w = sts_world(keep, authority, 'enforce', pem, mx='other.remote.test', signed=True,
                  zone=tlsa(3, 1, 1, key_digest(pem)))
    w.send()
    w.expect(DELIVERED, 'dane')


# ---- as a person sees it ----

def checked(w):
    """The only host of the domain, and why there may be none."""
    answer = json.loads(w.server.cli('check', 'policy', 'remote.test', '--json', check=False).stdout)
    assert len(answer['hosts']) == 1, answer
    host = answer['hosts'][0]
    assert (host.pop('host'), host.pop('addresses')) == (MX, ['127.0.0.1'])
    return host, answer['failure']


def test_check_policy_tells_of_dane_and_mta_sts(keep, authority):
    w = sts_world(keep, authority, 'enforce', None, mx='other.remote.test', signed=True, zone=tlsa(3, 1, 1, 'ab' * 32))
    assert checked(w) == ({'proof': 'dane', 'refusal': '', 'dane': 'usable', 'listed': False}, '')
    text = w.server.cli('check', 'policy', 'remote.test').stdout
    assert 'fits a TLSA record' in text and "doesn't name it" in text and 'No host' not in text


def test_check_policy_tells_what_a_policy_alone_asks_for(keep, authority):
    w = sts_world(keep, authority, 'enforce', None)
    assert checked(w) == ({'proof': 'sts', 'refusal': '', 'dane': 'insecure', 'listed': True}, '')


def test_check_policy_tells_of_an_unlisted_host(keep, authority):
    w = sts_world(keep, authority, 'enforce', None, mx='other.remote.test')
    host, failure = checked(w)
    assert host['refusal'] == "the enforced policy doesn't name it" and 'MTA-STS' in failure
    assert 'No host takes mail: ' + failure in w.server.cli('check', 'policy', 'remote.test', check=False).stdout


def test_check_policy_tells_of_a_forged_record(keep, authority):
    w = World(keep, authority, None, tlsa(3, 1, 1, 'ab' * 32), forged={'ab' * 32: 'cd' * 32})
    host, failure = checked(w)
    assert host == {'proof': 'none', 'refusal': "its TLSA records can't be had", 'dane': 'bogus', 'listed': None}
    assert 'TLSA' in failure


# ---- RFC 8689 ----

def test_requiretls_bounces_where_it_is_not_offered(keep, authority):
    """Postfix 3.7 doesn't know it."""
    pem = authority.certificate(MX)
    w = World(keep, authority, pem, tlsa(3, 1, 1, key_digest(pem)))
    w.send(options=['REQUIRETLS'])
    event = w.event('bounced')
    assert (event['code'], event['dsn']) == ('550', '5.7.30')
    assert w.server.wait_mails('you@ours.test') and not w.saw_mail()


def test_requiretls_is_passed_on_to_a_server_that_keeps_it(keep, authority):
    """Ours is such a server."""
    receiver = keep(Postern(domain='remote.test', hostname=MX)).start()
    receiver.user('bob@remote.test')
    shown = shell('openssl s_client -starttls smtp -connect 127.0.0.1:%d </dev/null | openssl x509' % receiver.smtp)
    pem = receiver.folder.file('shown.pem', shown.decode())
    zone = HOST + '_%d._tcp.mx TLSA 3 1 1 %s\n' % (receiver.smtp, key_digest(pem))
    served = keep(Zones({'remote.test': zone, 'ours.test': ''}, ['remote.test']))
    s = keep(Postern(resolver=keep(Resolver(served)).address, outbound_port=receiver.smtp)).start()
    s.user('you@ours.test')
    with submit(s) as c:
        c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE, mail_options=['REQUIRETLS'])
    delivered = wait_for(lambda: s.events(DELIVERED), 30, 'the event')[0]
    assert delivered['proof'] == 'dane' and receiver.wait_mails('bob@remote.test')


def test_a_message_may_do_without_tls(keep, authority):
    """RFC 8689 4.2.2"""
    w = World(keep, authority, None, tlsa(3, 1, 1, 'ab' * 32), tls='none')
    w.send('TLS-Required: No\r\n' + MESSAGE)
    w.expect(DELIVERED, 'none', tls=False)
