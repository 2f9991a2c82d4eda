"""Signed zones, and a resolver (unbound) that validates them: what DANE needs of the DNS."""
import os, subprocess

from lab import Folder, free_port, listens, wait_for


def tool(*words, cwd):
    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


class Zones:
    """nsd with these zones, {'remote.test': 'zone file lines'}; SOA and NS are added. Those in `signed` are signed, and
    their keys are in `anchors`. forged: {text in a signed zone: what stands there behind the signing}."""

    def __init__(self, zones, signed=(), forged=()):
        self.folder, self.port, self.anchors, self.names = Folder(), free_port(), [], list(zones)
        path = self.folder.path
        conf = ('server:\n ip-address: 127.0.0.1@%d\n username: ""\n chroot: ""\n zonesdir: "%s"\n database: ""\n'
                ' pidfile: "%s/pid"\n xfrdfile: ""\n zonelistfile: "%s/zonelist"\n server-count: 1\n logfile: "%s/log"\n'
                'remote-control:\n control-enable: no\n' % (self.port, path, path, path, path))
        for name, lines in zones.items():
            self.folder.file(name, '$ORIGIN %s.\n$TTL 0\n@ SOA ns root 1 3600 600 86400 0\n@ NS ns\nns A 127.0.0.1\n%s\n' % (
                name, lines))
            if name in signed:
                self.sign(name, dict(forged))
            conf += 'zone:\n name: "%s"\n zonefile: "%s"\n' % (name, name)
        self.process = subprocess.Popen(['nsd', '-d', '-c', self.folder.file('nsd.conf', conf)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port), what='nsd')

    def sign(self, name, forged):
        path = self.folder.path
        key = tool('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', name, cwd=path)
        tool('ldns-signzone', '-f', name + '.signed', name, key, cwd=path)
        text = open(os.path.join(path, name + '.signed')).read()
        for old, new in forged.items():
            assert old in text, text
            text = text.replace(old, new)
        self.folder.file(name, text)
        self.anchors.append(os.path.join(path, key + '.key'))

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.folder.remove()


class Resolver:
    """unbound on a port of loopback, which believes the keys of those zones and nobody else's."""

    def __init__(self, zones):
        self.folder, self.port = Folder(), free_port()
        self.address = '127.0.0.1:%d' % self.port
        lines = ['server:', 'interface: 127.0.0.1@%d' % self.port, 'directory: "%s"' % self.folder.path, 'chroot: ""',
                 'username: ""', 'pidfile: ""', 'use-syslog: no', 'logfile: ""', 'num-threads: 1', 'do-ip6: no',
                 'do-not-query-localhost: no', 'module-config: "validator iterator"', 'local-zone: "test." nodefault',
                 'cache-max-ttl: 0', 'cache-max-negative-ttl: 0']
        lines += ['trust-anchor-file: "%s"' % anchor for anchor in zones.anchors]
        lines += ['remote-control:', 'control-enable: no']
        for name in zones.names:
            lines += ['stub-zone:', 'name: "%s"' % name, 'stub-addr: 127.0.0.1@%d' % zones.port]
        conf = self.folder.file('unbound.conf', '\n'.join(lines) + '\n')
        self.process = subprocess.Popen(['unbound', '-d', '-p', '-c', conf], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port), what='unbound')

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.folder.remove()
