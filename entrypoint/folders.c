/*
 * folders.c - the data folder: every path with the owner and mode that
 * docs/reference.md promises.
 *
 * In the image root has neither DAC_OVERRIDE nor FOWNER: what is given away
 * can't be changed any more, so mode comes before owner.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/file.h"
#include "lib/host/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_VERSION STR("1\n")

enum {
	SECRET_OCTETS = 32 /* of config/secret */
};

struct folder {
	const char *name;
	mode_t mode;
	const char *user, *group; /* NULL: root */
};

static const struct folder folders[] = {
	{ "config", 0750, NULL, "postern" },
	{ "mail", 02770, "vmail", "vmail" },
	{ "keys", 0700, "signer", "signer" }, { "dns", 0755, NULL, NULL },
	{ "tls", 0750, NULL, "tls" }, { "journal", 0700, "smtpd", "smtpd" },
	{ "spool", 0700, "smtpd", "smtpd" },
	{ "store", 0700, "smtpd", "smtpd" }, { "bad", 0700, "smtpd", "smtpd" },
	{ "history", 0700, "smtpd", "smtpd" },
	{ "unbound", 0700, "unbound", "unbound" }, /* last: the image's */
};

static size_t
folder_count(void)
{
	return sizeof folders / sizeof *folders - (self.image ? 0 : 1);
}

static bool
ids(const char *user, const char *group, uid_t *uid, gid_t *gid)
{
	gid_t unused;
	*uid = 0;
	*gid = 0;
	if ((!user || spawn_user(user, uid, &unused)) &&
	    (!group || spawn_group(group, gid)))
		return true;
	complain("there is no user %s or no group %s: this is not the image "
		 "as it is built",
	    user ? user : "root", group ? group : "root");
	return false;
}

/* While it is root's and of root's group, chmod keeps the setgid bit without
   CAP_FSETID. */
static bool
give(const char *path, const struct stat *st, mode_t mode, uid_t uid, gid_t gid)
{
	if (st->st_uid == uid && st->st_gid == gid &&
	    (st->st_mode & 07777) == mode)
		return true;
	if ((st->st_uid != 0 || st->st_gid != 0) && lchown(path, 0, 0) != 0)
		return false;
	return chmod(path, mode) == 0 && lchown(path, uid, gid) == 0;
}

static bool
set_mode(const char *path, const struct stat *st, mode_t mode)
{
	return (st->st_mode & 07777) == mode || chmod(path, mode) == 0;
}

static bool
own(const char *path, mode_t mode, const char *user, const char *group)
{
	struct stat st;
	uid_t uid;
	gid_t gid;
	if (self.image && !ids(user, group, &uid, &gid))
		return false;
	bool found = lstat(path, &st) == 0;
	if (found && S_ISLNK(st.st_mode))
		errno = ELOOP;
	else if (found &&
	    (self.image ? give(path, &st, mode, uid, gid)
			: set_mode(path, &st, mode)))
		return true;
	complain("%s can't get the owner and mode it needs: %s", path,
	    strerror(errno));
	return false;
}

static bool
make(const struct folder *f)
{
	const char *path = data_path(f->name);
	if (file_mkdirs(path, 0700))
		return true;
	complain("can't make the folder %s: %s", path, strerror(errno));
	return false;
}

bool
folders_write(
    const char *name, struct str bytes, mode_t mode, const char *group)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	if (self.image && !ids(NULL, group, &uid, &gid))
		return false;
	if (file_replace(data_path(name), bytes, mode, uid, gid))
		return true;
	complain("can't write %s: %s", data_path(name), strerror(errno));
	return false;
}

/* ---- the whole ---- */

static bool
is_mount(const struct stat *data)
{
	struct stat root;
	return stat("/", &root) == 0 && root.st_dev != data->st_dev;
}

static bool
is_lasting(const struct stat *data)
{
	if (!self.image || self.settings.ephemeral || is_mount(data))
		return true;
	complain("%s is not a mount: everything would be lost with the "
		 "container. Mount a folder there (compose.yaml does), or set "
		 "POSTERN_EPHEMERAL=yes",
	    self.settings.data.p);
	return false;
}

