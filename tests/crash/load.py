"""A load of numbered messages whose every acknowledgement is remembered, and the count of where they are."""
import random, re, smtplib, ssl, threading, time

import lab

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname, CONTEXT.verify_mode = False, ssl.CERT_NONE

# What a message is for: local alone, remote alone, both; small or (body file) large.
KINDS = {'local': ['you@ours.test', 'second@ours.test'], 'remote': ['bob@remote.test'],
         'mixed': ['you@ours.test', 'bob@remote.test']}


class Load:
    """Sends through port 465 from several threads until stopped; goes on when the server is away."""

    def __init__(self, server, seed=1, threads=6, size=2000, large_every=25, limit=500):
        self.server, self.random, self.size, self.large_every, self.limit = server, random.Random(seed), size, large_every, limit
        self.lock, self.next, self.acknowledged, self.unknown = threading.Lock(), 0, {}, {}
        self.stopping = False
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]
        for t in self.threads:
            t.start()

    def take(self):
        with self.lock:
            if self.next >= self.limit:
                return None
            self.next += 1
            return self.next, self.random.choice(sorted(KINDS))

    def body(self, number):
        size = 200000 if number % self.large_every == 0 else self.size
        return ''.join('%06d %s\r\n' % (number, 'x' * 60) for _ in range(size // 68)) + 'end of %06d\r\n' % number

    def message(self, number):
        return 'From: you@ours.test\r\nTo: x@remote.test\r\nSubject: n%06d\r\n\r\n%s' % (number, self.body(number))

    def work(self):
        client = None
        while not self.stopping:
            job = self.take()
            if not job:
                return
            number, kind = job
            while not self.stopping:
                try:
                    if client is None:
                        client = smtplib.SMTP_SSL('127.0.0.1', self.server.submissions, 'load.test', timeout=10,
                                                  context=CONTEXT)
                        client.login('you@ours.test', lab.PASSWORD)
                    client.sendmail('you@ours.test', KINDS[kind], self.message(number))
                    with self.lock:
                        self.acknowledged[number] = kind
                    break
                except (OSError, smtplib.SMTPException):
                    with self.lock:
                        self.unknown[number] = kind  # perhaps taken, perhaps not: sent again, so it may come twice
                    client = None
                    time.sleep(0.05)

    def done(self):
        return not any(t.is_alive() for t in self.threads)

    def stop(self):
        self.stopping = True
        for t in self.threads:
            t.join(15)


def numbers(mails):
    """The numbers of these messages; each must be whole."""
    found = []
    for mail in mails:
        number = int(re.search(rb'Subject: n(\d{6})', mail).group(1))
        assert mail.rstrip(b'\r\n').endswith(b'end of %06d' % number), 'a partial file: n%06d' % number
        found.append(number)
    return found


def compare(server, load, remote, crashes):
    """ids acknowledged = ids in Maildirs + at the remote, once all is at rest; copies only as crashes explain them."""
    lab.wait_for(lambda: '[]' in server.cli('queue', 'list', '--json').stdout, 120, 'an empty queue')
    places = {'you@ours.test': numbers(server.mails('you@ours.test')),
              'second@ours.test': numbers(server.mails('second@ours.test')),
              'bob@remote.test': numbers(m['data'] for m in remote.mails)}
    for address, found in places.items():
        wanted = {n for n, kind in load.acknowledged.items() if address in KINDS[kind]}
        allowed = {n for n, kind in load.unknown.items() if address in KINDS[kind]}
        assert not wanted - set(found), 'lost for %s: %s' % (address, sorted(wanted - set(found)))
        assert not set(found) - wanted - allowed, 'never sent to %s: %s' % (address, sorted(set(found) - wanted - allowed))
        for n in set(found):
            assert found.count(n) <= 1 + (n in allowed) * crashes + crashes, 'copies of n%06d for %s' % (n, address)
    assert load.acknowledged
