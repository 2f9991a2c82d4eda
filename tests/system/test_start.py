"""What a person meets who starts the server, configures it, and makes mistakes."""
import json, os, re, signal, subprocess, time

import pytest

import lab
from lab import Postern, wait_for


def test_first_start_prints_the_records_and_needs_no_account(keep):
    s = keep(Postern(public_ip='192.0.2.7')).start()
    log = s.log()
    for text in ('v=spf1 mx -all', 'v=DKIM1; k=rsa; p=', 'v=DMARC1; p=reject', 'PTR', 'mail.ours.test', '192.0.2.7'):
        assert text in log, text
    assert s.cli('health').returncode == 0
    zone = open(os.path.join(s.data, 'dns', 'ours.test.zone')).read()
    assert 'postern._domainkey.ours.test.' in zone


def test_zone_file_is_one_that_a_name_server_loads(keep):
    s = keep(Postern(public_ip='192.0.2.7')).start()
    text = '$ORIGIN ours.test.\n@ 60 IN SOA ns.ours.test. root.ours.test. 1 2 3 4 5\n@ 60 IN NS ns.elsewhere.test.\n'
    text += s.cli('dns', '--format', 'zone').stdout
    path = s.folder.file('zone', text)
    subprocess.run(['nsd-checkzone', 'ours.test', path], check=True)


def test_role_address_waits_for_the_first_account(keep):
    import smtplib
    s = keep(Postern()).start()
    with smtplib.SMTP('127.0.0.1', s.smtp) as c:
        c.ehlo('c.test')
        c.mail('a@b.test')
        assert c.rcpt('postmaster@ours.test')[0] == 450
    s.user('you@ours.test')
    assert s.knows('postmaster@ours.test')


def test_every_wrong_setting_is_named_at_once():
    s = Postern(max_sise='5M', queue_lifetime='soon', listen='nowhere')
    code, text = s.run()
    s.folder.remove()
    assert code == 78
    for word in ('POSTERN_MAX_SISE', 'POSTERN_MAX_SIZE', 'POSTERN_QUEUE_LIFETIME', 'soon', 'POSTERN_LISTEN', 'nowhere'):
        assert word in text, text


def test_domain_is_asked_for_at_the_first_start_only(keep):
    s = Postern(domain=None)
    code, text = s.run()
    assert code == 78 and 'POSTERN_DOMAIN' in text and os.listdir(s.data) == []
    s.env['POSTERN_DOMAIN'] = 'ours.test'
    keep(s).start()
    s.stop()
    del s.env['POSTERN_DOMAIN']
    s.start()
    assert s.cli('domain', 'list').stdout.split() == ['ours.test']


def test_second_server_on_the_same_data_refuses(server):
    other = Postern(data=server.data)
    code, text = other.run()
    other.folder.remove()
    assert code != 0 and 'another server runs' in text


def test_second_server_in_the_same_run_folder_refuses(server):
    other = Postern()
    other.env['POSTERN_RUN'] = server.env['POSTERN_RUN']
    code, text = other.run()
    other.folder.remove()
    assert code == 75 and 'POSTERN_RUN' in text
    assert server.cli('health').returncode == 0


def test_port_25_in_use_is_fatal_and_named(server):
    other = Postern()
    other.env['POSTERN_PORTS'] = 'smtp=%d' % server.smtp
    code, text = other.run()
    other.folder.remove()
    assert code != 0 and str(server.smtp) in text and 'POSTERN_PORTS' in text


def test_another_port_in_use_turns_that_service_off_and_status_red(keep):
    import socket
    s = keep(Postern())
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', s.submission))
        taken.listen()
        s.start()
        done = s.cli('status', check=False)
        assert done.returncode == 1 and 'red' in done.stdout and str(s.submission) in done.stdout
    wait_for(lambda: s.cli('status', check=False).returncode == 0, 20, 'the port opened later')
    assert lab.listens(s.submission)


@pytest.mark.skipif(os.geteuid() != 0, reason='needs a second user')
def test_data_folder_of_somebody_else_gets_a_sentence():
    s = Postern()
    os.mkdir(s.data)
    os.chown(s.data, 12345, 12345)
    code, text = s.run()
    s.folder.remove()
    assert code == 78 and 'belongs to user 12345' in text


def test_stop_is_quick_and_restart_keeps_everything(server):
    assert server.stop() < 8
    server.start()
    assert server.cli('user', 'list').stdout.split() == ['you@ours.test']
    assert server.knows('you@ours.test')


