#!/usr/bin/python3
"""An IMAP client: imap.py PORT ADDRESS PASSWORD login | folders | read SUBJECT TEXT... | change SUBJECT."""
import imaplib
import ssl
import sys
import time


class Client:
    def __init__(self, port, address, password):
        self.box = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=ssl._create_unverified_context())
        self.box.login(address, password)

    def ask(self, command, *arguments):
        status, answer = getattr(self.box, command)(*arguments)
        assert status == "OK", (command, answer)
        return answer

    def find(self, folder, subject, count=1):
        """The only message with that subject, once it is there; nothing is there for a count of 0."""
        for _ in range(50):
            self.ask("select", folder)
            found = self.ask("search", None, "SUBJECT", f'"{subject}"')[0].split()
            if len(found) == count:
                break
            time.sleep(0.1)
        assert len(found) == count, (folder, found)
        return found[0].decode() if found else None

    def login(self):
        self.ask("select", "INBOX")

    def folders(self):
        folders = b" ".join(self.ask("list"))
        for use in b"Drafts Sent Junk Trash Archive".split():
            assert b"\\" + use in folders, folders

    def read(self, subject, *texts):
        message = self.ask("fetch", self.find("INBOX", subject), "(RFC822)")[0][1].decode()
        for text in "Subject: " + subject, *texts:
            assert text + "\r\n" in message, (text, message)

    def change(self, subject):
        """What smtpd delivered is the reader's: flagged, copied, moved and deleted."""
        self.ask("store", self.find("INBOX", subject), "+FLAGS", r"(\Seen \Flagged)")
        self.ask("copy", self.find("INBOX", subject), "Junk")
        uid = self.ask("fetch", self.find("INBOX", subject), "(UID)")[0].decode().split()[2].rstrip(")")
        self.ask("uid", "MOVE", uid, "Archive")
        self.find("INBOX", subject, 0)
        flags = self.ask("fetch", self.find("Archive", subject), "(FLAGS)")[0]
        assert b"\\Seen" in flags and b"\\Flagged" in flags, flags
        for folder in "Archive", "Junk":
            self.ask("store", self.find(folder, subject), "+FLAGS", r"(\Deleted)")
            self.ask("expunge")
            self.find(folder, subject, 0)


if __name__ == "__main__":
    port, address, password, verb, *arguments = sys.argv[1:]
    getattr(Client(int(port), address, password), verb)(*arguments)
