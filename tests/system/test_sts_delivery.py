"""An MTA-STS policy in enforce decides among several hosts: whoever it doesn't name, or who doesn't prove itself, is left
out, and the next one has its turn; when there is none, mail waits."""
import pytest

from lab import Remote, wait_for
from test_delivery import queue
from test_tls_policy import DEFERRED, DELIVERED, MX, authority, sts_world  # noqa: F401 (a fixture)

OTHER = 'other.remote.test'
FIRST = '@ MX 5 other\nother A 127.0.0.2\n'  # before mx.remote.test


def other_host(keep, world, **more):
    """At 127.0.0.2, without TLS."""
    return keep(Remote('127.0.0.2', world.postfix.port, **more))


def test_a_host_that_is_not_named_is_passed_over(keep, authority):
    w = sts_world(keep, authority, 'enforce', authority.certificate(MX), zone=FIRST)
    other = other_host(keep, w)
    w.send()
    w.expect(DELIVERED, 'sts')
    assert other.sessions == []  # it wasn't even met


@pytest.mark.parametrize('extensions', [('PIPELINING',), ('STARTTLS',)])
def test_behind_a_host_without_tls_the_next_one_gets_the_mail(keep, authority, extensions):
    w = sts_world(keep, authority, 'enforce', authority.certificate('*.remote.test'), mx='*.remote.test', zone=FIRST)
    other = other_host(keep, w, extensions=extensions)
    w.send()
    w.expect(DELIVERED, 'sts')
    assert len(other.sessions) == 1 and not any(line.startswith('MAIL') for line in other.sessions[0])


def test_without_a_host_that_proves_itself_mail_waits(keep, authority):
    w = sts_world(keep, authority, 'enforce', authority.certificate('another.test'), mx='*.remote.test', zone=FIRST)
    other = other_host(keep, w)
    w.send()
    w.expect(DEFERRED, 'sts')
    wait_for(lambda: other.sessions, what='the first host to be met')
    assert other.mails == [] and not any(line.startswith('MAIL') for line in other.sessions[0])


def test_a_common_name_proves_nothing(keep, authority):
    """RFC 8461 4.2: the host's name is an alternative name of the certificate."""
    w = sts_world(keep, authority, 'enforce', authority.certificate(MX, alternative=False))
    w.send()
    w.expect(DEFERRED, 'sts', reply='hostname mismatch')


def test_a_policy_of_none_asks_for_nothing(keep, authority):
    w = sts_world(keep, authority, 'none', authority.certificate(MX), zone=FIRST)
    other = other_host(keep, w)
    w.send()
    assert w.event(DELIVERED)['proof'] == 'none' and len(other.mails) == 1
    assert queue(w.server) == []
