#include "smtpd/local/maildir.h"

#include "lib/base/codec.h"
#include "lib/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FOLDER_MODE = 02770, /* the group is vmail's, and stays so below */
	FILE_MODE = 0660, /* Dovecot links what it copies */
	PIECE = 65536, /* octets that are read and written at once */
	HOST = 150, /* octets of our name: mail programs add to the file's */
	LOOKS = 1000, /* for a file that somebody keeps renaming */
};

struct placing {
	const struct maildir_delivery *delivery;
	const struct recipient *recipient;
	struct arena arena;
	struct str name; /* of the file */
	const char *folder; /* that holds tmp, new and cur */
	const char *tmp, *new;
	bool made_folders;
};

/* ---- names ---- */

bool
maildir_safe_name(struct str part)
{
	return part.n > 0 && part.n <= NAME_MAX && *part.p != '.' &&
	    !str_has(part, '/') && !str_has(part, '\0');
}

/* Maildir++: a folder is a dot and its name, and dots in it would nest. */
static bool
safe_folder(struct str folder)
{
	return str_empty(folder) ||
	    (maildir_safe_name(folder) && !str_has(folder, '.'));
}

static const char *
below(struct placing *p, const char *folder, struct str name)
{
	return arena_printf(
	    &p->arena, "%s/%s/%.*s", p->folder, folder, STR_ARG(name))
	    .p;
}

static void
make_name(struct placing *p)
{
	const struct maildir_delivery *d = p->delivery;
	struct buf id = { 0 };
	base62_add(&id, d->envelope->id);
	p->name = arena_printf(&p->arena, "%lld.P%sR%zu.%.*s",
	    (long long)(d->envelope->received_ms / 1000), buf_cstr(&id),
	    d->recipient, HOST, d->hostname);
	buf_free(&id);
}

/* False: the names would lead somewhere else. */
static bool
make_paths(struct placing *p)
{
	struct str account = p->recipient->address;
	struct str folder = p->recipient->folder;
	size_t at = str_find_last(account, '@');
	struct str user = str_sub(account, 0, at);
	struct str domain = str_from(account, at + 1);
	if (!maildir_safe_name(user) || !maildir_safe_name(domain) ||
	    !safe_folder(folder))
		return false;
	p->folder = arena_printf(&p->arena, "%s/%.*s/%.*s/Maildir%s%.*s",
	    p->delivery->mail, STR_ARG(domain), STR_ARG(user),
	    folder.n ? "/." : "", STR_ARG(folder))
			.p;
	make_name(p);
	p->tmp = below(p, "tmp", p->name);
	p->new = below(p, "new", p->name);
	return true;
}

/* From the domain down, each with our mode. */
static bool
make_folders(struct placing *p)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	struct str path = str_of(p->folder);
	size_t n = strlen(p->delivery->mail);
	bool made = true;
	p->made_folders = true;
	while (made && n < path.n) {
		n++;
		n += str_find(str_from(path, n), '/');
		made = file_mkdirs(
		    arena_str(&p->arena, str_sub(path, 0, n)).p, FOLDER_MODE);
	}
	for (int i = 0; made && i < 3; i++)
		made = file_mkdirs(below(p, parts[i], STR("")), FOLDER_MODE);
	return made;
}

/* ---- tmp/ ---- */

static int
open_tmp(struct placing *p)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = open(p->tmp, flags, FILE_MODE);
	if (fd < 0 && errno == ENOENT && make_folders(p))
		fd = open(p->tmp, flags, FILE_MODE);
	/* The name is ours alone: what an earlier try left is of no use. */
	if (fd < 0 && errno == EEXIST && unlink(p->tmp) == 0)
		fd = open(p->tmp, flags, FILE_MODE);
	return fd;
}

struct text { /* LF line ends made of CR LF */
	struct buf out;
	bool cr; /* held back, the last byte so far */
};

static void
add_text(struct text *t, struct str in)
{
	char *to = buf_reserve(&t->out, in.n + 1);
	const char *p = in.p, *end = in.p + in.n;
	if (t->cr && *p != '\n')
		*to++ = '\r';
	t->cr = false;
	while (p < end && !t->cr) {
		const char *cr = memchr(p, '\r', (size_t)(end - p));
		size_t n = (size_t)((cr ? cr : end) - p);
		memcpy(to, p, n);
		to += n;
		p += n + 1;
		t->cr = cr && p == end;
		if (cr && p < end && *p != '\n')
			*to++ = '\r';
	}
	t->out.n = (size_t)(to - t->out.p);
}

/* RFC 5321 4.4: the last hop says what the reverse-path was */
static void
add_head(const struct placing *p, struct buf *out)
{
	buf_adds(out, "Return-Path: <");
	buf_add(out, p->delivery->envelope->sender);
	buf_adds(out, ">\nDelivered-To: ");
	buf_add(out, p->recipient->original);
	buf_addc(out, '\n');
}

