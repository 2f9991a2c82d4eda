"""The programs that the system tests run, each in a folder of its own on loopback ports of its own: our server,
a DNS server (nsd), Postfix as the other side, and a scripted remote server for what Postfix can't be made to do."""
import os, re, shutil, signal, socket, socketserver, subprocess, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get('POSTERN_BUILD', 'build/san'))
PASSWORD = 'correct-horse-battery'


def free_port():
    """A port that is free now on 127.0.0.1, below the range that connections are made from; pytest's parallel workers
    have ranges of their own."""
    worker = int(re.sub(r'\D', '', os.environ.get('PYTEST_XDIST_WORKER', '')) or 8)
    while True:
        free_port.count += 1
        port = 20000 + worker * 1200 + free_port.count % 1200
        with socket.socket() as s:
            try:
                s.bind(('0.0.0.0', port))
                return port
            except OSError:
                pass


free_port.count = 0


def wait_for(condition, seconds=20, what='condition'):
    """Until it is true; polls, since other programs can't be asked to call back."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError('%s did not come true in %s s' % (what, seconds))


def listens(port, host='127.0.0.1'):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((host, port)) == 0


def stat_of(pid):
    """(name, state, parent) of a process; None: there is none."""
    try:
        with open('/proc/%s/stat' % pid) as f:
            text = f.read()
    except OSError:
        return None
    state, parent = text[text.rindex(')') + 2:].split()[:2]
    return text[text.index('(') + 1:text.rindex(')')], state, int(parent)


def children(pid):
    """(name, pid) of each process that it has started."""
    found = {entry: stat_of(entry) for entry in os.listdir('/proc') if entry.isdigit()}
    return [(stat[0], int(entry)) for entry, stat in found.items() if stat and stat[2] == pid and stat[1] != 'Z']


def children_of(pid):
    return dict(children(pid))


def descendants(pid):
    return [found for _, child in children(pid) for found in [child] + descendants(child)]


def is_gone(pid):
    """Has it ended with all its threads, so that its files and locks are closed?"""
    stat = stat_of(pid)
    try:
        return not stat or stat[1] == 'Z' and len(os.listdir('/proc/%d/task' % pid)) == 1
    except OSError:
        return True


def memory():
    """Where tests that aren't about disks keep their files: in memory, when there is enough; None: the usual place."""
    try:
        space = os.statvfs('/dev/shm')
    except OSError:
        return None
    return '/dev/shm' if space.f_bavail * space.f_frsize > 4 << 30 and os.access('/dev/shm', os.W_OK) else None


class Folder:
    """A temporary folder that others may enter (Postfix and nsd run as users of their own)."""

    base = memory()

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix='postern-', dir=Folder.base)
        os.chmod(self.path, 0o755)

    def file(self, name, text='', mode=0o644):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Nowhere:
    """A resolver in a thread of its own, for which no name exists: for servers whose test is about something else."""

    shared = None

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.address = '127.0.0.1:%d' % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    @classmethod
    def get(cls):
        cls.shared = cls.shared or cls()
        return cls.shared.address

    def serve(self):
        while True:
            question, client = self.socket.recvfrom(4096)
            end = question.find(b'\0', 12) + 5  # of name, type and class
            if len(question) >= end > 16:
                counts = b'\0\1' + b'\0' * 6
                self.socket.sendto(question[:2] + b'\x81\x83' + counts + question[12:end], client)


