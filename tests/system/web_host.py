"""A certificate authority of our own, and web servers (nginx) whose certificates it signs."""
import os, subprocess

from lab import Folder, free_port, listens, wait_for


class Authority:
    """Makes certificates in a folder: key and chain in one file."""

    def __init__(self, name='Test CA'):
        self.folder, self.count = Folder(), 0
        self.file = os.path.join(self.folder.path, 'ca.pem')
        self.openssl('req', '-x509', *self.fresh('ca'), '-subj', '/CN=' + name, '-days', '2', '-out', self.file)

    def openssl(self, *words):
        subprocess.run(['openssl', *words], check=True, cwd=self.folder.path, stderr=subprocess.DEVNULL)

    @staticmethod
    def fresh(key):
        return '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key + '.key'

    def certificate(self, name, days=2, alternative=True):
        """For that host name; -1 day: it has expired; without an alternative name it is a common name alone."""
        self.count += 1
        base = 'c%d' % self.count
        extensions = self.folder.file(base + '.ext', 'subjectAltName=DNS:' + name if alternative else '')
        self.openssl('req', '-new', *self.fresh(base), '-subj', '/CN=' + name, '-out', base + '.csr')
        self.openssl('x509', '-req', '-in', base + '.csr', '-CA', self.file, '-CAkey', 'ca.key', '-CAcreateserial',
                     '-days', str(days), '-extfile', extensions, '-out', base + '.crt')
        path = os.path.join(self.folder.path, base)
        return self.folder.file(base + '.pem', open(path + '.key').read() + open(path + '.crt').read(), 0o600)

    def close(self):
        self.folder.remove()


class Web:
    """nginx on one port of loopback: {host name: (file of key and certificate, lines of its server block)}. The
    folder www/ holds what it serves."""

    def __init__(self, hosts, files=(), port=None):
        self.folder, self.port = Folder(), port or free_port()
        path = self.folder.path
        for name, text in dict(files).items():
            self.folder.file('www/' + name, text)
        blocks = ''.join(
            'server { listen 127.0.0.1:%d ssl; server_name %s; ssl_certificate %s; ssl_certificate_key %s; root %s/www;'
            ' %s }\n' % (self.port, name, pem, pem, path, lines)
            for name, (pem, lines) in hosts.items())
        temporary = ''.join('%s_temp_path %s/tmp;\n' % (kind, path) for kind in (
            'client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        conf = self.folder.file('nginx.conf', 'daemon off; master_process off; pid %s/pid; error_log %s/error.log;\n'
                                'events { worker_connections 64; }\nhttp { access_log %s/access.log;\n'
                                'server_names_hash_bucket_size 128; types { } default_type text/plain;\n%s%s}\n' % (
                                    path, path, path, temporary, blocks))
        self.process = subprocess.Popen(['nginx', '-p', path, '-e', path + '/error.log', '-c', conf],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port), what='nginx')

    def requests(self, least=0):
        """The lines of its log, so many at least: nginx writes each behind its answer."""
        def lines():
            with open(os.path.join(self.folder.path, 'access.log')) as f:
                return f.read().splitlines()
        wait_for(lambda: len(lines()) >= least, what='%d requests' % least)
        return lines()

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.folder.remove()
