/*
 * keeper.c - which directory is in use: looks at the files every second, on a
 * worker, and swaps snapshots on the loop.
 */
#include "smtpd/local/directory_private.h"

#include "lib/base/log.h"
#include "lib/net/jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	FILES = 3,
	LOOK_MS = 1000
};

static const char *const files[FILES] = { "domains", "users", "aliases" };

struct stamp { /* two that are equal: the file hasn't changed */
	int error;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct directory_keeper {
	struct loop *loop;
	struct lane *lane;
	const struct settings *settings;
	struct directory *now;
	struct stamp stamps[FILES]; /* when they were last read */
	struct buf trouble;
	bool broken; /* nothing good has been read since the start */
	struct list listeners;
	struct timer timer;
	struct look *look; /* the one under way, or NULL */
	bool again; /* somebody asked for a look meanwhile */
	struct list waiting; /* directory_look: for the next look */
	struct list looking; /* the same: for the one under way */
};

struct look { /* one look at the files, on a worker */
	struct job job;
	struct directory_keeper *keeper; /* NULL: cut off */
	const struct settings *settings;
	struct stamp stamps[FILES];
	bool changed; /* then they were read */
	struct directory *directory; /* NULL with errors */
	struct buf errors;
};

static bool
stamp_eq(const struct stamp *a, const struct stamp *b)
{
	return a->error == b->error && a->inode == b->inode &&
	    a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	    a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct stamp
stamp_of(const struct settings *settings, const char *file)
{
	char path[4096];
	struct stat st;
	snprintf(path, sizeof path, "%s/config/%s", settings->data.p, file);
	if (stat(path, &st) != 0)
		return (struct stamp){ .error = errno };
	return (struct stamp){
		.inode = st.st_ino,
		.size = st.st_size,
		.changed = st.st_ctim, /* a new owner counts as well */
	};
}

/* The stamps come first: a change while the files are being read is seen at
   the next look. */
static void
look(struct look *l)
{
	for (int i = 0; i < FILES; i++) {
		struct stamp now = stamp_of(l->settings, files[i]);
		l->changed |= !stamp_eq(&now, &l->stamps[i]);
		l->stamps[i] = now;
	}
	if (l->changed)
		l->directory = directory_read(l->settings, &l->errors);
}

static void
look_free(struct look *l)
{
	directory_free(l->directory);
	buf_free(&l->errors);
	free(l);
}

/* ---- what was found ---- */

static void
log_errors(const struct directory_keeper *keeper, const struct buf *errors)
{
	for (struct str rest = buf_str(errors); rest.n > 0;) {
		struct str line = str_cut(&rest, '\n');
		log_note(LOG_ERROR, "config", "%.*s", STR_ARG(line));
	}
	log_note(LOG_ERROR, "config", "%s",
	    keeper->broken
		? "until this is mended mail to our addresses is deferred"
		: "until this is mended what was read before stays in use");
}

static void
use(struct directory_keeper *keeper, struct directory *directory)
{
	struct directory *old = keeper->now;
	keeper->now = directory;
	keeper->broken = false;
	log_note(LOG_INFO, "config", "%zu domains, %zu accounts",
	    directory->domains.count, directory_accounts(directory));
	struct list_node *n = list_first(&keeper->listeners);
	for (; n; n = list_next(&keeper->listeners, n)) {
		struct directory_listener *listener =
		    container_of(n, struct directory_listener, node);
		listener->changed(listener, directory);
	}
	directory_free(old);
}

static void
take(struct directory_keeper *keeper, struct look *l)
{
	for (int i = 0; i < FILES; i++)
		keeper->stamps[i] = l->stamps[i];
	if (!l->changed)
		return;
	buf_free(&keeper->trouble);
	if (l->directory) {
		use(keeper, l->directory);
		l->directory = NULL;
	} else {
		log_errors(keeper, &l->errors);
		keeper->trouble = buf_take(&l->errors);
	}
}

/* ---- looking ---- */

static void on_timer(struct timer *);

static struct look *
look_new(struct directory_keeper *keeper)
{
	struct look *l = mem_alloc(sizeof *l);
	l->keeper = keeper;
	l->settings = keeper->settings;
	for (int i = 0; i < FILES; i++)
		l->stamps[i] = keeper->stamps[i];
	return l;
}

/* Those who ask again meanwhile wait for another look. */
static void
tell_looking(struct directory_keeper *keeper)
{
	struct list_node *n;
	while ((n = list_pop(&keeper->looking))) {
		struct directory_look *w =
		    container_of(n, struct directory_look, node);
		w->done(w);
	}
}

static void
run_look(struct job *job)
{
	look(container_of(job, struct look, job));
}

static void
on_looked(struct job *job)
{
	struct look *l = container_of(job, struct look, job);
	struct directory_keeper *keeper = l->keeper;
	if (keeper) {
		keeper->look = NULL;
		take(keeper, l);
		timer_start(&keeper->timer, keeper->loop,
		    keeper->again ? 0 : LOOK_MS, on_timer);
		keeper->again = false;
		tell_looking(keeper);
	}
	look_free(l);
}

static void
on_timer(struct timer *timer)
{
	struct directory_keeper *keeper =
	    container_of(timer, struct directory_keeper, timer);
	struct look *l = look_new(keeper);
	if (job_start(keeper->lane, &l->job, run_look, on_looked)) {
		keeper->look = l;
		list_take(&keeper->looking, &keeper->waiting);
		return;
	}
	look_free(l);
	timer_start(timer, keeper->loop, LOOK_MS, on_timer);
}

/* ---- for all ---- */

struct directory_keeper *
directory_keeper_new(
    struct loop *loop, struct lane *lane, const struct settings *settings)
{
	struct directory_keeper *keeper = mem_alloc(sizeof *keeper);
	keeper->loop = loop;
	keeper->lane = lane;
	keeper->settings = settings;
	keeper->broken = true;
	list_init(&keeper->listeners);
	list_init(&keeper->waiting);
	list_init(&keeper->looking);
	for (int i = 0; i < FILES; i++)
		keeper->stamps[i].error = -1; /* like no file */
	struct look *l = look_new(keeper);
	look(l);
	take(keeper, l);
	look_free(l);
	if (!keeper->now)
		keeper->now = directory_broken(settings);
	timer_start(&keeper->timer, loop, LOOK_MS, on_timer);
	return keeper;
}

void
directory_keeper_free(struct directory_keeper *keeper)
{
	if (!keeper)
		return;
	timer_stop(&keeper->timer);
	if (keeper->look && job_cancel(&keeper->look->job))
		look_free(keeper->look);
	else if (keeper->look)
		keeper->look->keeper = NULL;
	directory_free(keeper->now);
	buf_free(&keeper->trouble);
	free(keeper);
}

struct loop *
directory_loop(const struct directory_keeper *keeper)
{
	return keeper->loop;
}

const struct directory *
directory_now(struct directory_keeper *keeper)
{
	return keeper->now;
}

void
directory_reload(struct directory_keeper *keeper)
{
	if (keeper->look)
		keeper->again = true;
	else
		timer_start(&keeper->timer, keeper->loop, 0, on_timer);
}

void
directory_look_start(struct directory_keeper *keeper,
    struct directory_look *look, void (*done)(struct directory_look *))
{
	look->done = done;
	list_push(&keeper->waiting, &look->node);
	directory_reload(keeper);
}

void
directory_look_cancel(struct directory_look *look)
{
	list_remove(&look->node);
}

struct str
directory_trouble(const struct directory_keeper *keeper)
{
	return str_trim(buf_str(&keeper->trouble));
}

void
directory_listen(struct directory_keeper *keeper,
    struct directory_listener *listener,
    void (*changed)(struct directory_listener *, const struct directory *))
{
	listener->changed = changed;
	list_push(&keeper->listeners, &listener->node);
}
