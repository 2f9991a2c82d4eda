"""What relay and drain share: two servers that take users' mail, sign it and send it on, and where it goes.

Each domain has one mail host, a smtp-sink on a loopback address of its own, which takes everything and counts. Postern
asks a DNS server for it; Postfix has it from its transport table and asks nobody, which is to its advantage. Both take
mail on a port with TLS, after AUTH PLAIN, and sign it with RSA-2048; Postfix by opendkim on a Unix socket. Otherwise
both are as they come: 5 sessions for each destination and 100 in all, or 20 and 100 processes. Ours has no rate for the
one account that submits it all.
"""
import contextlib, json, os, re, shutil, subprocess

import dkim

import filters, signed
from common import lab, on_disk, ratio, spread

USER, HOME, SELECTOR = 'you@ours.test', 'ours.test', 'postern'
CHECKED = 'checked.example'  # what is sent there is looked at
HEADER = ('From: You <%s>\r\nTo: bob@remote.example\r\nSubject: number {number}\r\n'
          'Date: Fri, 20 Nov 2026 14:20:03 +0000\r\nMessage-ID: <{number}@desk.ours.test>\r\n'
          'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n' % USER)
LINE = '{number:06d} of many lines that make up its size %s\r\n' % ('x' * 28)


def arguments(parser, messages):
    parser.add_argument('--messages', type=int, default=messages, help='of each run')
    parser.add_argument('--distinct', type=int, default=500)
    parser.add_argument('--domains', type=int, default=10)
    parser.add_argument('--sessions', type=int, default=20, help='that are kept open for submission')
    parser.add_argument('--size', type=int, default=4096)
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--minimum', type=float, default=0.0, help='exit 1 below this ratio')