def test_interrupt_at_the_terminal_stops_in_order(server):
    """^C reaches the whole foreground group, and only entrypoint may be in it."""
    groups = {os.getpgid(server.child(name)) for name in ('smtpd', 'signer', 'web')}
    assert os.getpgid(server.process.pid) not in groups
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(10) == 0
    assert 'smtpd has stopped' in server.log()
    assert not server.events('stop', signal='2')


def test_reload_during_the_start_ends_nobody(keep):
    s = keep(Postern()).start(wait=False)
    wait_for(lambda: os.path.exists(os.path.join(s.env['POSTERN_RUN'], 'control')), what='control socket')
    for _ in range(20):
        s.process.send_signal(signal.SIGHUP)
        time.sleep(0.02)
    wait_for(lambda: s.cli('health', check=False).returncode == 0, what='health')
    assert not s.events('stop', service='smtpd')


def test_killed_children_come_back(server):
    for name in ('signer', 'web', 'smtpd'):
        server.kill(name)
        wait_for(lambda: server.cli('health', check=False).returncode == 0, 10, name + ' back')
    assert server.knows('you@ours.test')


def test_new_domain_gets_its_key_without_dropping_a_session(server):
    import smtplib
    with smtplib.SMTP('127.0.0.1', server.smtp) as c:
        c.ehlo('c.test')
        server.cli('domain', 'add', 'second.test')
        wait_for(lambda: os.path.exists(os.path.join(server.data, 'dns', 'second.test.postern.txt')), what='the key')
        assert 'v=DKIM1' in server.cli('dns', 'show', 'second.test').stdout
        server.cli('user', 'add', 'me@second.test')
        wait_for(lambda: server.knows('me@second.test'), what='the account')
        assert c.noop()[0] == 250


def test_fifty_users_at_once_and_an_edit_by_hand_lose_nothing(server):
    adding = [subprocess.Popen([os.path.join(lab.BUILD, 'postern'), 'user', 'add', 'u%d@ours.test' % i], env=server.env,
                               stdout=subprocess.DEVNULL) for i in range(50)]
    assert all(p.wait(60) == 0 for p in adding)
    path = os.path.join(server.data, 'config', 'users')
    lines = open(path).read().splitlines()
    by_hand = lines[1].replace(lines[1].split('@')[0], 'hand', 1)
    with open(path, 'a') as f:
        f.write(by_hand + '\n')
    names = server.cli('user', 'list').stdout.split()
    assert sorted(names) == sorted(['you@ours.test', 'hand@ours.test'] + ['u%d@ours.test' % i for i in range(50)])
    wait_for(lambda: server.knows('hand@ours.test'), what='the account made by hand')


@pytest.mark.parametrize('name,text', [('users', 'you@ours.test:{SCRAM-SHA-256}15000,half'), ('aliases', 'no colon here\n'),
                                       ('aliases', 'x@ours.test: someone@ours.test\n')])
def test_bad_file_leaves_the_old_one_in_use_and_says_why(server, name, text):
    path = os.path.join(server.data, 'config', name)
    with open(path, 'w') as f:
        f.write(text)
    wait_for(lambda: 'config/' + name in server.log() or name + ':1' in server.log(), what='the complaint')
    wait_for(lambda: 'what was read before stays in use' in server.log(), what='what that means')
    assert server.knows('you@ours.test')
    done = server.cli('status', check=False)
    assert done.returncode == 1 and name in done.stdout


def test_bad_file_at_the_start_defers_mail_instead_of_refusing(server):
    import smtplib
    server.stop()
    with open(os.path.join(server.data, 'config', 'users'), 'w') as f:
        f.write('broken\n')
    server.start()
    with smtplib.SMTP('127.0.0.1', server.smtp) as c:
        c.ehlo('c.test')
        c.mail('a@b.test')
        assert c.rcpt('you@ours.test')[0] == 450
    assert 'mail to our addresses is deferred' in server.log() and 'stays in use' not in server.log()


def test_commands_say_what_went_wrong(server):
    assert server.cli('user', 'add', 'you@ours.test', check=False).returncode == 4
    assert server.cli('user', 'add', 'you@elsewhere.test', check=False).returncode == 4
    assert server.cli('user', 'delete', 'nobody@ours.test', check=False).returncode == 3
    assert server.cli('nonsense', check=False).returncode == 2
    assert server.cli('address', 'resolve', 'abuse@ours.test').stdout.strip() == 'you@ours.test'
    assert server.cli('address', 'resolve', 'you+tag@ours.test').stdout.strip() == 'you@ours.test'
    assert server.cli('address', 'resolve', 'nobody@ours.test', check=False).returncode == 3
    assert server.cli('alias', 'add', 'x@ours.test', 'nobody@ours.test', check=False).returncode == 4
    assert 'POSTERN_MAX_SIZE' in server.cli('config', 'explain').stdout
    server.stop()
    assert server.cli('queue', 'list', check=False).returncode == 5


