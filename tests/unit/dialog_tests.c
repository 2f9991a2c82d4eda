#include "tests/unit/dialog_tests.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	MAX_DIALOGS = 400
};

static struct CMUnitTest tests[MAX_DIALOGS];
static struct dialog dialogs[MAX_DIALOGS];
static size_t count;
static void (*run)(const struct dialog *);

static void
test_dialog(void **state)
{
	run(*state);
}

int64_t
dialog_play(
    const struct dialog *dialog, const struct play *play, const char *way)
{
	struct buf trouble = { 0 };
	int64_t answers = 0;
	bool bytes = !str_eq(dialog_setting(dialog, "bytewise", 0), STR("no"));
	if (dialog->only == (play->tls ? ONLY_PLAIN : ONLY_TLS) ||
	    (play->bytewise && !bytes))
		return 0;
	bool good = (dialog->client ? play_client : play_server)(
	    dialog, play, &trouble, &answers);
	if (!good)
		print_error("%.*s (%s): %s\n", STR_ARG(buf_str(&dialog->name)),
		    way, buf_cstr(&trouble));
	buf_free(&trouble);
	assert_true(good);
	return answers;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_dialog(const struct dirent *entry)
{
	return str_ends(str_of(entry->d_name), STR(".dialog"));
}

static void
add_file(const char *folder, const char *file, const char *only)
{
	struct dialog *d = &dialogs[count];
	if (count == MAX_DIALOGS || (only && !strstr(file, only)))
		return;
	dialog_read(d, folder, file);
	tests[count++] = (struct CMUnitTest){
		.name = buf_cstr(&d->name),
		.test_func = test_dialog,
		.initial_state = d,
	};
}

static void
add_folder(const char *folder, const char *only)
{
	char path[64];
	struct dirent **found;
	snprintf(path, sizeof path, "tests/dialogs/%s", folder);
	int n = scandir(path, &found, is_dialog, by_name);
	for (int i = 0; i < n; i++) {
		add_file(folder, found[i]->d_name, only);
		free(found[i]);
	}
	if (n >= 0)
		free(found);
}

int
dialog_tests(int argc, char **argv, const char *group,
    void (*test)(const struct dialog *))
{
	const char *only = argc > 1 ? argv[1] : NULL;
	run = test;
	add_folder("client", only);
	add_folder("server", only);
	player_setup();
	int failed = count == 0 ||
	    _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	player_teardown();
	while (count > 0)
		dialog_free(&dialogs[--count]);
	return failed;
}
