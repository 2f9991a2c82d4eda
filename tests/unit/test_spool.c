#include "smtpd/queue/spool.h"

#include "lib/base/crc.h"
#include "lib/base/file.h"
#include "tests/unit/assert_str.h"
#include "tests/unit/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	ID = 4000000
};

static char folder[64];
static struct disk disk;
static struct envelope *envelope;
static struct message *message;
static struct spool_entry entry;

static int
set_up(void **state)
{
	(void)state;
	const char *why;
	snprintf(folder, sizeof folder, "/tmp/postern-spool-XXXXXX");
	if (!mkdtemp(folder) || !disk_open(&disk, folder, &why))
		return -1;
	envelope = envelope_new();
	envelope->id = ID;
	envelope->sender = STR("ann@sender.example");
	envelope_add(envelope)->address = STR("bob@remote.example");
	envelope_add(envelope)->address = STR("eve@remote.example");
	message = message_new();
	buf_adds(&message->header, "Subject: x\r\n");
	buf_adds(&message->body, "\r\nbody\r\n");
	entry = (struct spool_entry){ envelope, message, STR("\0\1") };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	envelope_free(envelope);
	message_free(message);
	disk_close(&disk);
	return tree_remove(folder);
}

static void
what_is_written_is_read(void **state)
{
	(void)state;
	struct buf scratch = { 0 };
	struct spool_file file = { 0 };
	for (unsigned again = 0; again < 2; again++) {
		assert_true(spool_write(&disk, &entry, &scratch));
		assert_int_equal(spool_read(&disk, ID, &file), SPOOL_READ);
		assert_str(buf_str(&file.states), entry.states);
		assert_int_equal(file.payload.envelope->count, 2);
		assert_str(file.payload.envelope->sender, envelope->sender);
		assert_str(buf_str(&file.payload.message->header),
		    buf_str(&message->header));
		assert_str(buf_str(&file.payload.message->body),
		    buf_str(&message->body));
		spool_file_free(&file);
		buf_drain(&message->body, 4); /* shorter the second time */
	}
	assert_int_equal(spool_read(&disk, ID + 1, &file), SPOOL_DAMAGED);
	buf_free(&scratch);
}

static void
every_octet_counts(void **state)
{
	(void)state;
	struct buf bytes = { 0 };
	struct spool_file file = { 0 };
	spool_encode(&entry, &bytes);
	for (size_t i = 0; i < bytes.n; i++) {
		bytes.p[i] ^= 0x10;
		assert_false(spool_decode(buf_str(&bytes), ID, "", &file));
		bytes.p[i] ^= 0x10;
	}
	for (size_t n = 0; n < bytes.n; n++)
		assert_false(spool_decode(
		    str_sub(buf_str(&bytes), 0, n), ID, "", &file));
	assert_false(spool_decode(buf_str(&bytes), ID + 1, "", &file));
	assert_true(spool_decode(buf_str(&bytes), ID, "", &file));
	spool_file_free(&file);
	buf_addc(&bytes, '\n');
	assert_false(spool_decode(buf_str(&bytes), ID, "", &file));
	buf_free(&bytes);
}

static void
a_state_for_each_recipient(void **state)
{
	(void)state;
	struct buf bytes = { 0 };
	struct spool_file file = { 0 };
	entry.states = STR("\0\1\2");
	spool_encode(&entry, &bytes);
	assert_false(spool_decode(buf_str(&bytes), ID, "", &file));
	buf_free(&bytes);
}

static const struct name_case {
	const char *name;
	bool good, body;
	uint64_t id;
} names[] = {
	{ "1", true, false, 1 },
	{ "10", true, false, 62 },
	{ "10.body", true, true, 62 },
	{ "zz", true, false, 61 * 62 + 61 },
	{ "010", false, false, 0 },
	{ "", false, false, 0 },
	{ ".", false, false, 0 },
	{ "..", false, false, 0 },
	{ ".body", false, false, 0 },
	{ "10.body.body", false, false, 0 },
	{ "10.Body", false, false, 0 },
	{ "a-b", false, false, 0 },
	{ "zzzzzzzzzzzzz", false, false, 0 },
};

static void
names_are_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		uint64_t id = 0;
		bool body;
		bool good = spool_parse_name(names[i].name, &id, &body);
		if (good != names[i].good)
			fail_msg("%s", names[i].name);
		if (!good)
			continue;
		assert_int_equal(id, names[i].id);
		assert_int_equal(body, names[i].body);
		char name[SPOOL_NAME];
		(body ? spool_body_name : spool_name)(id, name);
		assert_string_equal(name, names[i].name);
	}
	char longest[SPOOL_NAME];
	spool_body_name(UINT64_MAX, longest);
	assert_true(str_ends(str_of(longest), STR(".body")));
}

static void
write_body(struct str bytes)
{
	spool_body_path(disk.spool_path, ID, &message->file);
	unlink(buf_cstr(&message->file));
	assert_true(file_create(
	    buf_cstr(&message->file), bytes, 0600, (uid_t)-1, (gid_t)-1));
}

static void
a_body_is_checked_whole(void **state)
{
	(void)state;
	write_body(STR("a large body"));
	message->file_size = 12;
	message->file_crc = crc32c(0, STR("a large body"));
	assert_int_equal(spool_check_body(message), SPOOL_READ);
	message->file_size = 11;
	assert_int_equal(spool_check_body(message), SPOOL_DAMAGED);
	message->file_size = 12;
	message->file_crc ^= 1;
	assert_int_equal(spool_check_body(message), SPOOL_DAMAGED);
	unlink(buf_cstr(&message->file));
	assert_int_equal(spool_check_body(message), SPOOL_DAMAGED);
}

static void
what_is_set_aside_is_in_bad(void **state)
{
	(void)state;
	struct buf scratch = { 0 };
	char name[SPOOL_NAME];
	assert_true(spool_write(&disk, &entry, &scratch));
	write_body(STR("x"));
	spool_set_aside(&disk, ID, "test");
	spool_set_aside(&disk, ID, "again, with nothing there");
	spool_name(ID, name);
	assert_int_equal(faccessat(disk.bad, name, F_OK, 0), 0);
	assert_int_equal(faccessat(disk.spool, name, F_OK, 0), -1);
	spool_body_name(ID, name);
	assert_int_equal(faccessat(disk.bad, name, F_OK, 0), 0);
	assert_true(spool_remove(&disk, name)); /* it isn't there */
	buf_free(&scratch);
}

int
main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(what_is_written_is_read),
		CASE(every_octet_counts),
		CASE(a_state_for_each_recipient),
		cmocka_unit_test(names_are_ids),
		CASE(a_body_is_checked_whole),
		CASE(what_is_set_aside_is_in_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