def test_files_have_the_promised_modes(server):
    promised = {'config': 0o750, 'config/users': 0o640, 'config/aliases': 0o640, 'config/domains': 0o640,
                'config/secret': 0o640, 'mail': 0o2770,
                'keys': 0o700, 'keys/ours.test': 0o700, 'keys/ours.test/postern.pem': 0o400, 'dns/ours.test.zone': 0o644,
                'tls': 0o750, 'tls/key.pem': 0o640, 'journal': 0o700, 'spool': 0o700, 'store': 0o700, 'bad': 0o700}
    assert promised == {name: os.stat(os.path.join(server.data, name)).st_mode & 0o7777 for name in promised}
    assert os.stat(os.path.join(server.folder.path, 'run', 'control')).st_mode & 0o077 == 0


def test_every_thread_is_in_the_sandbox(server):
    """A thread that exists before the others' sandbox begins would stay free."""
    assert server.knows('you@ours.test')
    for name in ('smtpd', 'signer', 'web'):
        tasks = '/proc/%d/task' % server.child(name)
        states = [open(os.path.join(tasks, task, 'status')).read() for task in os.listdir(tasks)]
        assert all('NoNewPrivs:\t1\n' in text for text in states)
        # Sanitizers need calls that the signer is denied.
        assert name != 'smtpd' or len(states) > 2
        assert name == 'signer' or all('Seccomp:\t2\n' in text for text in states)


def test_keys_are_never_overwritten(server):
    path = os.path.join(server.data, 'keys', 'ours.test', 'postern.pem')
    before = open(path).read()
    record = open(os.path.join(server.data, 'dns', 'ours.test.postern.txt')).read()
    os.remove(os.path.join(server.data, 'dns', 'ours.test.postern.txt'))
    server.stop()
    server.start()
    assert open(path).read() == before
    assert open(os.path.join(server.data, 'dns', 'ours.test.postern.txt')).read() == record
    assert os.stat(path).st_mode & 0o777 == 0o400


def test_key_that_is_not_usable_turns_status_red_and_is_kept(server):
    path = os.path.join(server.data, 'keys', 'ours.test', 'postern.pem')
    os.chmod(path, 0o600)
    with open(path, 'w') as f:
        f.write('garbage')
    server.cli('reload')
    wait_for(lambda: server.cli('status', check=False).returncode == 1, what='red')
    assert 'DKIM key of ours.test' in server.cli('status', check=False).stdout
    assert open(path).read() == 'garbage'