class Postern:
    """Our server, started as a user starts it: through entrypoint, by the environment."""

    build = BUILD

    def __init__(self, domain='ours.test', resolver=None, data=None, **settings):
        self.folder = Folder()
        self.data = data or os.path.join(self.folder.path, 'data')
        self.smtp, self.submissions, self.submission = free_port(), free_port(), free_port()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith('POSTERN_')}
        self.env.update(POSTERN_DATA=self.data, POSTERN_RUN=os.path.join(self.folder.path, 'run'),
                        POSTERN_LISTEN='127.0.0.1', POSTERN_RESOLVER=resolver or Nowhere.get(),
                        POSTERN_PORTS='smtp=%d,submissions=%d,submission=%d' % (
                            self.smtp, self.submissions, self.submission),
                        POSTERN_ALLOW_PRIVATE_DESTINATIONS='yes',
                        ASAN_OPTIONS='detect_leaks=0:abort_on_error=1')
        if domain:
            self.env['POSTERN_DOMAIN'] = domain
        self.env.update({'POSTERN_' + k.upper(): str(v) for k, v in settings.items()})
        self.log_path = os.path.join(self.folder.path, 'log')
        self.process = None

    def start(self, wait=True, ready=None):
        ready = ready or (lambda: 'smtpd is ready' in self.log())
        self.log_start = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        self.process = subprocess.Popen([os.path.join(self.build, 'entrypoint')], env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=open(self.log_path, 'ab'), stderr=subprocess.STDOUT)
        if wait:
            wait_for(lambda: self.process.poll() is not None or ready(), what='start')
            assert self.process.poll() is None, self.log()
        return self

    def start_quiet(self):
        """With a log level that doesn't tell when it is ready."""
        return self.start(ready=lambda: self.cli('health', check=False).returncode == 0)

    def log(self):
        """What was logged since the last start."""
        with open(self.log_path, errors='replace') as f:
            f.seek(self.log_start)
            return f.read()

    def events(self, name, **having):
        """The logged events of that name, as dictionaries, that have these values."""
        found = []
        for line in self.log().splitlines():
            fields = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line))
            if fields.get('event') == name and all(fields.get(k) == v for k, v in having.items()):
                found.append(fields)
        return found

    def run(self):
        """In the foreground, for starts that fail: exit status and output."""
        done = subprocess.run([os.path.join(self.build, 'entrypoint')], env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
        return done.returncode, done.stdout.decode(errors='replace')

    def child(self, name):
        return wait_for(lambda: self.child_now(name), what='child ' + name)

    def child_now(self, name):
        """Or None."""
        return children_of(self.process.pid).get(name)

    def kill(self, name):
        """kill -9 of a child; returns when it is gone."""
        pid = self.child(name)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: children_of(self.process.pid).get(name) != pid, what='death of ' + name)

    def kill_all(self):
        """kill -9 of everything, as when the machine's memory is gone."""
        self.process.send_signal(signal.SIGSTOP)  # it starts nothing more
        wait_for(lambda: (stat_of(self.process.pid) or 'ZZ')[1] in 'TZ', what='SIGSTOP')
        pids = descendants(self.process.pid)
        for pid in pids + [self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)
        wait_for(lambda: all(map(is_gone, pids)), what='end of the children')

    def stop(self):
        """SIGTERM; the seconds it took."""
        start = time.monotonic()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(12)
        return time.monotonic() - start

    def cli(self, *words, stdin='', check=True):
        done = subprocess.run([os.path.join(self.build, 'postern')] + list(words), env=self.env, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
        if check:
            assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
        return done

    def user(self, address, password=PASSWORD):
        self.cli('user', 'add', address, '--password-stdin', stdin=password + '\n')
        local, domain = address.split('@')
        wait_for(lambda: self.knows(address), what='account ' + address)

    def knows(self, address):
        """Does port 25 accept it (the files are looked at once a second)?"""
        import smtplib
        with smtplib.SMTP('127.0.0.1', self.smtp, timeout=10) as c:
            c.ehlo('client.test')
            c.mail('a@b.test')
            return c.rcpt(address)[0] == 250

    def mails(self, address, folder=''):
        """The messages in a mailbox, as bytes."""
        local, domain = address.split('@')
        base = os.path.join(self.data, 'mail', domain, local, 'Maildir', folder)
        found = []
        for sub in ('new', 'cur'):
            path = os.path.join(base, sub)
            for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
                with open(os.path.join(path, name), 'rb') as f:
                    found.append(f.read())
        return found

    def wait_mails(self, address, count=1, folder='', seconds=20):
        wait_for(lambda: len(self.mails(address, folder)) >= count, seconds, '%d mails for %s' % (count, address))
        return self.mails(address, folder)

    def close(self):
        try:
            self.stop()
        finally:
            if self.process and self.process.poll() is None:
                self.kill_all()
            text = open(self.log_path, errors='replace').read() if os.path.exists(self.log_path) else ''
            self.folder.remove()
            assert 'Sanitizer' not in text and 'runtime error' not in text, text[-4000:]


class Bare:
    """smtpd and signer of a server that has stopped, started without entrypoint and web, so that the signer can be
    killed more often than its back-off allows: the pair between them is kept here, as PID 1 keeps it."""

    def __init__(self, server):
        self.server = server
        self.pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.web = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in self.pair + self.web:
            end.setblocking(False)
        self.log = open(server.log_path, 'ab')
        self.env = dict(server.env, POSTERN_HOSTNAME='mail.ours.test')
        self.signer = self.start('signer', {'signer': self.pair[1]})
        port = socket.create_server(('127.0.0.1', server.submissions))
        port.setblocking(False)
        self.smtpd = self.start('smtpd', {'signer': self.pair[0], 'web': self.web[0], 'submissions': port})
        port.close()
        wait_for(lambda: 'smtpd is ready' in server.log(), what='start')

    def start(self, name, descriptors):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()
        process = subprocess.Popen([os.path.join(BUILD, name)], env=self.env, stdout=self.log, stderr=self.log,
                                   pass_fds=[fd, 3], preexec_fn=lambda: os.dup2(fd, 3))
        theirs.close()
        for record, end in descriptors.items():
            socket.send_fds(ours, [record.encode()], [end.fileno()])
        ours.send(b'go')
        if name == 'smtpd':
            self.handover = ours  # its end would tell smtpd that PID 1 is gone
        return process

    def kill_signer(self):
        self.signer.kill()
        self.signer.wait()
        self.signer = self.start('signer', {'signer': self.pair[1]})

    def close(self):
        for process in (self.smtpd, self.signer):
            process.terminate()
            process.wait(12)


class Dns:
    """nsd with these zones: {'remote.test': 'zone file lines'}; SOA and NS are added. Other names don't exist; without
    the root they are refused, which is trouble to whoever asks."""

    def __init__(self, zones, host='127.0.0.1', port=None, root=True, ttl=0):
        self.folder, self.port, self.zones = Folder(), port or free_port(), dict(zones)
        self.address = '%s:%d' % (host, self.port)
        path = self.folder.path
        conf = ('server:\n ip-address: %s@%d\n username: ""\n chroot: ""\n zonesdir: "%s"\n database: ""\n'
                ' pidfile: "%s/pid"\n xfrdfile: ""\n zonelistfile: "%s/zonelist"\n server-count: 1\n'
                ' logfile: "%s/log"\nremote-control:\n control-enable: no\n' % (host, self.port, path, path, path, path))
        for name, lines in self.zones.items():
            self.folder.file(name + '.zone', '$ORIGIN %s.\n$TTL %d\n@ SOA ns.%s. root.%s. 1 3600 600 86400 %d\n'
                             '@ NS ns.%s.\nns A 127.0.0.1\n%s\n' % (name, ttl, name, name, ttl, name, lines))
            conf += 'zone:\n name: "%s"\n zonefile: "%s.zone"\n' % (name, name)
        if root:
            self.folder.file('root.zone', '$ORIGIN .\n$TTL %d\n@ SOA ns. root. 1 3600 600 86400 %d\n@ NS ns.\n'
                             'ns A 127.0.0.1\n' % (ttl, ttl))
            conf += 'zone:\n name: "."\n zonefile: "root.zone"\n'
        self.conf = self.folder.file('nsd.conf', conf)
        self.process = subprocess.Popen(['nsd', '-d', '-c', self.conf], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: listens(self.port, host), what='nsd')

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        self.folder.remove()


def certificate(folder, name):
    """A self-signed certificate, as most of the world's mail servers have: key and certificate in one file."""
    path = os.path.join(folder.path, 'tls.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days',
                    '2', '-subj', '/CN=' + name, '-addext', 'subjectAltName=DNS:' + name, '-keyout', path + '.key',
                    '-out', path + '.crt'], check=True, stderr=subprocess.DEVNULL)
    with open(path, 'w') as out:
        out.write(open(path + '.key').read() + open(path + '.crt').read())
    os.chmod(path, 0o600)
    return path


