"""What postern says to somebody who doesn't know it, and to mistakes: on stderr, with the promised exit code."""
import json, os, subprocess

import pytest

import lab
from lab import Postern

NOUNS = ('user', 'alias', 'domain', 'address', 'dns', 'queue', 'check', 'report', 'config')


@pytest.fixture(scope='module')
def nobody():
    """Settings of a server that never ran."""
    s = Postern()
    yield s
    s.folder.remove()


def refused(server, *words):
    """Exit code 2, a reason on stderr and nothing on stdout: the reason."""
    done = server.cli(*words, check=False)
    assert (done.returncode, done.stdout) == (2, ''), (words, done)
    return done.stderr


def test_help_tells_all_or_what_was_asked_for(nobody):
    everything = nobody.cli('help').stdout
    for words in (('--help',), ('-h',), ('help', '--json')):
        assert nobody.cli(*words).stdout == everything
    commands = [line.split() for line in everything.splitlines() if line.startswith('  ') and line[2] != ' ']
    assert len(commands) > 25
    for words in (('help', 'queue', 'drop'), ('queue', 'drop', '--help'), ('queue', 'drop', '8Dn3', '-h')):
        text = nobody.cli(*words).stdout
        assert 'queue drop ID | --to DOMAIN' in text and 'queue hold' not in text and text in everything
    for noun in NOUNS:
        text = nobody.cli(noun, '--help').stdout
        assert text and all(line.startswith(('  %s ' % noun, '      ')) for line in text.splitlines())
    assert 'help' in refused(nobody, 'help', 'nonsense')


def test_nothing_at_all_gets_the_list_as_an_error(nobody):
    assert 'user add' in refused(nobody)


def test_unknown_commands_are_named_with_what_may_be_meant(nobody):
    text = refused(nobody, 'usr', 'list')
    assert '"usr"' in text and 'did you mean "user"?' in text and 'user passwd' in text and 'queue' not in text
    text = refused(nobody, 'user', 'remove', 'you@ours.test')
    assert '"user remove"' in text and 'user delete ADDRESS' in text and 'alias' not in text
    assert 'user add' in refused(nobody, 'user')
    text = refused(nobody, 'frobnicate')
    assert '"frobnicate"' in text and 'postern help' in text and len(text.splitlines()) == 1


def test_what_is_not_built_is_not_taken_for_something_else(nobody):
    for words in (('dns', 'check'), ('queue', 'flush')):
        assert 'no command "%s %s"' % words in refused(nobody, *words)


def test_options_are_named_when_they_are_wrong(nobody):
    assert '--colour' in refused(nobody, 'user', 'list', '--colour')
    assert '--to takes a value' in refused(nobody, 'queue', 'list', '--to')
    assert '--to takes a value' in refused(nobody, 'queue', 'list', '--to', '--json')
    assert '--json takes no value' in refused(nobody, 'user', 'list', '--json=yes')
    assert 'usage: postern queue drop ID | --to DOMAIN\n' in refused(nobody, 'queue', 'drop', '--all')
    assert 'usage: postern why ID' in refused(nobody, 'why')


def test_a_value_may_stand_behind_an_equals_sign(nobody):
    words = ('check', 'spf', '--ip=192.0.2.1', '--helo=', '--mail-from=a@b.test')
    apart = ('check', 'spf', '--ip', '192.0.2.1', '--helo', '', '--mail-from', 'a@b.test')
    assert nobody.cli(*words, check=False).stdout == nobody.cli(*apart, check=False).stdout
    assert '192.0.2 is no IP address' in refused(nobody, 'check', 'spf', '--ip=192.0.2', '--helo=a', '--mail-from=')


def test_version_is_an_option_too(nobody):
    assert nobody.cli('--version').stdout == nobody.cli('version').stdout
    assert json.loads(nobody.cli('version', '--json').stdout)['version'] in nobody.cli('version').stdout


