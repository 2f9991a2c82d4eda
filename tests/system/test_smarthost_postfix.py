"""Postfix with Cyrus SASL as the smarthost: every mechanism, and every way in which it can turn us away."""
import os, shutil, subprocess

import pytest

from lab import PASSWORD, Dns, Folder, Postern, Postfix, Remote, wait_for
from test_delivery import queue
from test_smarthost import RELAY, own_address
from test_submission import MESSAGE, submit
from web_host import Authority

USER = 'us@relay.test'


@pytest.fixture(scope='module')
def authority():
    made = Authority()
    yield made
    made.close()


class Sasl:
    """The account, in a database of Cyrus SASL's that Postfix may read."""

    def __init__(self, mechanisms, password=PASSWORD):
        self.folder = Folder()
        path = os.path.join(self.folder.path, 'sasldb2')
        local, realm = USER.split('@')
        subprocess.run(['saslpasswd2', '-p', '-c', '-f', path, '-u', realm, local], input=password.encode(), check=True)
        shutil.chown(path, 'postfix', 'postfix')
        text = 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s\nmech_list: %s\n' % (path, mechanisms)
        self.files = {'sasl/smtpd.conf': text}  # where Debian's looks

    def close(self):
        self.folder.remove()


class World:
    """Where mail ends, the smarthost before it, and our server behind."""

    def __init__(self, keep, authority, mechanisms='PLAIN LOGIN SCRAM-SHA-256', implicit=False, name=RELAY,
                 password=PASSWORD, account=PASSWORD, user=USER, smarthost=(), **settings):
        self.remote = keep(Remote())
        self.sasl = keep(Sasl(mechanisms, account))
        host, port = (own_address(), 465) if implicit else ('127.0.0.1', None)
        options = dict(
            smtpd_sasl_auth_enable='yes', smtpd_sasl_type='cyrus', smtpd_sasl_path='smtpd', smtpd_tls_auth_only='yes',
            files=self.sasl.files, smtpd_sasl_security_options='noanonymous',
            smtpd_tls_chain_files=authority.certificate(name), mynetworks='',
            smtpd_relay_restrictions='permit_sasl_authenticated, reject_unauth_destination',
            smtpd_tls_wrappermode='yes' if implicit else 'no', inet_interfaces='127.0.0.1')
        options.update(smarthost)
        self.relay = keep(Postfix(domain=RELAY, host=host, port=port, to_domain='remote.test', to_port=self.remote.port,
                                  **options))
        dns = keep(Dns({RELAY: '@ A ' + host, 'elsewhere.test': '@ A 127.0.0.1'}))
        login = dict(relay_user=user, relay_password=password) if user else {}
        self.ours = keep(Postern(resolver=dns.address, relay='%s:%d' % (RELAY, self.relay.port),
                                 ca_file=authority.file, retry_min='1h', retry_max='2h', **login, **settings)).start()
        self.ours.user('you@ours.test')
        with submit(self.ours) as c:
            c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)

    def mechanism(self):
        """By which it was logged in, as Postfix's log has it."""
        log = wait_for(lambda: 'sasl_method=' in self.relay.log() and self.relay.log(), what='the login')
        return log.split('sasl_method=')[1].split(',')[0]

    def waits(self):
        """For a mend: nothing has come back, the queue has it, the status is red and says why. The reply that is logged."""
        reply = wait_for(lambda: self.ours.events('deferred'), 30, 'the deferral')[0]['reply']
        assert len(queue(self.ours)) == 1 and self.ours.mails('you@ours.test') == [] and not self.remote.mails
        status = self.ours.cli('status', check=False)
        trouble = 'mail for other servers waits: the smarthost %s:%d takes none' % (RELAY, self.relay.port)
        assert status.returncode == 1 and trouble in status.stdout and status.stdout.endswith('red\n')
        return reply


