"""Postfix with opendkim, opendmarc and policyd-spf, as its users set it up: on Unix sockets, refusing what DMARC says."""
import contextlib, os, shutil, subprocess

from common import lab
from signed import NAMESERVER

NAME = 'mx.remote.test'


class Filter:
    """A milter with a folder of its own."""

    def __init__(self, program, **settings):
        self.folder = lab.Folder()
        shutil.chown(self.folder.path, 'postfix', 'postfix')
        self.socket = os.path.join(self.folder.path, 'socket')
        settings.update(Socket='local:' + self.socket, UserID='postfix', UMask='007', Syslog='no', AuthservID=NAME)
        conf = self.folder.file('conf', ''.join('%s %s\n' % item for item in settings.items()))
        self.process = subprocess.Popen([program, '-f', '-x' if program == 'opendkim' else '-c', conf])
        lab.wait_for(lambda: os.path.exists(self.socket), what=program)

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.folder.remove()


class Filtered:
    """What checks, and the Postfix before it."""

    def __init__(self):
        self.things = contextlib.ExitStack()
        dkim = self.keep(Filter('opendkim', Mode='v', Nameservers=NAMESERVER))
        dmarc = self.keep(Filter('opendmarc', RejectFailures='true', TrustedAuthservIDs=NAME))
        policy = dkim.folder.file('policyd-spf.conf', 'debugLevel = 0\nTestOnly = 1\nHELO_reject = Fail\n'
                                  'Mail_From_reject = Fail\nHeader_Type = AR\nAuthserv_Id = %s\n' % NAME)
        postfix = self.keep(lab.Postfix(
            more=['policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf ' + policy],
            default_process_limit='100', smtpd_tls_security_level='none', milter_default_action='tempfail',
            smtpd_milters='unix:%s, unix:%s' % (dkim.socket, dmarc.socket),
            smtpd_recipient_restrictions='reject_unauth_destination, check_policy_service unix:private/policyd-spf',
            **{'policyd-spf_time_limit': '3600'}))
        self.recipient, self.port = 'bob@remote.test', postfix.port
        self.maildir = os.path.join(postfix.folder.path, 'mail/all')

    def keep(self, thing):
        self.things.callback(thing.close)
        return thing

    def close(self):
        self.things.close()
