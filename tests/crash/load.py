"""A load of messages whose every answer is remembered, and the count of where they are in the end."""
import collections, contextlib, json, os, random, re, smtplib, ssl, threading, time

import lab

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE

YOU, SECOND, BOB = 'you@ours.test', 'second@ours.test', 'bob@remote.test'
LATE = 'late@remote.test'  # deferred until it is in the spool
STUCK = 'stuck@remote.test'  # deferred until let_go()
NOBODY = 'nobody@remote.test'  # refused: what comes is a bounce to YOU
ALL = [YOU, SECOND, BOB, LATE, STUCK, NOBODY]
KINDS = {'local': [YOU, SECOND], 'remote': [BOB], 'mixed': [YOU, BOB], 'stuck': [SECOND, STUCK], 'bounced': [BOB, NOBODY],
         'waiting': [STUCK], 'each': [YOU, BOB, LATE, NOBODY]}
USUAL = ['local', 'remote', 'mixed', 'stuck', 'bounced']
SMALL, LARGE = 2000, 200000  # the second has a body file

# What became of one transmission. UNSENT: it broke off before its final dot. DOUBTFUL: no answer came.
UNSENT, DOUBTFUL, REFUSED, ACKNOWLEDGED = 'unsent', 'doubtful', 'refused', 'acknowledged'
Transmission = collections.namedtuple('Transmission', 'number to size fate id reply')


class World:
    """Our server with two accounts, and a remote one."""

    def __init__(self, keep, data=None, **settings):
        self.remote = keep(lab.Remote(answers={
            'RCPT ' + LATE: lambda: '250 2.1.5 now' if self.spooled() else '451 4.7.1 later',
            'RCPT ' + STUCK: '451 4.7.1 later', 'RCPT ' + NOBODY: '550 5.1.1 no such user'}))
        dns = keep(lab.Dns({'remote.test': '@ MX 10 mx\nmx A 127.0.0.1'}))
        self.server = keep(lab.Postern(data=data, resolver=dns.address, outbound_port=self.remote.port, retry_min='1s',
                                       retry_max='2s', user_rate='1000000/1h', **settings)).start()
        self.crashes = []  # when each was over
        for account in (YOU, SECOND):
            self.server.user(account)

    def crashed(self):
        self.crashes.append(time.monotonic())

    def kill_all(self):
        self.server.kill_all()
        self.crashed()

    def files(self, folder):
        """The paths of all files below a folder of the data."""
        found = os.walk(os.path.join(self.server.data, folder))
        return [os.path.join(path, name) for path, _, names in found for name in names]

    def spooled(self):
        return [path for path in self.files('spool') if not path.endswith('.body')]

    def let_go(self):
        del self.remote.answers['RCPT ' + STUCK]

    def queued(self):
        """{id: addresses that wait}."""
        found = {}
        for item in json.loads(self.server.cli('queue', 'list', '--json').stdout):
            found[item['id']] = [r['address'] for r in item['recipients'] if r['state'] == 'waiting']
        return found


class Load:
    """Submits on port 465 over several connections, as many messages as permit() allows; each is sent until it is
    acknowledged or stop() was called, and every time is a transmission with a number of its own."""

    def __init__(self, world, seed=0, connections=6, large_every=12, permits=0, kinds=USUAL):
        self.world, self.random, self.large_every, self.kinds = world, random.Random(seed), large_every, kinds
        self.lock, self.permits, self.stopping = threading.Lock(), threading.Semaphore(permits), threading.Event()
        self.permitted, self.ended, self.transmissions, self.count = permits, 0, [], 0
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    # ---- sending ----

    def permit(self, count):
        self.permitted += count
        for _ in range(count):
            self.permits.release()

    def is_done(self):
        return self.ended == self.permitted

    def with_fate(self, fate):
        with self.lock:
            return [t for t in self.transmissions if t and t.fate == fate]  # None: under way

    def stop(self):
        self.stopping.set()
        for _ in self.threads:
            self.permits.release()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), 'a client hangs'

    close = stop

    def work(self):
        client = None
        while self.permits.acquire() and not self.stopping.is_set():
            with self.lock:
                self.count += 1
                to = KINDS[self.random.choice(self.kinds)]
                size = SMALL if self.count % self.large_every else LARGE
            fate = None
            while fate != ACKNOWLEDGED and not self.stopping.is_set():
                client, fate = self.transmit(client or self.connect(), to, size)
            with self.lock:
                self.ended += 1
        if client:
            client.close()

    def connect(self):
        while not self.stopping.is_set():
            client = None
            try:
                client = smtplib.SMTP_SSL('127.0.0.1', self.world.server.submissions, 'load.test', timeout=20,
                                          context=CONTEXT)
                client.login(YOU, lab.PASSWORD)
                return client
            except (OSError, smtplib.SMTPException):
                if client:
                    client.close()
                time.sleep(0.02)

    def transmit(self, client, to, size):
        """The client, when it can be used again, and the fate."""
        with self.lock:
            number = len(self.transmissions)
            self.transmissions.append(None)
        fate, code, text = UNSENT, 0, b''
        with contextlib.suppress(OSError, smtplib.SMTPException):
            if client:
                code, text = talk(client, to)
            if code == 354:
                fate = DOUBTFUL
                client.send(letter(number, size) + b'.\r\n')
                code, text = client.getreply()
            if code:
                fate = ACKNOWLEDGED if code == 250 else REFUSED
        ident = text.split()[-1].decode() if fate == ACKNOWLEDGED else None
        with self.lock:
            self.transmissions[number] = Transmission(number, to, size, fate, ident, b'%d %s' % (code, text))
        if fate != ACKNOWLEDGED:
            if client:
                client.close()
            client = None
            time.sleep(0.02)
        return client, fate