def test_settings_are_explained_in_any_case_and_the_nearest_is_named(nobody):
    wanted = nobody.cli('config', 'explain', 'POSTERN_RELAY').stdout
    assert wanted.startswith('POSTERN_RELAY\n')
    for name in ('relay', 'RELAY', 'postern_relay'):
        assert nobody.cli('config', 'explain', name).stdout == wanted
    done = nobody.cli('config', 'explain', 'postern_rely', check=False)
    assert done.returncode == 3 and 'did you mean RELAY?' in done.stderr and not done.stdout
    done = nobody.cli('config', 'explain', 'nothing-like-it', check=False)
    assert done.returncode == 3 and 'mean' not in done.stderr


def test_before_the_first_start_the_data_folder_is_named(nobody):
    for words in (('user', 'list'), ('dns',), ('address', 'resolve', 'you@ours.test'), ('user', 'add', 'you@ours.test')):
        done = nobody.cli(*words, check=False)
        assert done.returncode == 3 and nobody.data in done.stderr and not done.stdout, words


def test_without_a_server_what_needs_one_says_so_and_the_rest_works(keep):
    s = keep(Postern()).start()
    s.user('you@ours.test')
    s.stop()
    for words in (('status',), ('health',), ('queue',), ('why', 'x'), ('reload',), ('check', 'policy', 'a.test')):
        done = s.cli(*words, check=False)
        assert done.returncode == 5 and 'server' in done.stderr and not done.stdout, words
        assert words[0] not in ('status', 'health') or s.env['POSTERN_RUN'] in done.stderr
    done = s.cli('status', '--json', check=False)
    assert done.returncode == 5 and json.loads(done.stdout)['ok'] is False
    done = s.cli('domain', 'add', 'second.test')
    assert 'next start' in done.stderr and 'answer' not in done.stderr
    assert s.cli('domain', 'delete', 'second.test').stderr == 'postern: removed second.test\n'
    assert s.cli('address', 'resolve', 'abuse@ours.test').stdout == 'you@ours.test\n'


def test_reload_says_that_a_file_is_broken(keep):
    s = keep(Postern()).start()
    s.cli('reload')
    with open(os.path.join(s.data, 'config', 'aliases'), 'a') as f:
        f.write('no alias\n')
    done = s.cli('reload', check=False)
    assert done.returncode == 1 and 'aliases' in done.stderr and 'stays in use' in done.stderr


def test_domain_with_accounts_is_kept_and_the_reason_is_said(keep):
    s = keep(Postern()).start()
    s.cli('domain', 'add', 'second.test')
    s.cli('user', 'add', 'me@second.test')
    done = s.cli('domain', 'delete', 'second.test', check=False)
    assert done.returncode == 4 and 'delete the accounts and aliases of second.test first' in done.stderr
    assert s.cli('domain', 'list').stdout.split() == ['ours.test', 'second.test']
    s.cli('user', 'delete', 'me@second.test')
    s.cli('domain', 'delete', 'second.test')
    assert s.cli('domain', 'list').stdout.split() == ['ours.test']


def test_international_domains_are_understood_in_addresses(keep):
    s = keep(Postern()).start()
    s.cli('domain', 'add', 'b\u00fccher.test')
    made = s.cli('user', 'add', 'Me@B\u00dcCHER.test').stdout.splitlines()[0]
    assert made == 'me@xn--bcher-kva.test'
    s.cli('alias', 'add', 'info@b\u00fccher.test', 'me@b\u00fccher.test', 'Far@b\u00fccher.example')
    resolved = s.cli('address', 'resolve', 'info@b\u00fccher.test').stdout.splitlines()
    assert resolved == ['me@xn--bcher-kva.test', 'forward to Far@xn--bcher-kva.example']
    assert s.cli('user', 'list').stdout == 'me@xn--bcher-kva.test\n'
    for wrong in ('b\u00fccher.test', '\u00fc@b\u00fccher.test', 'x@', '@', ''):
        assert s.cli('user', 'add', wrong, check=False).returncode == 2, wrong


def test_entrypoint_takes_no_arguments():
    done = subprocess.run([os.path.join(lab.BUILD, 'entrypoint'), 'status'], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 2 and 'postern' in done.stderr and not done.stdout
