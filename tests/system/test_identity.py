"""Which IP version mail leaves with: IPv6 only when reverse name, forward name and SPF agree for our address, and before
IPv4 when they don't for that."""
import pytest

from lab import Dns, Postern, Remote, wait_for
from test_delivery import FAST
from test_submission import MESSAGE, submit

REVERSE = '1' + '.0' * 31
OURS = 'mail A 127.0.0.1\nmail AAAA ::1\nmail TXT "v=spf1 a -all"\n'
SPF = '@ TXT "v=spf1 a:mail.ours.test -all"'
PTR = REVERSE + ' PTR mail.ours.test.'
HOSTS = '@ MX 10 mx\nmx A 127.0.0.1\nmx AAAA ::1\n'
FOUR_ALONE = ''.join('@ MX 10 four%d\nfour%d A 127.0.0.1\n' % (i, i) for i in range(5))


class World:
    """A remote server on both versions, and ours with both addresses."""

    def __init__(self, keep, spf=SPF, ptr=PTR, four='', hosts=HOSTS, **settings):
        self.six = keep(Remote(host='::1'))
        self.four = keep(Remote(port=self.six.port))
        dns = keep(Dns({'remote.test': hosts, 'other.test': hosts, 'ours.test': OURS + spf, 'ip6.arpa': ptr,
                        'shop.test': '@ TXT "v=spf1 ip4:127.0.0.1 ~all"', '127.in-addr.arpa': four}))
        self.server = keep(Postern(resolver=dns.address, outbound_port=self.six.port, public_ip='127.0.0.1,::1',
                                   **{**FAST, **settings})).start()
        self.server.user('you@ours.test')
        wait_for(lambda: len([e for e in self.server.log().splitlines() if 'event=dns' in e]) == 2, what='both answers')
        with submit(self.server) as c:
            c.sendmail('you@ours.test', ['bob@remote.test'], MESSAGE)

    def says(self, version='IPv6'):
        text = self.server.cli('status', check=False).stdout
        return [line for line in text.splitlines() if line.startswith('address') and version + ' ' in line][0]


def test_a_complete_ipv6_address_is_used(keep):
    world = World(keep)
    world.six.wait_mails()
    assert not world.four.sessions and world.says().endswith('IPv6 ::1: used, complete')
    assert world.says('IPv4').endswith('IPv4 127.0.0.1: used after IPv6, incomplete: it has no reverse name (PTR)')


def test_any_of_several_reverse_names_counts(keep):
    world = World(keep, ptr=REVERSE + ' PTR a.ours.test.\n' + PTR, four='1.0.0 PTR mail.ours.test.')
    world.six.wait_mails()
    assert world.says('IPv4').endswith('IPv4 127.0.0.1: used, complete')


def test_the_spf_of_a_domain_that_is_added_counts(keep):
    world = World(keep)
    world.six.wait_mails()
    world.server.cli('domain', 'add', 'shop.test')
    wait_for(lambda: 'not used' in world.says(), what='the answer about the new domain')
    assert world.says().endswith('not used, incomplete: SPF of shop.test says softfail for it')
    with submit(world.server) as c:
        c.sendmail('you@ours.test', ['ann@other.test'], MESSAGE)
    world.four.wait_mails()


def test_hosts_with_ipv6_come_first_when_ipv4_is_wrong(keep):
    world = World(keep, hosts=FOUR_ALONE + HOSTS)
    world.six.wait_mails()
    assert not world.four.sessions


def test_a_host_without_ipv6_gets_mail_though_ipv4_is_wrong(keep):
    world = World(keep, hosts=FOUR_ALONE)
    world.four.wait_mails()
    assert world.says('IPv6').endswith('used, complete')


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
