/*
 * folders.c - the data folder: every path with the owner and mode that
 * INTERFACE.md 3 promises.
 *
 * In the image root has neither DAC_OVERRIDE nor FOWNER: what is given away
 * can't be changed any more, so mode comes before owner.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/file.h"
#include "lib/host/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA_VERSION STR("1\n")

struct folder {
	const char *name;
	mode_t mode;
	const char *user, *group; /* NULL: root */
};

static const struct folder folders[] = {
	{ "config", 0750, NULL, "postern" },
	{ "mail", 02770, "vmail", "vmail" },
	{ "keys", 0700, "signer", "signer" },
	{ "dns", 0755, NULL, NULL },
	{ "tls", 0750, NULL, "tls" },
	{ "journal", 0700, "smtpd", "smtpd" },
	{ "spool", 0700, "smtpd", "smtpd" },
	{ "store", 0700, "smtpd", "smtpd" },
	{ "bad", 0700, "smtpd", "smtpd" },
	{ "history", 0700, "smtpd", "smtpd" },
	{ "unbound", 0700, "unbound", "unbound" }, /* last: in the image alone */
};

static size_t
folder_count(void)
{
	return sizeof folders / sizeof *folders - (self.image ? 0 : 1);
}

static bool
ids(const char *user, const char *group, uid_t *uid, gid_t *gid)
{
	*uid = 0;
	*gid = 0;
	gid_t own;
	return (!user || spawn_user(user, uid, &own)) &&
	    (!group || spawn_group(group, gid));
}

static bool
own(const char *path, mode_t mode, const char *user, const char *group)
{
	struct stat st;
	uid_t uid;
	gid_t gid;
	if (lstat(path, &st) != 0 || S_ISLNK(st.st_mode))
		return false;
	if (!self.root)
		return (st.st_mode & 07777) == mode || chmod(path, mode) == 0;
	if (!ids(user, group, &uid, &gid)) {
		complain("the users and groups of the image are missing; run "
			 "it without root, or in its image");
		return false;
	}
	if (st.st_uid == uid && st.st_gid == gid &&
	    (st.st_mode & 07777) == mode)
		return true;
	if (st.st_uid != 0 && lchown(path, 0, 0) != 0)
		return false;
	return chmod(path, mode) == 0 && lchown(path, uid, gid) == 0;
}

static bool
make(const struct folder *f)
{
	const char *path = data_path(f->name);
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	complain("can't make %s: %s", path, strerror(errno));
	return false;
}

static bool
prepare(const struct folder *f)
{
	const char *path = data_path(f->name);
	if (own(path, f->mode, f->user, f->group))
		return true;
	complain("%s can't get the owner and mode it needs: %s", path,
	    strerror(errno));
	return false;
}

bool
folders_write(const char *name, struct str bytes, mode_t mode, const char *group)
{
	uid_t uid = 0;
	gid_t gid = 0;
	bool known = !self.root || ids(NULL, group, &uid, &gid);
	if (known &&
	    file_replace(data_path(name), bytes, mode,
		self.root ? uid : (uid_t)-1, self.root ? gid : (gid_t)-1))
		return true;
	complain("can't write %s: %s", data_path(name), strerror(errno));
	return false;
}

/* ---- files ---- */

static bool
take_lock(void)
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
	bool there = file_exists(path);
	bool good = !there || file_read(path, 64, &found);
	good = good && (!there || str_eq(buf_str(&found), DATA_VERSION));
	if (!good)
		complain("%s is not \"1\": the data folder was written by "
			 "another version",
		    path);
	buf_free(&found);
	return good && (there || folders_write("version", DATA_VERSION, 0644, NULL));
}

static bool
is_mount(const struct stat *data)
{
	struct stat root;
	return stat("/", &root) == 0 && root.st_dev != data->st_dev;
}

static bool
check_data(void)
{
	struct stat st;
	const char *data = self.settings.data.p;
	if (!file_mkdirs(data, 0755) || stat(data, &st) != 0) {
		complain("can't make the data folder %s: %s", data,
		    strerror(errno));
		return false;
	}
	if (self.image && !self.settings.ephemeral && !is_mount(&st)) {
		complain("%s is not a mount: everything would be lost with the "
			 "container. Mount a folder there (compose.yaml does), "
			 "or set POSTERN_EPHEMERAL=yes",
		    data);
		return false;
	}
	if (st.st_uid == geteuid() && access(data, W_OK | X_OK) == 0)
		return true;
	complain("the data folder %s belongs to user %u, but this server runs "
		 "as user %u: chown it (chown %u %s), or choose another with "
		 "POSTERN_DATA",
	    data, (unsigned)st.st_uid, (unsigned)geteuid(),
	    (unsigned)geteuid(), data);
	return false;
}

/* config/ files may have been edited on the host: owners are put right. */
static bool
prepare_config(void)
{
	static const char *const names[] = { "config/users", "config/aliases",
		"config/domains" };
	for (int i = 0; i < 3; i++) {
		if (!file_exists(data_path(names[i])) &&
		    !folders_write(names[i], STR(""), 0640, "postern"))
			return false;
		if (!own(data_path(names[i]), 0640, NULL, "postern")) {
			complain("%s can't get the owner and mode it needs: "
				 "%s",
			    data_path(names[i]), strerror(errno));
			return false;
		}
	}
	return true;
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
	    st.st_uid != geteuid() || !spawn_user("unbound", &uid, &gid))
		return true;
	struct buf key = { 0 };
	bool good = file_exists(path) ||
	    (file_read(seed, 65536, &key) &&
		file_create(path, buf_str(&key), 0600, uid, gid));
	buf_free(&key);
	if (!good)
		complain("can't write %s: %s", path, strerror(errno));
	return good;
}

bool
folders_prepare(void)
{
	if (!check_data() || !take_lock() || !check_version())
		return false;
	for (size_t i = 0; i < folder_count(); i++)
		if (!make(&folders[i]))
			return false;
	if (!seed_anchor())
		return false;
	for (size_t i = 0; i < folder_count(); i++)
		if (!prepare(&folders[i]))
			return false;
	if (!file_mkdirs(self.settings.run.p, 0755)) {
		complain("can't make %s: %s", self.settings.run.p,
		    strerror(errno));
		return false;
	}
	return prepare_config();
}
