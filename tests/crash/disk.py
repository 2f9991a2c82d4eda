import fcntl, os, struct, subprocess

from lab import Folder

SHUTDOWN = 0x8004587d  # EXT4_IOC_SHUTDOWN: _IOR('X', 125, __u32)
NO_FLUSH = 2  # of the file system's own journal either


class Disk:
    """An ext4 of its own on a loop device, whose power can be cut: nothing survives that isn't on the disk."""

    def __init__(self, megabytes=512):
        self.folder = Folder()
        self.image, self.path = os.path.join(self.folder.path, 'image'), os.path.join(self.folder.path, 'disk')
        self.data = os.path.join(self.path, 'data')
        os.mkdir(self.path)
        with open(self.image, 'wb') as f:
            f.truncate(megabytes << 20)
        try:
            subprocess.run(['mkfs.ext4', '-q', '-F', '-m', '0', self.image], check=True)
            self.mount()
        except BaseException:
            self.folder.remove()
            raise

    def mount(self):
        subprocess.run(['mount', '-o', 'loop', self.image, self.path], check=True)

    def unmount(self):
        subprocess.run(['umount', self.path], check=True)

    def cut(self):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack('I', NO_FLUSH))
        finally:
            os.close(fd)

    def power_returns(self):
        """The server is dead by now."""
        self.unmount()
        subprocess.run(['fsck.ext4', '-p', self.image], stdout=subprocess.DEVNULL)
        self.mount()

    def close(self):
        if os.path.ismount(self.path):
            done = subprocess.run(['umount', self.path], stderr=subprocess.PIPE, text=True)
            if done.returncode:
                subprocess.run(['umount', '-l', self.path])
                self.folder.remove()
                raise AssertionError(done.stderr)
        self.folder.remove()