static bool
copy(struct text *t, struct message_reader *reader, int fd)
{
	char piece[PIECE];
	long n;
	while ((n = message_read(reader, piece, sizeof piece)) > 0) {
		add_text(t, (struct str){ piece, (size_t)n });
		if (t->out.n < PIECE)
			continue;
		if (!fd_write_all(fd, buf_str(&t->out)))
			return false;
		buf_clear(&t->out);
	}
	return n == 0 && fd_write_all(fd, buf_str(&t->out));
}

static bool
write_tmp(struct placing *p)
{
	struct text t = { 0 };
	struct message_reader reader;
	int fd = open_tmp(p);
	if (fd < 0)
		return false;
	add_head(p, &t.out);
	message_read_start(&reader, p->delivery->message);
	bool written = copy(&t, &reader, fd);
	int error = errno;
	message_read_end(&reader);
	buf_free(&t.out);
	if (close(fd) != 0 && written)
		return false;
	errno = error;
	return written;
}

/* ---- new/ and cur/ ---- */

/* Some network file systems know no flags. */
static bool
knows_no_flags(int error)
{
	return error == EINVAL || error == ENOSYS;
}

static bool
rename_flagged(const char *from, const char *to, unsigned flag)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flag) == 0;
}

static bool
move_in(const char *tmp, const char *to)
{
	if (rename_flagged(tmp, to, RENAME_NOREPLACE))
		return true;
	return knows_no_flags(errno) && link(tmp, to) == 0 && unlink(tmp) == 0;
}

/* What is there leaves first: for an instant a mail program sees neither. */
static bool
exchange_in_steps(struct placing *p, const char *to)
{
	const char *old = arena_printf(&p->arena, "%s.old", p->tmp).p;
	if (rename(to, old) != 0)
		return false;
	if (!move_in(p->tmp, to))
		return false;
	unlink(old);
	return true;
}

/* EXCHANGE: what is found is replaced; ENOENT when the user was faster. */
static bool
exchange(struct placing *p, const char *to)
{
	if (!rename_flagged(p->tmp, to, RENAME_EXCHANGE))
		return knows_no_flags(errno) && exchange_in_steps(p, to);
	unlink(p->tmp);
	return true;
}

/* Our name, whatever flags or sizes a mail program has put behind it. */
static bool
is_ours(const struct placing *p, const char *name)
{
	return strncmp(name, p->name.p, p->name.n) == 0 &&
	    strchr(":,", name[p->name.n]);
}

static const char *
scan(struct placing *p, DIR *dir)
{
	struct dirent *e;
	while ((e = readdir(dir)))
		if (is_ours(p, e->d_name))
			return below(p, "cur", str_of(e->d_name));
	return NULL;
}

static bool
same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A name that changes during the scan may be missed: not found counts only
   when the folder stayed as it was. */
static const char *
scan_until_still(struct placing *p, DIR *dir)
{
	struct stat before, after;
	const char *found;
	int looks = 0;
	do {
		rewinddir(dir);
		fstat(dirfd(dir), &before);
		found = scan(p, dir);
		fstat(dirfd(dir), &after);
	} while (!found && !same_time(&before, &after) && ++looks < LOOKS);
	return found;
}

/* LOOK_CUR.  False when nobody can look. */
static bool
find_in_cur(struct placing *p, const char **found)
{
	DIR *dir = opendir(below(p, "cur", STR("")));
	*found = NULL;
	if (!dir)
		return errno == ENOENT;
	*found = scan_until_still(p, dir);
	closedir(dir);
	return true;
}

/* REWRITE: in place of what is found, else into new/. */
static bool
replace(struct placing *p)
{
	const char *found;
	for (int i = 0; i < LOOKS; i++) {
		if (exchange(p, p->new))
			return true;
		if (errno != ENOENT || !find_in_cur(p, &found))
			return false;
		if (found ? exchange(p, found) : move_in(p->tmp, p->new))
			return true;
		if (errno != (found ? ENOENT : EEXIST))
			return false;
	}
	errno = EAGAIN;
	return false;
}

static bool
move_or_replace(struct placing *p)
{
	return p->delivery->replace ? replace(p) : move_in(p->tmp, p->new);
}

/* ---- both ---- */

static bool
place(struct placing *p)
{
	if (!make_paths(p)) {
		errno = EINVAL;
		return false;
	}
	bool written = write_tmp(p);
	bool done = written && move_or_replace(p);
	/* tmp/ alone was there */
	if (written && !done && errno == ENOENT && !p->made_folders)
		done = make_folders(p) && move_or_replace(p);
	if (!done) {
		int error = errno;
		unlink(p->tmp);
		errno = error;
	}
	return done;
}

bool
maildir_place(const struct maildir_delivery *delivery)
{
	struct placing p = {
		.delivery = delivery,
		.recipient =
		    &delivery->envelope->recipients[delivery->recipient],
	};
	bool done = place(&p);
	int error = errno;
	arena_free(&p.arena);
	errno = error;
	return done;
}
