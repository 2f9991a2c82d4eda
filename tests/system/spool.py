"""Waiting messages as files of the spool, in the form that docs/queue.md and smtpd/queue/spool.h name: for tests of a
queue that would take long to fill by submission."""
import os, struct, time

DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
MAGIC, INLINE, REMOTE, SUBMITTED = 0x50535031, 1, 1, 2
HEADER = (b'From: You <you@ours.test>\r\nTo: somebody@remote.test\r\nSubject: one of many\r\n'
          b'Date: Fri, 20 Nov 2026 14:20:03 +0000\r\n')
BODY = b'\r\nNot much.\r\n'


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc_table()


def crc32c(data):
    crc, table = 0xFFFFFFFF, TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def base62(number):
    text = ''
    while number:
        number, digit = divmod(number, 62)
        text = DIGITS[digit] + text
    return text


def text(value):
    return struct.pack('>I', len(value)) + value


def envelope(number, recipients):
    head = struct.pack('>BQQI', 1, number, number // 1000, SUBMITTED)
    people = [b'%c' % REMOTE + text(r.encode()) * 2 + text(b'') for r in recipients]
    return head + text(b'you@ours.test') * 2 + text(b'') + struct.pack('>I', len(people)) + b''.join(people)


def write(data, number, recipients):
    """spool/ID of a message of an account's that waits for these, as one of that microsecond."""
    payload = text(envelope(number, recipients)) + text(HEADER) + BODY
    content = struct.pack('>IIQ', MAGIC, INLINE, number) + text(b'\0' * len(recipients)) + text(payload)
    with open(os.path.join(data, 'spool', base62(number)), 'wb') as f:
        f.write(content + struct.pack('>I', crc32c(content)) + b'END\n')


def fill(data, messages):
    """messages: for each its recipients. As the user that owns the folder."""
    owner, first = os.stat(os.path.join(data, 'spool')), int((time.time() - 60) * 1000000)
    for i, recipients in enumerate(messages):
        write(data, first + i, recipients)
        if owner.st_uid != os.geteuid():
            os.chown(os.path.join(data, 'spool', base62(first + i)), owner.st_uid, owner.st_gid)
