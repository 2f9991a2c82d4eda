"""Which IP version mail leaves with: IPv6 only when reverse name, forward name and SPF agree for our address."""
import pytest

from lab import Dns, Postern, Remote, wait_for
from test_delivery import FAST
from test_submission import MESSAGE, submit

REVERSE = '1' + '.0' * 31
OURS = 'mail A 127.0.0.1\nmail AAAA ::1\nmail TXT "v=spf1 a -all"\n'
SPF = '@ TXT "v=spf1 a:mail.ours.test -all"'
PTR = REVERSE + ' PTR mail.ours.test.'


class World:
    """A remote server on both versions, and ours with both addresses."""

    def __init__(self, keep, spf=SPF, ptr=PTR, **settings):
        self.six = keep(Remote(host='::1'))
        self.four = keep(Remote(port=self.six.port))
        dns = keep(Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1\nmx AAAA ::1', 'ours.test': OURS + spf,
                        'ip6.arpa': ptr}))
        self.server = keep(Postern(resolver=dns.address, outbound_port=self.six.port, public_ip='127.0.0.1,::1',
                                   **{**FAST, **settings})).start()
        self.server.user('you@ours.test')
        wait_for(lambda: len([e for e in self.server.log().splitlines() if 'event=dns' in e]) == 2, what='both answers')
        with submit(self.server) as c:
            c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)

    def says(self):
        text = self.server.cli('status', check=False).stdout
        return [line for line in text.splitlines() if line.startswith('address') and 'IPv6' in line][0]


def test_a_complete_ipv6_address_is_used(keep):
    world = World(keep)
    world.six.wait_mails()
    assert not world.four.sessions and world.says().endswith('IPv6 ::1: used, complete')


@pytest.mark.parametrize('flaw,why', [(dict(ptr=''), 'no reverse name'), (dict(spf='@ TXT "v=spf1 ip4:127.0.0.1 -all"'), 'fail'),
                                      (dict(ptr=REVERSE + ' PTR other.ours.test.'), "doesn't lead back")])
def test_what_is_wrong_is_named_and_ipv4_is_used(keep, flaw, why):
    world = World(keep, **flaw)
    world.four.wait_mails()
    assert not world.six.sessions and 'not used, incomplete' in world.says() and why in world.says()


def test_a_setting_overrides(keep):
    world = World(keep, ptr='', outbound='ipv6')
    world.six.wait_mails()
    assert not world.four.sessions
