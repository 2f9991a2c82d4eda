#include "lib/mail/message.h"

#include "lib/base/file.h"
#include "tests/unit/assert_str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_message.XXXXXX";

static struct message *
in_memory(const char *header, const char *body)
{
	struct message *message = message_new();
	buf_adds(&message->header, header);
	buf_adds(&message->body, body);
	return message;
}

/* The body's file holds what is in memory already. */
static void
move_to_file(struct message *message)
{
	buf_addf(&message->file, "%s/body", folder);
	assert_true(file_replace(buf_cstr(&message->file),
	    buf_str(&message->body), 0600, (uid_t)-1, (gid_t)-1));
	message->file_size = message->body.n;
	buf_free(&message->body);
}

static void
assert_reads(const struct message *message, struct str wanted)
{
	char piece[64];
	assert_int_equal(message_size(message), wanted.n);
	for (size_t cap = 1; cap <= sizeof piece; cap++) {
		struct message_reader reader;
		struct buf got = { 0 };
		long n;
		message_read_start(&reader, message);
		while ((n = message_read(&reader, piece, cap)) > 0)
			buf_add(&got, (struct str){ piece, (size_t)n });
		assert_int_equal(n, 0);
		assert_int_equal(message_read(&reader, piece, cap), 0);
		message_read_end(&reader);
		assert_str(buf_str(&got), wanted);
		buf_free(&got);
	}
}

static const struct {
	const char *header, *body;
} messages[] = {
	{ "", "" },
	{ "A: b\r\n", "" },
	{ "", "\r\nbody\r\n" },
	{ "A: b\r\nC: d\r\n", "\r\nbody of\r\nsome lines\r\n" },
};

static void
reads_in_any_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		struct buf whole = { 0 };
		buf_adds(&whole, messages[i].header);
		buf_adds(&whole, messages[i].body);
		struct message *message =
		    in_memory(messages[i].header, messages[i].body);
		assert_reads(message, buf_str(&whole));
		move_to_file(message);
		assert_reads(message, buf_str(&whole));
		message_free(message);
		buf_free(&whole);
	}
	message_free(NULL);
}

static int
read_error(const struct message *message)
{
	struct message_reader reader;
	char piece[64];
	long n;
	message_read_start(&reader, message);
	while ((n = message_read(&reader, piece, sizeof piece)) > 0)
		continue;
	int error = errno;
	message_read_end(&reader);
	return n < 0 ? error : 0;
}

/* A message that lacks something is never taken for a shorter one. */
static void
says_when_the_file_is_not_right(void **state)
{
	(void)state;
	struct message *message = in_memory("A: b\r\n", "\r\nbody\r\n");
	move_to_file(message);
	assert_int_equal(read_error(message), 0);
	message->file_size++;
	assert_int_equal(read_error(message), EIO);
	message->file_size -= 3;
	assert_int_equal(read_error(message), 0);
	assert_int_equal(unlink(buf_cstr(&message->file)), 0);
	assert_int_equal(read_error(message), ENOENT);
	assert_int_equal(symlink("/etc/passwd", buf_cstr(&message->file)), 0);
	assert_int_equal(read_error(message), ELOOP);
	assert_int_equal(unlink(buf_cstr(&message->file)), 0);
	message_free(message);
}

/* Most messages that are read for their header alone cost no descriptor. */
static void
opens_the_file_late(void **state)
{
	(void)state;
	struct message *message = in_memory("A: b\r\n", "\r\nbody\r\n");
	struct message_reader reader;
	char piece[6];
	move_to_file(message);
	message_read_start(&reader, message);
	assert_int_equal(message_read(&reader, piece, 6), 6);
	assert_int_equal(reader.fd, -1);
	assert_int_equal(message_read(&reader, piece, 6), 6);
	assert_true(reader.fd >= 0);
	message_read_end(&reader);
	assert_int_equal(reader.fd, -1);
	message_read_end(&reader);
	message_free(message);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	char path[64];
	(void)state;
	snprintf(path, sizeof path, "%s/body", folder);
	unlink(path);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_in_any_pieces),
		cmocka_unit_test(says_when_the_file_is_not_right),
		cmocka_unit_test(opens_the_file_late),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