class Postfix:
    """A Postfix of its own: receives for its domain into a Maildir, and sends through its sendmail to our port. more:
    lines for its master.cf; files: {name: text}, beside that."""

    def __init__(self, domain='remote.test', host='127.0.0.1', port=None, to_domain='ours.test', to_port=0, more=(),
                 files=(), **settings):
        self.folder, self.domain, self.host, self.port = Folder(), domain, host, port or free_port()
        path = self.folder.path
        for sub in ('etc', 'queue', 'lib', 'mail'):
            os.mkdir(os.path.join(path, sub))
        shutil.chown(os.path.join(path, 'lib'), 'postfix', 'postfix')
        shutil.chown(os.path.join(path, 'mail'), 'nobody', 'nogroup')
        main = dict(
            compatibility_level='3.6', queue_directory=path + '/queue', data_directory=path + '/lib',
            maillog_file=path + '/postfix.log', maillog_file_prefixes=path, myhostname='mx.' + domain, mydestination='',
            inet_interfaces=host, inet_protocols='ipv4', mynetworks='', local_recipient_maps='',
            virtual_mailbox_domains=domain, virtual_mailbox_base=path + '/mail', virtual_mailbox_maps='static:all/',
            virtual_uid_maps='static:65534', virtual_gid_maps='static:65534', virtual_minimum_uid='100',
            virtual_mailbox_limit='0', mailbox_size_limit='0', message_size_limit='100000000',
            smtpd_tls_security_level='may', smtpd_tls_chain_files=certificate(self.folder, 'mx.' + domain),
            smtp_tls_security_level='may', smtpd_tls_received_header='yes', smtp_dns_support_level='disabled',
            smtp_host_lookup='native', transport_maps='inline:{%s=smtp:[127.0.0.1]:%d}' % (to_domain, to_port),
            smtpd_peername_lookup='no', minimal_backoff_time='1s', queue_run_delay='1s', alias_maps='', alias_database='',
            smtpd_relay_restrictions='reject_unauth_destination', smtpd_client_connection_rate_limit='0', biff='no')
        main.update(settings)
        self.folder.file('etc/main.cf', ''.join('%s = %s\n' % item for item in main.items()))
        services = ['%s:%d inet n - n - - smtpd' % (host, self.port), 'pickup unix n - n 60 1 pickup',
                    'cleanup unix n - n - 0 cleanup', 'qmgr unix n - n 300 1 qmgr', 'tlsmgr unix - - n 1000? 1 tlsmgr',
                    'rewrite unix - - n - - trivial-rewrite', 'bounce unix - - n - 0 bounce',
                    'defer unix - - n - 0 bounce', 'trace unix - - n - 0 bounce', 'verify unix - - n - 1 verify',
                    'flush unix n - n 1000? 0 flush', 'smtp unix - - n - - smtp', 'relay unix - - n - - smtp',
                    'error unix - - n - - error', 'retry unix - - n - - error', 'discard unix - - n - - discard',
                    'local unix - n n - - local', 'virtual unix - n n - - virtual', 'anvil unix - - n - 1 anvil',
                    'scache unix - - n - 1 scache', 'postlog unix-dgram n - n - 1 postlogd', 'showq unix n - n - - showq',
                    'proxymap unix - - n - - proxymap', 'proxywrite unix - - n - 1 proxymap']
        for name, text in dict(files).items():
            self.folder.file('etc/' + name, text)
        self.folder.file('etc/master.cf', '\n'.join(services + list(more)) + '\n')
        self.etc = os.path.join(path, 'etc')
        subprocess.run(['postfix', '-c', self.etc, 'start'], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)
        wait_for(lambda: listens(self.port, host), what='Postfix')

    def mails(self):
        base = os.path.join(self.folder.path, 'mail', 'all')
        found = []
        for sub in ('new', 'cur'):
            path = os.path.join(base, sub)
            for name in sorted(os.listdir(path)) if os.path.isdir(path) else []:
                with open(os.path.join(path, name), 'rb') as f:
                    found.append(f.read())
        return found

    def wait_mails(self, count=1, seconds=30):
        wait_for(lambda: len(self.mails()) >= count, seconds, '%d mails at Postfix' % count)
        return self.mails()

    def send(self, message, sender, *recipients):
        subprocess.run(['sendmail', '-C', self.etc, '-i', '-f', sender] + list(recipients), input=message, check=True)

    def log(self):
        path = os.path.join(self.folder.path, 'postfix.log')
        return open(path, errors='replace').read() if os.path.exists(path) else ''

    def close(self):
        subprocess.run(['postfix', '-c', self.etc, 'abort'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.folder.remove()


class Remote:
    """A scripted server: `answers` maps a verb, or 'RCPT user@domain', to a reply, a list of replies (used up one by
    one, the last stays), a function that returns one, or None (hang up). What it accepted is in `mails`, each {'from', 'to', 'data'}."""

    def __init__(self, host='127.0.0.1', port=None, answers=None, extensions=('PIPELINING', '8BITMIME', 'SIZE 100000000')):
        self.answers, self.extensions, self.mails, self.sessions = dict(answers or {}), extensions, [], []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.serve(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 64
            address_family = socket.AF_INET6 if ':' in host else socket.AF_INET

        self.server = Server((host, port or free_port()), Handler)
        self.host, self.port = self.server.server_address[:2]
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def answer(self, key, default):
        value = self.answers.get(key, default)
        if isinstance(value, list):
            value = value.pop(0) if len(value) > 1 else value[0]
        return value() if callable(value) else value

    def serve(self, handler):
        verbs = []
        self.sessions.append(verbs)

        def say(text):
            if text is None:
                raise ConnectionAbortedError
            handler.wfile.write(text.encode() + b'\r\n')

        try:
            say(self.answer('GREETING', '220 scripted.test'))
            sender, recipients = None, []
            while True:
                line = handler.rfile.readline().decode('latin-1').rstrip('\r\n')
                if not line:
                    return
                verb = line.split(' ')[0].upper()
                verbs.append(line)
                if verb == 'EHLO':
                    lines = ['scripted.test'] + list(self.extensions)
                    say(self.answer('EHLO', '\r\n'.join('250-' + x for x in lines[:-1]) + '\r\n250 ' + lines[-1]))
                elif verb == 'MAIL':
                    sender, recipients = line[line.index('<') + 1:line.index('>')], []
                    say(self.answer('MAIL', '250 2.1.0 ok'))
                elif verb == 'RCPT':
                    address = line[line.index('<') + 1:line.index('>')]
                    reply = self.answer('RCPT ' + address, self.answer('RCPT', '250 2.1.5 ok'))
                    if reply and reply.startswith('250'):
                        recipients.append(address)
                    say(reply)
                elif verb == 'DATA':
                    reply = self.answer('DATA', '354 go on' if recipients else '554 5.5.1 no recipients')
                    say(reply)
                    if reply.startswith('354'):
                        data = b''
                        while not data.endswith(b'\r\n.\r\n') and data != b'.\r\n':
                            piece = handler.rfile.readline()
                            if not piece:
                                return
                            data += piece
                        reply = self.answer('DOT', '250 2.0.0 kept')
                        if reply and reply.startswith('250'):
                            self.mails.append({'from': sender, 'to': recipients, 'at': time.monotonic(),
                                               'data': data[:-3].replace(b'\r\n..', b'\r\n.')})
                        say(reply)
                elif verb == 'QUIT':
                    say(self.answer('QUIT', '221 2.0.0 bye'))
                    return
                else:
                    say(self.answer(verb, '250 2.0.0 ok'))
        except (OSError, ConnectionAbortedError):
            pass

    def wait_mails(self, count=1, seconds=20):
        wait_for(lambda: len(self.mails) >= count, seconds, '%d mails at the scripted server' % count)
        return self.mails

    def close(self):
        self.server.shutdown()
        self.server.server_close()