def talk(client, to):
    """Up to the answer to DATA, or the first refusal."""
    for command in ['MAIL FROM:<%s>' % YOU] + ['RCPT TO:<%s>' % address for address in to]:
        code, text = client.docmd(command)
        if code != 250:
            return code, text
    return client.docmd('DATA')


def body(number, size):
    return b''.join(b'%06d %s\r\n' % (number, b'x' * 60) for _ in range(size // 69)) + b'end of %06d\r\n' % number


def letter(number, size):
    return b'From: you@ours.test\r\nTo: all\r\nSubject: n%06d\r\n\r\n%s' % (number, body(number, size))


# ---- counting ----

Copy = collections.namedtuple('Copy', 'number id at')


def number_and_id(head):
    return int(re.search(rb'^Subject: n(\d{6})$', head, re.M).group(1)), re.search(rb'\n\tid (\w+)', head).group(1).decode()


def copy_of(mail, load, at=0):
    """Which transmission this is; it must be whole."""
    head, _, text = mail.replace(b'\r\n', b'\n').partition(b'\n\n')
    number, ident = number_and_id(head)
    expected = body(number, load.transmissions[number].size).replace(b'\r\n', b'\n')
    assert text == expected, 'a partial file: n%06d, %d instead of %d octets' % (number, len(text), len(expected))
    return Copy(number, ident, at)


def bounced_copy(mail):
    """Which transmission this reports; its header section is the last part."""
    assert mail.endswith(b'--\n'), 'a partial bounce'
    return Copy(*number_and_id(mail[mail.rindex(b'\nContent-Type: '):]), 0)


def copies_at(world, load, address):
    if address.endswith('@remote.test') and address != NOBODY:
        return [copy_of(mail['data'], load, mail['at']) for mail in world.remote.mails if address in mail['to']]
    mails = world.server.mails(YOU if address == NOBODY else address)
    bounces = [mail for mail in mails if b'\nContent-Type: multipart/report' in mail]
    return [bounced_copy(mail) for mail in bounces] if address == NOBODY else \
        [copy_of(mail, load) for mail in mails if mail not in bounces]


def check_copies(world, address, copies):
    """Here one each, because an earlier one is replaced; one bounce, too. There as many as crashes explain: one may
    come between the remote server's answer and its row. (A second is how late that server may read what was sent.)"""
    for number, times in group(copies).items():
        first, last = min(times), max(times)
        explained = sum(first - 1 < crash < last for crash in world.crashes)
        allowed = 1 if address in (YOU, SECOND, NOBODY) else 1 + explained
        assert len(times) <= allowed, '%d copies of n%06d for %s' % (len(times), number, address)


def group(copies):
    found = collections.defaultdict(list)
    for copy in copies:
        found[copy.number].append(copy.at)
    return found


def check_places(world, load, places, lost=()):
    """places: {address: copies}. What was acknowledged is there, with the id that the answer named, but for `lost`;
    what wasn't is nowhere, unless no answer came: then it is everywhere or nowhere."""
    there = {number for copies in places.values() for number in (c.number for c in copies)}
    for address, copies in places.items():
        mine = [t for t in load.transmissions if address in t.to]
        wanted = {(t.number, t.id) for t in mine if t.fate == ACKNOWLEDGED and t.number not in lost}
        doubtful = {t.number for t in mine if t.fate == DOUBTFUL}
        found = {(c.number, c.id) for c in copies}
        assert not wanted - found, 'lost for %s: %s' % (address, sorted(wanted - found))
        extra = {c for c in found - wanted if c[0] not in doubtful}
        assert not extra, 'never accepted for %s: %s' % (address, sorted(extra))
        halves = (doubtful & there) - {c.number for c in copies}
        assert not halves, 'not for all recipients: %s, %s' % (address, sorted(halves))
        check_copies(world, address, copies)


def check_rest(world):
    """Nothing is left where nothing should be: queue, spool, tmp."""
    lab.wait_for(lambda: not world.queued(), 60, 'an empty queue')
    lab.wait_for(lambda: not world.files('spool'), 20, 'an empty spool')
    left = [path for path in world.files('mail') if '/Maildir/tmp/' in path]
    assert not left, left[:3]


def compare(world, load, lost=()):
    """Acknowledged = in Maildirs + at the remote server + queued, exactly; then the queued ones are let go, and it is
    so without a queue. Whoever calls it has started the server and stopped the load."""
    assert load.with_fate(ACKNOWLEDGED)
    lab.wait_for(lambda: all(waiting == [STUCK] for waiting in world.queued().values()), 60, 'all but the stuck ones')
    stuck = {t.id: t.number for t in load.transmissions if STUCK in t.to and t.fate == ACKNOWLEDGED}
    queued = [Copy(stuck.get(ident), ident, 0) for ident in world.queued()]
    unknown = [copy for copy in queued if copy.number is None]  # doubtful ones: nobody knows which
    doubtful = [t for t in load.with_fate(DOUBTFUL) if STUCK in t.to]
    assert len(unknown) <= len(doubtful), 'queued, never accepted: %s' % unknown
    missing = set(stuck) - set(world.queued()) - {t.id for t in load.transmissions if t.number in lost}
    assert not missing, 'no longer queued: %s' % missing
    check_places(world, load, {address: copies_at(world, load, address) for address in ALL if address != STUCK}, lost)
    world.let_go()
    check_rest(world)
    check_places(world, load, {address: copies_at(world, load, address) for address in ALL}, lost)
