"""The journal's records, as far as tests must know them (smtpd/queue/record.h)."""

DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
MAGIC, HEAD, ID = b'PJR1', 40, slice(16, 24)


def id_of(text):
    """From base 62, as answers, logs and file names have it."""
    value = 0
    for digit in text:
        value = value * 62 + DIGITS.index(digit)
    return value


def find_records(octets):
    """(id, offset) of each."""
    at = octets.find(MAGIC)
    while at >= 0:
        yield int.from_bytes(octets[at:at + HEAD][ID], 'big'), at
        at = octets.find(MAGIC, at + len(MAGIC))
