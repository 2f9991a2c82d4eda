"""strace on a running process: what it calls, and calls that are made to fail or to kill."""
import collections, os, re, subprocess

from lab import Folder, wait_for

Call = collections.namedtuple('Call', 'thread name paths strings result begun ended')  # the last two: lines


class Strace:
    """Of all threads of a process, also of later ones; or of these threads alone."""

    def __init__(self, pid, calls, *options, threads=()):
        self.folder = Folder()
        self.path = os.path.join(self.folder.path, 'trace')
        attach = [word for thread in threads or [pid] for word in ('-p', str(thread))]
        follow = [] if threads else ['-f']
        # -xx: of paths, too, so that nothing in a string looks like the end of one
        self.process = subprocess.Popen(
            ['strace', '-qq', '-y', '-xx', '-s', '4000000', '-o', self.path, '-e', 'signal=none',
             '-e', 'trace=' + ','.join('?' + call for call in calls)] + list(options) + follow + attach,
            stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: self.process.poll() is not None or all(is_traced(pid, t) for t in threads or tasks(pid)),
                     what='strace')
            assert self.process.poll() is None, self.process.stderr.read()
        except BaseException:
            self.close()
            raise

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=20)

    def close(self):
        self.stop()
        self.folder.remove()

    def calls(self):
        """The finished ones, in the order of their ends."""
        with open(self.path, errors='replace') as lines:
            yield from parse(lines)


def tasks(pid):
    return [int(task) for task in os.listdir('/proc/%d/task' % pid)]


def is_traced(pid, thread):
    try:
        with open('/proc/%d/task/%d/status' % (pid, thread)) as f:
            return 'TracerPid:\t0\n' not in f.read()
    except FileNotFoundError:
        return True  # it has ended


def threads_named(pid, name):
    """The threads of that name (lanes and committers have names, the loop that of its program)."""
    def name_of(task):
        with open('/proc/%d/task/%d/comm' % (pid, task)) as f:
            return f.read().strip()
    return [task for task in tasks(pid) if name_of(task) == name]


def unhex(text):
    return bytes.fromhex(text.replace('\\x', ''))


def parse(lines):
    begun = {}  # by thread: (number of the line, its text)
    for number, line in enumerate(lines):
        thread, _, text = line.rstrip('\n').partition(' ')
        text = text.lstrip()
        start = number
        if text.endswith(' <unfinished ...>'):
            begun[thread] = number, text[:-len(' <unfinished ...>')]
            continue
        if text.startswith('<... '):
            start, before = begun.pop(thread, (number, ''))
            text = before + text[text.index('>') + 1:]
        if '(' not in text or ' = ' not in text:
            continue
        arguments, _, result = text.rpartition(' = ')
        parts = arguments.split('"')
        paths = re.findall(r'<((?:\\x[0-9a-f]{2})+)>', ''.join(parts[0::2]))
        yield Call(int(thread), text[:text.index('(')], [unhex(path).decode() for path in paths],
                   [unhex(part) for part in parts[1::2]], result.split()[0], start, number)
