"""Mail through a smarthost: TLS from the start or STARTTLS, its certificate, AUTH. The smarthost is a second server of
ours, whose AUTH is libsasl2's."""
import os, socket

import pytest

from lab import PASSWORD, Dns, Postern, Remote, free_port, wait_for
from test_delivery import FAST, queue
from test_submission import MESSAGE, submit
from web_host import Authority

RELAY = 'relay.test'


@pytest.fixture(scope='module')
def authority():
    made = Authority()
    yield made
    made.close()


def own_address():
    """One of loopback where nobody listens on 465."""
    address = '127.%d.%d.%d' % (os.getpid() >> 8 & 127, os.getpid() & 255, free_port() % 254 + 1)
    try:
        with socket.socket() as s:
            s.bind((address, 465))
    except OSError as why:
        pytest.skip('port 465 of %s: %s' % (address, why))
    return address


class World:
    """The smarthost, and our server behind it."""

    def __init__(self, keep, authority, implicit=False, name=RELAY, password=PASSWORD, **settings):
        pem = authority.certificate(name)
        self.remote = keep(Remote())
        address = own_address() if implicit else '127.0.0.1'
        dns = keep(Dns({RELAY: '@ A ' + address, 'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}))
        self.relay = keep(Postern(resolver=dns.address, hostname=RELAY, outbound_port=self.remote.port, tls='files',
                                  tls_cert=pem, tls_key=pem, **FAST))
        if implicit:
            self.relay.submissions = 465
            self.relay.env.update(POSTERN_LISTEN=address, POSTERN_PORTS='smtp=%d,submissions=465' % self.relay.smtp)
        self.relay.start()
        self.relay.cli('user', 'add', 'you@ours.test', '--password-stdin', stdin=PASSWORD + '\n')
        port = self.relay.submissions if implicit else self.relay.submission
        self.ours = keep(Postern(resolver=dns.address, relay='%s:%d' % (RELAY, port), relay_user='you@ours.test',
                                 relay_password=password, ca_file=authority.file, retry_min='1h', retry_max='2h',
                                 **settings)).start()
        self.ours.user('you@ours.test')
        with submit(self.ours) as c:
            c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)

    def why(self):
        return wait_for(lambda: self.ours.events('deferred'), 30, 'the deferral')[0]


@pytest.mark.parametrize('implicit', [False, True])
def test_the_strongest_mechanism_logs_in_and_mail_goes_on(keep, authority, implicit):
    world = World(keep, authority, implicit)
    mail = world.remote.wait_mails()[0]
    assert mail['to'] == ['bob@remote.test']
    done = wait_for(lambda: world.ours.events('delivered'), what='the event')[0]
    assert done['host'].startswith(RELAY) and done['tls'] == 'TLSv1.3'
    assert [e['mechanism'] for e in world.relay.events('auth')] == ['SCRAM-SHA-256-PLUS']


def test_a_wrong_password_keeps_the_mail(keep, authority):
    world = World(keep, authority, password='not-this-one')
    assert '535' in world.why()['reply']
    assert len(queue(world.ours)) == 1 and world.ours.mails('you@ours.test') == [] and not world.remote.sessions


def test_a_certificate_for_another_name_sees_no_login(keep, authority):
    world = World(keep, authority, name='other.test')
    world.why()
    assert not world.relay.events('auth') and not world.remote.sessions


def test_the_printed_record_names_the_smarthost(keep):
    def record(**settings):
        server = keep(Postern(relay_user='u', relay_password='p', **settings)).start()
        text = server.cli('dns', 'show').stdout
        server.close()
        return [line for line in text.splitlines() if 'v=spf1 mx' in line][0], text
    assert 'v=spf1 mx include:sendgrid.net -all' in record(relay='smtp.sendgrid.net')[0]
    assert 'v=spf1 mx include:_spf.a.test -all' in record(relay='smtp.a.test', relay_spf='include:_spf.a.test')[0]
    line, text = record(relay='smtp.a.test')
    assert 'v=spf1 mx -all' in line and 'POSTERN_RELAY_SPF' in text
