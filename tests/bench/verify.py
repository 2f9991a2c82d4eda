"""What judging costs: messages from 20 domains whose SPF passes, each signed with RSA-2048 (relaxed/relaxed), under
DMARC policies that refuse, from an address that isn't loopback; a real DNS server answers, and its records may be kept
for five minutes. In one run, alternating:

    postern            as it is
    postern unchecked  the same program, linked with checks that ask nothing (tests/bench/unchecked.c)
    postfix            with opendkim, opendmarc and policyd-spf on Unix sockets

Every message has its own content and signature; they are made before, and sent again when more are wanted. In the end
both must refuse a forged message, and all that they keep must have been found good by all three checks.

As root: each server has a fresh ext4, and all is in a network and mount namespace of its own, because opendmarc and
policyd-spf ask the name server of /etc/resolv.conf.
"""
import contextlib, os, re, shutil, smtplib, subprocess, sys

import filters, signed
from common import alternate, count, lab, measure, on_disk, ratio, spread

INSIDE = 'BENCH_INSIDE'
PASSES = [rb'\bspf=pass', rb'\bdkim=pass', rb'\bdmarc=pass']


def arguments(parser):
    parser.add_argument('--messages', type=int, default=8000, help='of each run of ours')
    parser.add_argument('--peer-messages', type=int, default=2000, help='of each run of Postfix, which takes longer')
    parser.add_argument('--distinct', type=int, default=2000)
    parser.add_argument('--domains', type=int, default=20)
    parser.add_argument('--sessions', type=int, default=20)
    parser.add_argument('--size', type=int, default=4096)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--minimum', type=float, default=0.0, help='exit 1 below this ratio to Postfix')
    parser.add_argument('--minimum-share', type=float, default=0.0, help='exit 1 below this share of unchecked')


# ---- the place ----

def enter():
    """Again, in namespaces of our own."""
    os.environ[INSIDE] = '1'
    os.execvp('unshare', ['unshare', '--net', '--mount', '--propagation', 'private', sys.executable] + sys.argv)


def furnish():
    folder = lab.Folder()
    conf = folder.file('resolv.conf', 'nameserver %s\n' % signed.NAMESERVER)
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    for address in (signed.CLIENT, signed.STRANGER, signed.NAMESERVER):
        subprocess.run(['ip', 'address', 'add', address + '/32', 'dev', 'lo'], check=True)
    subprocess.run(['mount', '--bind', conf, os.path.realpath('/etc/resolv.conf')], check=True)
    return folder


# ---- the servers ----

class Postern(lab.Postern):
    def __init__(self, build=lab.BUILD):
        super().__init__(resolver=signed.NAMESERVER, connections_per_ip=2000)
        self.build, self.port = build, self.smtp
        self.maildir = os.path.join(self.data, 'mail/ours.test/you/Maildir')


def open_ours(keep, *build):
    server = on_disk(keep, lambda: Postern(*build)).start()
    server.user('you@ours.test')
    server.recipient = 'you@ours.test'
    return server


def unchecked_build():
    """The programs, with the other smtpd. Copies: entrypoint looks where it is itself."""
    folder = lab.Folder()
    for name in os.listdir(lab.BUILD):
        path = os.path.join(lab.BUILD, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            shutil.copy(path, folder.path)
    shutil.copy(os.path.join(lab.BUILD, 'tests/bench/unchecked'), os.path.join(folder.path, 'smtpd'))
    return folder


# ---- honesty ----

def refuses(server):
    """A message whose author is forged: its SPF is a stranger's."""
    with smtplib.SMTP('127.0.0.1', server.port, source_address=(signed.STRANGER, 0), timeout=30) as c:
        c.ehlo('mx.stranger.example')
        c.mail('eve@stranger.example')
        code, text = c.rcpt(server.recipient)
        if code == 250:
            code, text = c.data(signed.FORGED)
    return code == 550


def check(name, server):
    """Is every message that it keeps marked as good?"""
    bad = 0
    for sub in ('new', 'cur'):
        path = os.path.join(server.maildir, sub)
        for entry in os.listdir(path) if os.path.isdir(path) else []:
            with open(os.path.join(path, entry), 'rb') as f:
                head = f.read().replace(b'\r\n', b'\n').partition(b'\n\n')[0]
            bad += not all(re.search(wanted, head) for wanted in PASSES)
    refused = refuses(server)
    print('%s: %d messages without three passes; a forged one is %s' % (name, bad, 'refused' if refused else 'ACCEPTED'))
    return refused and bad == 0


# ---- the runs ----

def side(a, server, folder, messages):
    command = [os.path.join(lab.BUILD, 'tests/bench/load'), signed.CLIENT, str(server.port), str(a.sessions),
               server.recipient, folder, str(messages)]
    return lambda: measure(lambda: count(server.maildir), messages,
                           lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def prepare(keep, a):
    """The folder of messages; the zones are served."""
    folder, keys = lab.Folder(), signed.make_keys(a.domains)
    keep.callback(folder.remove)
    keep.callback(lab.Dns(signed.zones_of(keys), signed.NAMESERVER, 53, ttl=signed.TTL).close)
    path = os.path.join(folder.path, 'messages')
    os.mkdir(path)
    signed.write_messages(path, keys, a.size, a.distinct)
    return path


def report(a, rates):
    ours, unchecked, theirs = rates.values()
    times, share = ratio(ours, theirs), ratio(ours, unchecked)
    print('%d and %d messages of %d octets, %d sessions, %d cores: postern %s, unchecked %s, postfix %s' % (
        a.messages, a.peer_messages, a.size, a.sessions, os.cpu_count(), spread(ours), spread(unchecked), spread(theirs)))
    print('ratio to postfix %.1f, share of unchecked %.2f' % (times, share))
    return times >= a.minimum and share >= a.minimum_share


def run(a):
    with contextlib.ExitStack() as keep:
        keep.callback(furnish().remove)
        messages = prepare(keep, a)
        programs = unchecked_build()
        keep.callback(programs.remove)
        ours, unchecked = open_ours(keep, lab.BUILD), open_ours(keep, programs.path)
        theirs = on_disk(keep, filters.Filtered)
        counts = [('postern', ours, a.messages), ('postern unchecked', unchecked, a.messages),
                  ('postfix', theirs, a.peer_messages)]
        for _, server, _ in counts:
            side(a, server, messages, 500)()  # threads, processes and caches are there from the first run on
        rates = alternate(a.runs, {name: side(a, server, messages, count) for name, server, count in counts})
        honest = [check('postern', ours), check('postfix', theirs)]
    return 0 if report(a, rates) and all(honest) else 1


def main(a):
    if os.geteuid() != 0:
        print('not measured: it takes root')
        return 1
    if INSIDE not in os.environ:
        enter()
    return run(a)
