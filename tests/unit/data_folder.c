#include "tests/unit/data_folder.h"
#include "tests/unit/tree.h"

#include "lib/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct str domains[] = { { "example.test", 12 }, { "other.test", 10 } };

static const char *
config_path(struct data_folder *folder, const char *name)
{
	return arena_printf(
	    &folder->settings.arena, "%s/config/%s", folder->path, name)
	    .p;
}

void
data_folder_make(struct data_folder *folder)
{
	*folder = (struct data_folder){ .path = "/tmp/postern.XXXXXX" };
	if (!mkdtemp(folder->path) ||
	    !file_mkdirs(config_path(folder, ""), 0750))
		abort();
	folder->settings.data = str_of(folder->path);
	folder->settings.hostname = STR("mail.example.test");
	folder->settings.domain = (struct str_list){ 2, domains };
	folder->settings.delimiter = '+';
	folder->settings.catchall = STR("");
}

void
data_folder_remove(struct data_folder *folder)
{
	tree_remove(folder->path);
	arena_free(&folder->settings.arena);
}

void
data_folder_write(
    struct data_folder *folder, const char *name, const char *text)
{
	const char *path = config_path(folder, name);
	if (!text)
		unlink(path);
	else if (!file_replace(path, str_of(text), 0640, (uid_t)-1, (gid_t)-1))
		abort();
}
