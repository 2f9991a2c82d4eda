"""Octets that other servers needn't take: 8-bit ones, UTF-8 in the header, long lines. They leave as they came, and our
signature holds."""
import dkim
import pytest

import lab
from lab import Dns, Postern, Postfix, Remote
from test_submission import submit

MESSAGE = ('From: Ünal <you@ours.test>\r\nTo: bob@remote.test\r\nSubject: Grüße ' + 'ä' * 600 + '\r\n'
           'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
           'Grüße\r\n' + 'x' * 998 + '\r\n' + 'y' * 70000 + '\r\n.' + 'z' * 1500 + '\r\n').encode() + b'\xff\xfe\r\n'


class World:
    def __init__(self, keep, port):
        dns = keep(Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}))
        self.server = keep(Postern(resolver=dns.address, outbound_port=port, retry_min='1h', retry_max='2h')).start()
        self.server.user('you@ours.test')

    def send(self, message=MESSAGE):
        with submit(self.server) as c:
            c.sendmail('you@ours.test', ['bob@remote.test'], message, mail_options=['BODY=8BITMIME'])

    def key(self, name, timeout=5):
        """The DKIM record, as the printed zone file has it."""
        import glob, os, re
        path, = glob.glob(os.path.join(self.server.data, 'dns', 'ours.test.*.txt'))
        with open(path) as f:
            text = f.read()
        return ''.join(re.findall(r'"([^"]*)"', text)).encode() or text.strip().encode()


def is_whole(got):
    """What was submitted, behind what we put in front."""
    return got.endswith(MESSAGE.split(b'\r\n\r\n', 1)[1]) and 'Subject: Grüße '.encode() + 'ä'.encode() * 600 in got


@pytest.mark.parametrize('extensions', [('8BITMIME', 'SIZE 100000000'), ('SIZE 100000000',), ()])
def test_octets_leave_as_they_came_and_the_signature_holds(keep, extensions):
    remote = keep(Remote(extensions=extensions or ('X',)))
    world = World(keep, remote.port)
    world.send()
    mail = remote.wait_mails()[0]
    assert is_whole(mail['data']) and dkim.verify(mail['data'], dnsfunc=world.key)
    offered = '8BITMIME' in extensions
    assert [('BODY=8BITMIME' in line) for line in remote.sessions[0] if line.startswith('MAIL')] == [offered]
    assert not any('SMTPUTF8' in line for line in remote.sessions[0])


def test_they_survive_postfix(keep):
    port = lab.free_port()
    world = World(keep, port)
    postfix = keep(Postfix(port=port, to_port=world.server.smtp))
    world.send()
    got = postfix.wait_mails()[0].replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')
    assert is_whole(got) and dkim.verify(got, dnsfunc=world.key)


def test_what_a_server_refuses_for_its_lines_comes_back_with_its_words(keep):
    """And the report about it has no long line itself."""
    remote = keep(Remote(extensions=('SIZE 1000000',), answers={'DOT': '554 5.6.0 line too long'}))
    world = World(keep, remote.port)
    world.send()
    report = world.server.wait_mails('you@ours.test')[0]
    assert b'554 5.6.0 line too long' in report and max(map(len, report.splitlines())) <= 998


def test_addresses_beyond_ascii_are_refused_at_the_door(keep):
    remote = keep(Remote(extensions=('SMTPUTF8', '8BITMIME')))
    world = World(keep, remote.port)
    with submit(world.server) as c:
        assert not c.has_extn('smtputf8')
        assert c.docmd('MAIL FROM:<you@ours.test> SMTPUTF8')[0] == 555
        assert c.docmd('MAIL FROM:<you@ours.test>')[0] == 250
        c.command_encoding = 'utf-8'
        assert c.docmd('RCPT TO:<bøb@remote.test>')[0] == 501
    done = world.server.cli('alias', 'add', 'x@ours.test', 'bøb@remote.test', check=False)
    assert done.returncode != 0 and not remote.sessions