@pytest.mark.parametrize('implicit', [False, True])
@pytest.mark.parametrize('mechanisms,used', [('PLAIN', 'PLAIN'), ('LOGIN', 'LOGIN'), ('SCRAM-SHA-256', 'SCRAM-SHA-256'),
                                             ('LOGIN PLAIN', 'PLAIN'),
                                             ('PLAIN CRAM-MD5 LOGIN SCRAM-SHA-1 SCRAM-SHA-256', 'SCRAM-SHA-256')])
def test_each_mechanism_logs_in_and_mail_goes_on(keep, authority, mechanisms, used, implicit):
    world = World(keep, authority, mechanisms, implicit)
    assert world.remote.wait_mails()[0]['to'] == ['bob@remote.test']
    assert world.mechanism() == used
    done = wait_for(lambda: world.ours.events('delivered'), what='the event')[0]
    assert done['host'].startswith(RELAY) and done['proof'] == 'certificate' and done['tls'] == 'TLSv1.3'
    assert 'the smarthost' not in world.ours.cli('status', check=False).stdout


@pytest.mark.parametrize('mechanism', ['PLAIN', 'LOGIN', 'SCRAM-SHA-256'])
def test_a_wrong_password_keeps_the_mail_until_it_is_mended(keep, authority, mechanism):
    world = World(keep, authority, mechanism, password='not-this-one')
    assert 'The smarthost refuses our login: 535 5.7.8' in world.waits()
    world.ours.stop()
    world.ours.env['POSTERN_RELAY_PASSWORD'] = PASSWORD
    world.ours.start()
    world.ours.cli('queue', 'retry', '--all', check=False)
    assert world.remote.wait_mails(seconds=30)[0]['to'] == ['bob@remote.test']
    wait_for(lambda: queue(world.ours) == [], what='an empty queue')
    assert 'the smarthost' not in world.ours.cli('status', check=False).stdout


@pytest.mark.parametrize('mechanism', ['PLAIN', 'LOGIN', 'SCRAM-SHA-256'])
def test_a_password_beyond_ascii_logs_in(keep, authority, mechanism):
    password = 'pässwörd, ~ \u20ac="x"'
    world = World(keep, authority, mechanism, password=password, account=password)
    world.remote.wait_mails()
    assert world.mechanism() == mechanism


def test_a_certificate_for_another_name_sees_no_login(keep, authority):
    world = World(keep, authority, name='other.test')
    world.waits()
    assert 'sasl_method' not in world.relay.log() and 'from=<you@ours.test>' not in world.relay.log()


def test_without_tls_no_password_is_sent(keep, authority):
    clear = dict(smtpd_tls_security_level='none', smtpd_tls_auth_only='no')
    world = World(keep, authority, relay_tls='opportunistic', smarthost=clear)
    assert 'No TLS, so no password is sent' in world.waits()
    assert 'sasl_method' not in world.relay.log()


def test_without_tls_a_verified_smarthost_hears_nothing(keep, authority):
    world = World(keep, authority, smarthost=dict(smtpd_tls_security_level='none', smtpd_tls_auth_only='no'))
    assert 'STARTTLS' in world.waits()


def test_only_mechanisms_that_we_dont_have(keep, authority):
    world = World(keep, authority, 'CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1')
    assert "AUTH SCRAM-SHA-256, PLAIN or LOGIN isn't offered" in world.waits()


def test_a_smarthost_that_has_no_auth(keep, authority):
    world = World(keep, authority, smarthost=dict(smtpd_sasl_auth_enable='no'))
    assert "isn't offered" in world.waits()


def test_a_login_that_is_missing_bounces_nothing(keep, authority):
    world = World(keep, authority, user=None)
    assert 'The smarthost refuses mail of ours: 554 5.7.1' in world.waits()


def test_no_such_user_behind_the_smarthost_bounces(keep, authority):
    world = World(keep, authority, smarthost=dict(virtual_mailbox_maps='inline:{x@relay.test=x}'))
    world.remote.wait_mails()
    with submit(world.ours) as c:
        c.sendmail('you@ours.test', ['nobody@relay.test'], MESSAGE)
    assert b'5.1.1' in world.ours.wait_mails('you@ours.test')[0]