def write_messages(path, size, count):
    """In the form that tests/bench/load.c reads."""
    os.mkdir(path)
    for number in range(count):
        text, line = HEADER.format(number=number), LINE.format(number=number)
        with open(os.path.join(path, '%06d' % number), 'w', newline='') as f:
            f.write(USER + '\n' + text + line * max(1, (size - len(text)) // len(line)))


# ---- where mail goes ----

class Sinks:
    """One smtp-sink for each domain, all on the same port."""

    def __init__(self, count):
        self.folder, self.port, self.processes = lab.Folder(), lab.free_port(), []
        self.hosts = {signed.domain_of(i): '127.0.0.%d' % (11 + i) for i in range(count)}
        self.all_hosts = dict(self.hosts, **{CHECKED: '127.0.0.10'})

    def zones(self):
        return {domain: '@ MX 10 mx\nmx A ' + host for domain, host in self.all_hosts.items()}

    def transports(self):
        pairs = ['%s=smtp:[%s]:%d' % (domain, host, self.port) for domain, host in self.all_hosts.items()]
        return 'inline:{%s}' % ', '.join(pairs)

    def recipients(self):
        return ['bob@' + domain for domain in self.hosts]

    def start(self):
        who = ['-u', 'nobody'] if os.geteuid() == 0 else []
        for host in self.hosts.values():
            with open(os.path.join(self.folder.path, host), 'wb') as counts:
                self.processes.append(subprocess.Popen(
                    ['smtp-sink', *who, '-4', '-c', '%s:%d' % (host, self.port), '100'], stdout=counts))
        for host in self.hosts.values():
            lab.wait_for(lambda: lab.listens(self.port, host), what='smtp-sink')

    def count(self):
        """How many messages have come; each sink writes its count behind the last one."""
        found = 0
        for host in self.hosts:
            with open(os.path.join(self.folder.path, self.hosts[host]), 'rb') as counts:
                counts.seek(max(0, os.fstat(counts.fileno()).st_size - 100))
                found += int((re.findall(rb'mesg=(\d+)', counts.read()) or [0])[-1])
        return found

    def stop(self):
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            process.wait(10)

    def close(self):
        self.stop()
        self.folder.remove()


# ---- the servers ----

class Postern(lab.Postern):
    def __init__(self, sinks, dns):
        super().__init__(HOME, resolver=dns.address, outbound_port=sinks.port, connections_per_ip=2000,
                         user_rate='10000000/1h')
        self.port, self.sinks = self.submissions, sinks

    def prepare(self):
        self.start()
        self.user(USER)
        with open(os.path.join(self.data, 'dns', '%s.%s.txt' % (HOME, SELECTOR)), 'rb') as f:
            self.record = f.read().strip()
        return self

    def is_waiting(self, messages):
        """Is nothing on its way, and is all of this tried?"""
        items = json.loads(self.cli('queue', 'list', '--json').stdout)
        return len(items) == messages and all(item['attempts'] for item in items)

    def flush(self):
        self.cli('queue', 'retry', '--all')


class Postfix:
    """With opendkim, and an account in Cyrus SASL's own database."""

    def __init__(self, sinks):
        self.things, self.port = contextlib.ExitStack(), lab.free_port()
        self.folder = self.keep(lab.Folder(), lab.Folder.remove)
        (private, record), = signed.make_keys(1)
        self.record = record.encode()
        key = self.own(self.folder.file('key.pem', private.decode(), 0o600))
        signer = self.keep(filters.Filter('opendkim', Mode='s', Domain=HOME, Selector=SELECTOR, KeyFile=key,
                                          Canonicalization='relaxed/relaxed', RequireSafeKeys='no'))
        port = ['127.0.0.1:%d inet n - n - - smtpd' % self.port, 'smtpd_tls_wrappermode=yes',
                'smtpd_sasl_auth_enable=yes', 'smtpd_relay_restrictions=permit_sasl_authenticated,reject',
                'smtpd_milters=unix:' + signer.socket]
        self.postfix = self.keep(lab.Postfix(
            more=[' -o '.join(port)], milter_default_action='tempfail', transport_maps=sinks.transports(),
            minimal_backoff_time='300s', queue_run_delay='300s'))
        self.postfix.folder.file('etc/sasl/smtpd.conf', 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\n'
                                 'mech_list: PLAIN\nsasldb_path: %s\n' % self.accounts())

    def keep(self, thing, close=None):
        self.things.callback(close or type(thing).close, thing)
        return thing

    @staticmethod
    def own(path):
        shutil.chown(path, 'postfix', 'postfix')
        return path

    def accounts(self):
        """Cyrus SASL's database."""
        database = os.path.join(self.folder.path, 'sasldb')
        local, domain = USER.split('@')
        subprocess.run(['saslpasswd2', '-p', '-c', '-f', database, '-u', domain, local], input=lab.PASSWORD.encode(),
                       check=True)
        return self.own(database)

    def prepare(self):
        return self

    def queued(self, name):
        return sum(len(files) for _, _, files in os.walk(os.path.join(self.postfix.folder.path, 'queue', name)))

    def is_waiting(self, messages):
        return self.queued('deferred') == messages and self.queued('active') + self.queued('incoming') == 0

    def flush(self):
        subprocess.run(['postqueue', '-c', self.postfix.etc, '-f'], check=True)

    def close(self):
        self.things.close()


# ---- using them ----

class Place:
    """All of it, furnished."""

    def __init__(self, keep, a):
        self.a, self.sinks = a, Sinks(a.domains)
        keep.callback(self.sinks.close)
        self.folder = lab.Folder()
        keep.callback(self.folder.remove)
        self.messages = os.path.join(self.folder.path, 'messages')
        write_messages(self.messages, a.size, a.distinct)
        dns = lab.Dns(self.sinks.zones(), ttl=signed.TTL)
        keep.callback(dns.close)
        self.checked = lab.Remote(self.sinks.all_hosts[CHECKED], self.sinks.port)
        keep.callback(self.checked.close)
        self.servers = {'postern': on_disk(keep, lambda: Postern(self.sinks, dns)).prepare(),
                        'postfix': on_disk(keep, lambda: Postfix(self.sinks)).prepare()}

    def submit(self, server, count, recipients=None):
        subprocess.run([os.path.join(lab.BUILD, 'tests/bench/load'), '127.0.0.1', str(server.port),
                        str(self.a.sessions), ','.join(recipients or self.sinks.recipients()), self.messages, str(count),
                        USER, lab.PASSWORD], check=True, stdout=subprocess.DEVNULL)

    def report(self, rates):
        a, ours, theirs = self.a, rates['postern'], rates['postfix']
        times = ratio(ours, theirs)
        print('%d messages of %d octets to %d domains, %d sessions, %d cores: postern %s, postfix %s, ratio %.1f' % (
            a.messages, a.size, a.domains, a.sessions, os.cpu_count(), spread(ours), spread(theirs), times))
        return times >= a.minimum

    def signs(self, name):
        """Does what this server sends verify?"""
        before = len(self.checked.mails)
        self.submit(self.servers[name], 1, ['bob@' + CHECKED])
        mail = self.checked.wait_mails(before + 1)[before]['data']
        good = dkim.verify(mail, minkey=2048, dnsfunc=lambda question, timeout=5: self.servers[name].record)
        print('%s: what it sends %s' % (name, 'is signed' if good else 'has NO GOOD SIGNATURE'))
        return good

    def are_honest(self):
        return all([self.signs(name) for name in self.servers])
