/* The data folder: what is made, whose it becomes, and what is refused.  In
   the image root has the capabilities of compose.yaml and no others: there the
   work is done by a child that has given up the rest. */
#include "entrypoint/entrypoint.h"
#include "lib/base/codec.h"
#include "lib/base/file.h"
#include "tests/fakes/people.h"
#include "tests/unit/data_folder.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct data_folder folder;

static int
setup(void **state)
{
	(void)state;
	umask(022);
	self = (struct entrypoint){ .lock = -1 };
	data_folder_make(&folder);
	self.settings.data = str_of(folder.path);
	self.settings.ephemeral = true;
	return rmdir(data_path("config")); /* nothing is there yet */
}

static int
teardown(void **state)
{
	(void)state;
	if (self.lock >= 0)
		close(self.lock);
	arena_free(&self.turn);
	data_folder_remove(&folder);
	return 0;
}

static void
write_text(const char *name, const char *text)
{
	assert_true(file_replace(
	    data_path(name), str_of(text), 0644, (uid_t)-1, (gid_t)-1));
}

static void
expect(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;
	assert_int_equal(lstat(data_path(name), &st), 0);
	if ((st.st_mode & 07777) != mode || st.st_uid != uid ||
	    st.st_gid != gid)
		fail_msg("%s is %u:%u %o", name, st.st_uid, st.st_gid,
		    st.st_mode & 07777);
}

static bool
prepare(void)
{
	return folders_check() && folders_lock() && folders_prepare();
}

/* ---- natively ---- */

static void
everything_is_made_with_its_mode(void **state)
{
	static const struct {
		const char *name;
		mode_t mode;
	} paths[] = {
		{ "config", 0750 },
		{ "config/users", 0640 },
		{ "config/aliases", 0640 },
		{ "config/domains", 0640 },
		{ "config/secret", 0640 },
		{ "config/.lock", 0640 },
		{ "mail", 02770 },
		{ "keys", 0700 },
		{ "dns", 0755 },
		{ "tls", 0750 },
		{ "journal", 0700 },
		{ "spool", 0700 },
		{ "store", 0700 },
		{ "bad", 0700 },
		{ "history", 0700 },
		{ "lock", 0644 },
		{ "version", 0644 },
	};
	(void)state;
	for (int again = 0; again <= 1; again++) {
		assert_true(folders_check());
		assert_true(folders_lock());
		assert_true(folders_prepare());
		for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
			expect(
			    paths[i].name, paths[i].mode, getuid(), getgid());
		assert_false(file_exists(data_path("unbound")));
		close(self.lock);
		chmod(data_path("keys"), 0755); /* somebody was careless */
		chmod(data_path("config/users"), 0666);
		write_text("config/aliases", "kept\n");
	}
	self.lock = -1;
	struct buf text = { 0 };
	assert_true(file_read(data_path("config/aliases"), 100, &text));
	assert_string_equal(buf_cstr(&text), "kept\n");
	buf_free(&text);
}

static void
the_secret_is_made_once(void **state)
{
	struct buf first = { 0 }, again = { 0 }, octets = { 0 };
	(void)state;
	assert_true(prepare());
	assert_true(file_read(data_path("config/secret"), 100, &first));
	assert_true(folders_config());
	assert_true(file_read(data_path("config/secret"), 100, &again));
	assert_true(str_eq(buf_str(&first), buf_str(&again)));
	assert_true(hex_read(&octets, str_trim(buf_str(&first))));
	assert_int_equal(octets.n, 32);
	assert_int_equal(unlink(data_path("config/secret")), 0);
	assert_true(folders_config());
	buf_clear(&again);
	assert_true(file_read(data_path("config/secret"), 100, &again));
	assert_false(str_eq(buf_str(&first), buf_str(&again)));
	buf_free(&first);
	buf_free(&again);
	buf_free(&octets);
}

static void
a_second_server_is_refused(void **state)
{
	(void)state;
	assert_true(prepare());
	int first = self.lock;
	assert_false(folders_lock());
	close(self.lock);
	close(first);
	assert_true(folders_lock());
}

static void
another_version_is_refused(void **state)
{
	static const char long_text[] = "a text that is much longer than any "
					"version of ours will ever be, as "
					"when somebody put a file here";
	static const char *const texts[] = { "", "2\n", "10\n", "1",
		long_text };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		write_text("version", texts[i]);
		assert_false(prepare());
		assert_false(file_exists(data_path("journal")));
		close(self.lock);
		self.lock = -1;
	}
}

