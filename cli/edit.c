/*
 * edit.c - changes to the files of config/: under config/.lock, whole files
 * replaced, so that fifty at once and an editor beside them lose nothing.
 */
#include "cli/cli.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONFIG_MAX = 16 << 20 };

int
edit_start(struct cli *cli, struct edit *e, const char *name)
{
	*e = (struct edit){ .name = name };
	const char *path = data_path(cli, "config/.lock");
	e->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (e->lock < 0 || flock(e->lock, LOCK_EX) != 0)
		return say(FAILED, "can't lock %s: %s", path, strerror(errno));
	const char *file = data_path(cli, name);
	if (!file_read(file, CONFIG_MAX, &e->text) && errno != ENOENT) {
		int code =
		    say(FAILED, "can't read %s: %s", file, strerror(errno));
		edit_end(cli, e, false);
		return code;
	}
	if (e->text.n && e->text.p[e->text.n - 1] != '\n')
		buf_addc(&e->text, '\n');
	return DONE;
}

int
edit_end(struct cli *cli, struct edit *e, bool save)
{
	int code = DONE;
	const char *file = data_path(cli, e->name);
	struct stat st;
	bool there = stat(file, &st) == 0;
	if (save &&
	    !file_replace(file, buf_str(&e->text),
		there ? st.st_mode & 07777 : 0640,
		there ? st.st_uid : (uid_t)-1, there ? st.st_gid : (gid_t)-1))
		code = say(
		    FAILED, "can't write %s: %s", file, strerror(errno));
	buf_free(&e->text);
	close(e->lock);
	return code;
}

static struct str
line_key(struct str line)
{
	size_t n = 0;
	while (n < line.n && !strchr(": \t\r\n", line.p[n]))
		n++;
	return str_sub(line, 0, n);
}

struct str
edit_find(const struct edit *e, struct str key)
{
	for (struct str rest = buf_str(&e->text); rest.n;) {
		struct str line = str_cut(&rest, '\n');
		if (!str_eq_nocase(line_key(line), key))
			continue;
		while (rest.n && (*rest.p == ' ' || *rest.p == '\t'))
			str_cut(&rest, '\n');
		const char *end = e->text.p + e->text.n - rest.n;
		return (struct str){ line.p, (size_t)(end - line.p) };
	}
	return STR("");
}

void
edit_remove(struct edit *e, struct str line)
{
	size_t at = (size_t)(line.p - e->text.p);
	memmove(e->text.p + at, line.p + line.n, e->text.n - at - line.n);
	e->text.n -= line.n;
}

void
edit_append(struct edit *e, struct str line)
{
	buf_add(&e->text, line);
	buf_addc(&e->text, '\n');
}