static bool
is_ours(const struct stat *data)
{
	if (data->st_uid == geteuid())
		return true;
	complain("the data folder %s belongs to user %u, but this server runs "
		 "as user %u: chown %u %s",
	    self.settings.data.p, (unsigned)data->st_uid, (unsigned)geteuid(),
	    (unsigned)geteuid(),
	    self.image ? "the folder on the host that is mounted there"
		       : "it, or choose another with POSTERN_DATA");
	return false;
}

/* The children of the image go through it, whatever umask it was made with. */
static bool
is_open(const struct stat *st)
{
	const char *data = self.settings.data.p;
	if ((!self.image || (st->st_mode & 07777) == 0755 ||
		chmod(data, 0755) == 0) &&
	    access(data, W_OK | X_OK) == 0)
		return true;
	complain(
	    "the data folder %s can't be written: %s", data, strerror(errno));
	return false;
}

bool
folders_check(void)
{
	struct stat st;
	const char *data = self.settings.data.p;
	if (file_mkdirs(data, 0755) && stat(data, &st) == 0)
		return is_lasting(&st) && is_ours(&st) && is_open(&st);
	complain("can't make the data folder %s: %s; choose another with "
		 "POSTERN_DATA",
	    data, strerror(errno));
	return false;
}

bool
folders_lock(void)
{
	const char *path = data_path("lock");
	self.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (self.lock < 0) {
		complain("can't open %s: %s", path, strerror(errno));
		return false;
	}
	if (flock(self.lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	complain("another server runs on %s: stop it first, or set "
		 "POSTERN_DATA to a folder of its own",
	    self.settings.data.p);
	return false;
}

static bool
check_version(void)
{
	struct buf found = { 0 };
	const char *path = data_path("version");
	bool read = file_read(path, 64, &found), missing = errno == ENOENT;
	bool good = read && str_eq(buf_str(&found), DATA_VERSION);
	buf_free(&found);
	if (good)
		return true;
	if (!read && missing)
		return folders_write("version", DATA_VERSION, 0644, NULL);
	complain("%s is not \"1\": the data folder was written by another "
		 "version of Postern",
	    path);
	return false;
}

/* It has a new secret, and the rest is empty. */
static bool
make_file(const char *name)
{
	uint8_t octets[SECRET_OCTETS];
	struct buf text = { 0 };
	if (strcmp(name, "config/secret") == 0) {
		random_bytes(octets, sizeof octets);
		hex_add(&text, (struct str){ (char *)octets, sizeof octets });
		buf_addc(&text, '\n');
	}
	bool good = folders_write(name, buf_str(&text), 0640, "postern");
	buf_free(&text);
	return good;
}

bool
folders_config(void)
{
	static const char *const names[] = { "config/.lock", "config/users",
		"config/aliases", "config/domains", "config/secret" };
	bool good = true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct stat st;
		const char *path = data_path(names[i]);
		if (lstat(path, &st) != 0 && errno == ENOENT)
			good = make_file(names[i]) && good;
		else
			good = own(path, 0640, NULL, "postern") && good;
	}
	return good;
}

/* unbound replaces its anchor itself, and dies when it can't.  Once the folder
   is given away root no longer sees into it: it is seeded before. */
static bool
seed_anchor(void)
{
	static const char seed[] = "/usr/share/dns/root.key";
	const char *path = data_path("unbound/root.key");
	struct stat st;
	uid_t uid;
	gid_t gid;
	if (!self.image || stat(data_path("unbound"), &st) != 0 ||
	    st.st_uid != 0 || file_exists(path))
		return true;
	struct buf key = { 0 };
	bool good = ids("unbound", "unbound", &uid, &gid) &&
	    file_read(seed, 65536, &key) &&
	    file_create(path, buf_str(&key), 0600, uid, gid);
	buf_free(&key);
	if (!good)
		complain(
		    "can't copy %s to %s: %s", seed, path, strerror(errno));
	return good;
}

bool
folders_prepare(void)
{
	if (!check_version())
		return false;
	for (size_t i = 0; i < folder_count(); i++)
		if (!make(&folders[i]))
			return false;
	if (!seed_anchor())
		return false;
	for (size_t i = 0; i < folder_count(); i++) {
		const struct folder *f = &folders[i];
		if (!own(data_path(f->name), f->mode, f->user, f->group))
			return false;
	}
	return folders_config();
}