def test_tlsa_is_that_of_the_certificate_in_use(server):
    der = subprocess.run('openssl x509 -in %s/tls/cert.pem -noout -pubkey | openssl pkey -pubin -outform der | sha256sum'
                         % server.data, shell=True, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[0]
    assert '3 1 1 ' + der in server.cli('dns', '--all').stdout


def test_hand_written_lines_in_config_are_kept(server):
    path = os.path.join(server.data, 'config', 'domains')
    with open(path, 'w') as f:
        f.write('# mine\nfirst.test # and the default\n')
    server.stop()
    server.start()
    assert open(path).read() == '# mine\nfirst.test # and the default\nours.test\n'
    assert server.cli('domain', 'list').stdout.split() == ['first.test', 'ours.test']


def test_first_account_stays_the_postmaster_with_a_new_password(server):
    server.cli('user', 'add', 'me@ours.test')
    server.cli('user', 'passwd', 'you@ours.test')
    assert server.cli('address', 'resolve', 'postmaster@ours.test').stdout.strip() == 'you@ours.test'


def test_account_can_be_used_as_soon_as_it_is_made(server):
    for i in range(5):
        server.cli('user', 'add', 'new%d@ours.test' % i)
        assert server.knows('new%d@ours.test' % i)


def test_another_host_name_gets_its_certificate_at_the_next_start(keep):
    import ssl
    s = keep(Postern()).start()
    s.stop()
    s.env['POSTERN_HOSTNAME'] = 'mx.ours.test'
    s.start()
    assert 'made a self-signed certificate for mx.ours.test' in s.log()
    served = ssl.get_server_certificate(('127.0.0.1', s.submissions))
    shown = subprocess.run(['openssl', 'x509', '-noout', '-checkhost', 'mx.ours.test'], input=served, text=True,
                           stdout=subprocess.PIPE, check=True).stdout
    assert 'does match' in shown
    s.stop()
    s.start()
    assert 'self-signed' not in s.log() and served == ssl.get_server_certificate(('127.0.0.1', s.submissions))


def test_what_others_need_can_not_be_deleted(server):
    server.cli('alias', 'add', 'info@ours.test', 'you@ours.test')
    server.cli('alias', 'add', 'web@ours.test', 'info@ours.test')
    for words in (('user', 'delete', 'you@ours.test'), ('alias', 'delete', 'info@ours.test'),
                  ('domain', 'delete', 'ours.test')):
        done = server.cli(*words, check=False)
        assert done.returncode == 4, (words, done.stderr)
    assert server.cli('address', 'resolve', 'web@ours.test').stdout.strip() == 'you@ours.test'
    server.cli('alias', 'delete', 'web@ours.test')
    server.cli('alias', 'delete', 'info@ours.test')


def test_bad_passwords_are_refused(server):
    for text in ('', 'short\n', 'x' * 300 + '\n', 'p\u00e4sswort-p\u00e4sswort\n', 'tab\there-and-there\n'):
        assert server.cli('user', 'add', 'a@ours.test', '--password-stdin', stdin=text, check=False).returncode == 2, text
    server.cli('user', 'add', 'a@ours.test', '--password-stdin', stdin='from a Windows pipe\r\n')
    import smtplib, ssl
    with smtplib.SMTP_SSL('127.0.0.1', server.submissions, context=ssl._create_unverified_context()) as c:
        c.login('a@ours.test', 'from a Windows pipe')


def test_help_needs_no_good_settings(server):
    server.env['POSTERN_MAX_SISE'] = '5M'
    assert server.cli('user', 'list', check=False).returncode == 78
    assert 'POSTERN_MAX_SIZE' in server.cli('config', 'explain', 'MAX_SIZE').stdout
    assert server.cli('version').stdout.startswith('postern ')
    assert 'user add' in server.cli('help').stdout


def test_everything_that_lists_or_shows_has_json(server):
    server.cli('alias', 'add', 'info@ours.test', 'you@ours.test')
    for words, wanted in (
            (['user', 'list'], ['you@ours.test']),
            (['alias', 'list'], {'info@ours.test': ['you@ours.test']}),
            (['domain', 'list'], ['ours.test']),
            (['address', 'resolve', 'info@ours.test'], [{'account': 'you@ours.test', 'folder': ''}]),
            (['queue', 'list'], []), (['dns'], list), (['status'], dict), (['health'], dict), (['version'], dict),
            (['config', 'explain'], dict)):
        found = json.loads(server.cli(*words, '--json').stdout)
        assert isinstance(found, wanted) if isinstance(wanted, type) else found == wanted, (words, found)


def test_result_that_can_not_be_written_is_a_failure(server):
    with open('/dev/full', 'w') as full:
        done = subprocess.run([os.path.join(lab.BUILD, 'postern'), 'user', 'list'], env=server.env, stdout=full,
                              stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 1


def test_queue_is_never_dropped_as_a_whole_by_mistake(server):
    for words in ([], ['0'], [''], ['x!'], ['1', '--to', 'a.test']):
        done = server.cli('queue', 'drop', *words, check=False)
        assert done.returncode == 2, (words, done.stderr)
    assert server.cli('queue', 'drop', 'zzz', check=False).returncode == 3


def test_smtpd_resolves_no_names_with_libc():
    symbols = subprocess.run(['nm', '-D', os.path.join(lab.ROOT, 'build', 'smtpd')], check=True, stdout=subprocess.PIPE,
                             text=True).stdout
    assert 'getaddrinfo' not in symbols and 'gethostbyname' not in symbols


def test_certificate_of_ones_own_in_two_folders(keep):
    s = Postern(tls='files')
    path = lab.certificate(s.folder, 'mail.ours.test')
    for name in ('crt', 'key'):
        os.mkdir(os.path.join(s.folder.path, name))
        os.rename(path + '.' + name, os.path.join(s.folder.path, name, 'file'))
        s.env['POSTERN_TLS_' + {'crt': 'CERT', 'key': 'KEY'}[name]] = os.path.join(s.folder.path, name, 'file')
    keep(s).start()
    again = lab.certificate(s.folder, 'renewed.test')
    for name in ('crt', 'key'):
        os.replace(again + '.' + name, os.path.join(s.folder.path, name, 'file'))
    s.cli('reload')
    ask = ['openssl', 's_client', '-starttls', 'smtp', '-connect', '127.0.0.1:%d' % s.smtp]
    wait_for(lambda: b'renewed.test' in subprocess.run(ask, input=b'', stdout=subprocess.PIPE,
                                                       stderr=subprocess.DEVNULL).stdout, what='the new certificate')
