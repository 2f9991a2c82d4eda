"""What a long queue costs: memory for each message that waits, and the time until the server listens again. The queue
is made of spool files, as a checkpoint writes them; its destinations refuse all connections; what is measured is a
start after the first tries, so that each message has its row and its last reply. There is no peer in this one: Postfix
neither keeps what is deferred in memory nor reads it at its start.
"""
import contextlib, os, re, smtplib, time

from common import lab, on_disk
import spool

FORMS = {
    'one recipient': lambda i: ['bob@remote%d.test' % (i % 1000)],
    'three recipients': lambda i: ['%s@remote%d.test' % (name, i % 1000) for name in ('ada', 'bob', 'eve')],
    'addresses of 254 octets': lambda i: ['u' * 64 + '@' + 'y' * 62 + ('.d%03d' % (i % 1000) + 'x' * 56) * 2 + '.test'],
}


def arguments(parser):
    parser.add_argument('--messages', type=int, default=100000)
    parser.add_argument('--most-seconds', type=float, default=3.0, help='exit 1 when the start takes longer')
    parser.add_argument('--most-octets', type=int, default=1024, help='exit 1 when a message takes more memory')


class Zone(lab.Nowhere):
    """All names are addresses of 127.0.0.3, where nobody listens."""

    def answer(self, question):
        a = question[-4:-2] == b'\0\1'
        record = b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\3' if a else b''
        return b'\x81\x80\0\1' + (b'\0\1' if a else b'\0\0') + b'\0' * 4 + question + record

    def serve(self):
        while True:
            packet, client = self.socket.recvfrom(4096)
            end = packet.find(b'\0', 12) + 5  # of name, type and class
            if len(packet) >= end > 16:
                self.socket.sendto(packet[:2] + self.answer(packet[12:end]), client)


def listening(server):
    """Seconds from the start of all processes to the banner."""
    start = time.monotonic()
    server.start(wait=False)
    lab.wait_for(lambda: lab.listens(server.smtp), 60, 'a port that listens')
    with smtplib.SMTP('127.0.0.1', server.smtp, timeout=60):
        return time.monotonic() - start


def memory(server):
    """Octets of smtpd that are its own."""
    with open('/proc/%d/smaps_rollup' % server.child('smtpd')) as f:
        return 1024 * int(re.search(r'^Private_Dirty: +(\d+)', f.read(), re.M).group(1))


def is_tried(server, messages):
    """Has each message had its first try?"""
    text = server.log()
    return text.count('event=deferred') >= messages


def measure(keep, name, a):
    server = on_disk(keep, lambda: lab.Postern(resolver=Zone().address, outbound_port=lab.free_port(), retry_min='4h'))
    empty = listening(server)
    before = memory(server)
    server.stop()
    spool.fill(server.data, (FORMS[name](i) for i in range(a.messages)))
    first = listening(server)
    lab.wait_for(lambda: is_tried(server, a.messages) or time.sleep(2), 900, 'the first tries')
    server.stop()
    again = listening(server)
    time.sleep(2)
    each = (memory(server) - before) / a.messages
    server.stop()
    print('%d messages, %s: %.0f octets of memory each; listening after %.2f s (before the first tries %.2f s, with '
          'an empty queue %.2f s)' % (a.messages, name, each, again, first, empty), flush=True)
    return max(again, first) <= a.most_seconds and each <= a.most_octets


def main(a):
    good = True
    for name in FORMS:
        with contextlib.ExitStack() as keep:
            good = measure(keep, name, a) and good
    return 0 if good else 1