static void
what_is_in_the_way_is_refused(void **state)
{
	static const struct {
		const char *name;
		bool link;
	} cases[] = {
		{ "journal", false },
		{ "keys", true },
		{ "config/users", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		teardown(NULL);
		setup(NULL);
		assert_true(file_mkdirs(data_path("config"), 0750));
		if (cases[i].link)
			assert_int_equal(
			    symlink("/tmp", data_path(cases[i].name)), 0);
		else
			write_text(cases[i].name, "");
		assert_false(prepare());
	}
}

static void
a_folder_that_can_not_be_made_is_refused(void **state)
{
	(void)state;
	const char *file = data_path("file");
	write_text("file", "");
	self.settings.data = str_of(file);
	assert_false(folders_check());
	self.settings.data = str_of(data_path("below"));
	assert_false(folders_check());
}

/* ---- in the image ---- */

static void
keep_capabilities_of_compose(void)
{
	static const unsigned kept[] = { CAP_CHOWN, CAP_KILL,
		CAP_NET_BIND_SERVICE, CAP_SETGID, CAP_SETUID, CAP_SYS_CHROOT };
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		data[0].effective |= 1U << kept[i];
	data[0].permitted = data[0].effective;
	if (syscall(SYS_capset, &header, data) != 0)
		_exit(9);
}

/* In a child, as the root of the image. */
static bool
in_image(bool (*work)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		keep_capabilities_of_compose();
		self.image = true;
		_exit(!work());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return status == 0;
}

static void
expect_image(void)
{
	expect("", 0755, 0, 0);
	expect("config", 0750, 0, PEOPLE_POSTERN);
	expect("config/users", 0640, 0, PEOPLE_POSTERN);
	expect("config/aliases", 0640, 0, PEOPLE_POSTERN);
	expect("config/domains", 0640, 0, PEOPLE_POSTERN);
	expect("config/secret", 0640, 0, PEOPLE_POSTERN);
	expect("config/.lock", 0640, 0, PEOPLE_POSTERN);
	expect("mail", 02770, PEOPLE_VMAIL, PEOPLE_VMAIL);
	expect("keys", 0700, PEOPLE_SIGNER, PEOPLE_SIGNER);
	expect("dns", 0755, 0, 0);
	expect("tls", 0750, 0, PEOPLE_TLS);
	expect("journal", 0700, PEOPLE_SMTPD, PEOPLE_SMTPD);
	expect("spool", 0700, PEOPLE_SMTPD, PEOPLE_SMTPD);
	expect("store", 0700, PEOPLE_SMTPD, PEOPLE_SMTPD);
	expect("bad", 0700, PEOPLE_SMTPD, PEOPLE_SMTPD);
	expect("history", 0700, PEOPLE_SMTPD, PEOPLE_SMTPD);
	expect("unbound", 0700, PEOPLE_UNBOUND, PEOPLE_UNBOUND);
	expect("lock", 0644, 0, 0);
	expect("version", 0644, 0, 0);
}

/* Debian's dns-root-data may be missing here. */
static void
seed(void)
{
	assert_true(file_mkdirs(data_path("unbound"), 0700));
	if (!file_exists("/usr/share/dns/root.key"))
		write_text("unbound/root.key", "");
}

static void
everything_gets_its_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	seed();
	assert_int_equal(chmod(data_path(""), 0700), 0);
	for (int again = 0; again <= 1; again++) {
		assert_true(in_image(prepare));
		expect_image();
	}
	assert_true(file_exists(data_path("unbound/root.key")));
}

/* Folders of a host that has other numbers, or that a person has made. */
static void
wrong_owners_are_put_right(void **state)
{
	static const char *const names[] = { "mail", "keys", "journal",
		"config", "tls" };
	(void)state;
	if (geteuid() != 0)
		skip();
	seed();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_true(file_mkdirs(data_path(names[i]), 0777));
		assert_int_equal(
		    chown(data_path(names[i]), i % 2 ? 1000 : 0, 50), 0);
	}
	write_text("config/users", "");
	assert_int_equal(chown(data_path("config/users"), 1000, 1000), 0);
	assert_int_equal(chmod(data_path("config/users"), 0600), 0);
	assert_true(in_image(prepare));
	expect_image();
}

/* An editor on the host replaces the file; a reload makes it ours again. */
static void
config_can_be_mended_while_it_runs(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	seed();
	assert_true(in_image(prepare));
	assert_int_equal(chown(data_path("config/aliases"), 1000, 1000), 0);
	assert_int_equal(chmod(data_path("config/aliases"), 0600), 0);
	assert_true(in_image(folders_config));
	expect_image();
}

static void
a_folder_of_somebody_else_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(data_path(""), 1000, 1000), 0);
	assert_false(in_image(folders_check));
	assert_false(folders_check());
}

static void
a_folder_that_ends_with_the_container_is_refused(void **state)
{
	struct stat root, data;
	(void)state;
	if (geteuid() != 0 || stat("/", &root) != 0 ||
	    stat(data_path(""), &data) != 0 || root.st_dev != data.st_dev)
		skip();
	self.settings.ephemeral = false;
	assert_false(in_image(folders_check));
	assert_true(folders_check()); /* natively it's all the same */
}

static bool
write_record(void)
{
	return folders_write("dns/a.test.zone", STR("text"), 0644, NULL) &&
	    folders_write("config/domains", STR("a.test\n"), 0640, "postern");
}

static void
files_are_written_with_their_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	seed();
	assert_true(in_image(prepare));
	for (int again = 0; again <= 1; again++) {
		assert_true(in_image(write_record));
		expect("dns/a.test.zone", 0644, 0, 0);
		expect("config/domains", 0640, 0, PEOPLE_POSTERN);
	}
}

#define FOLDERS_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FOLDERS_TEST(everything_is_made_with_its_mode),
		FOLDERS_TEST(the_secret_is_made_once),
		FOLDERS_TEST(a_second_server_is_refused),
		FOLDERS_TEST(another_version_is_refused),
		FOLDERS_TEST(what_is_in_the_way_is_refused),
		FOLDERS_TEST(a_folder_that_can_not_be_made_is_refused),
		FOLDERS_TEST(everything_gets_its_owner),
		FOLDERS_TEST(wrong_owners_are_put_right),
		FOLDERS_TEST(config_can_be_mended_while_it_runs),
		FOLDERS_TEST(a_folder_of_somebody_else_is_refused),
		FOLDERS_TEST(a_folder_that_ends_with_the_container_is_refused),
		FOLDERS_TEST(files_are_written_with_their_owner),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
