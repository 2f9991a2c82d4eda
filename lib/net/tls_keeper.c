#include "lib/net/tls_keeper.h"

#include "lib/base/arena.h"
#include "lib/base/log.h"

#include <stdlib.h>
#include <sys/stat.h>

enum {
	LOOK_MS = 60000
};

struct stamp { /* what a look at the two files saw */
	struct timespec changed[2]; /* or given to another group, say */
	ino_t inode[2];
};

struct look {
	struct job job;
	struct tls_keeper *keeper; /* NULL once the keeper is gone */
	char *files[2];
	struct stamp stamp;
	struct tls_context *context; /* a new one, or NULL */
	const char *why;
};

struct tls_keeper {
	struct loop *loop;
	struct lane *lane;
	char *files[2];
	struct tls_context *context;
	const char *trouble; /* with the files, or "" */
	struct stamp stamp;
	struct look *look; /* under way */
	bool again; /* asked for while a look was under way */
	struct timer timer;
};

static struct stamp
stamp_of(char *const files[2])
{
	struct stamp s = { 0 };
	for (int i = 0; i < 2; i++) {
		struct stat st;
		if (stat(files[i], &st) == 0) {
			s.changed[i] = st.st_ctim;
			s.inode[i] = st.st_ino;
		}
	}
	return s;
}

static bool
stamp_eq(const struct stamp *a, const struct stamp *b)
{
	for (int i = 0; i < 2; i++)
		if (a->inode[i] != b->inode[i] ||
		    a->changed[i].tv_sec != b->changed[i].tv_sec ||
		    a->changed[i].tv_nsec != b->changed[i].tv_nsec)
			return false;
	return true;
}

static void
take(struct tls_keeper *k, struct tls_context *fresh, const char *why)
{
	k->trouble = fresh ? "" : why;
	if (!fresh) {
		log_note(LOG_ERROR, "tls",
		    "certificate %s is not usable: %s; %s", k->files[0], why,
		    k->context ? "the old one stays in use"
			       : "TLS is off until it is");
		return;
	}
	tls_free(k->context);
	k->context = fresh;
	log_note(LOG_INFO, "tls", "certificate %s is in use", k->files[0]);
}

static void
look_free(struct look *look)
{
	tls_free(look->context);
	free(look->files[0]);
	free(look->files[1]);
	free(look);
}

static void
on_look(struct job *job)
{
	struct look *look = container_of(job, struct look, job);
	struct stamp now = stamp_of(look->files);
	if (stamp_eq(&now, &look->stamp))
		return;
	look->stamp = now;
	look->context =
	    tls_server(look->files[0], look->files[1], false, &look->why);
}

static void
on_looked(struct job *job)
{
	struct look *look = container_of(job, struct look, job);
	struct tls_keeper *k = look->keeper;
	if (k) {
		k->look = NULL;
		k->stamp = look->stamp;
		if (look->context || look->why) {
			take(k, look->context, look->why);
			look->context = NULL;
		}
		if (k->again)
			tls_keeper_reload(k);
	}
	look_free(look);
}

static void
look_start(struct tls_keeper *k)
{
	k->again = k->look;
	if (k->look)
		return;
	struct look *look = mem_alloc(sizeof *look);
	look->keeper = k;
	look->files[0] = mem_cstr(str_of(k->files[0]));
	look->files[1] = mem_cstr(str_of(k->files[1]));
	look->stamp = k->stamp;
	if (job_start(k->lane, &look->job, on_look, on_looked))
		k->look = look;
	else
		look_free(look); /* the next minute comes */
}

static void
on_minute(struct timer *timer)
{
	struct tls_keeper *k = container_of(timer, struct tls_keeper, timer);
	look_start(k);
	timer_start(timer, k->loop, LOOK_MS, on_minute);
}

struct tls_keeper *
tls_keeper_new(struct loop *loop, struct lane *lane, const char *certificate,
    const char *key)
{
	struct tls_keeper *k = mem_alloc(sizeof *k);
	k->loop = loop;
	k->lane = lane;
	k->files[0] = mem_cstr(str_of(certificate));
	k->files[1] = mem_cstr(str_of(key));
	k->stamp = stamp_of(k->files);
	const char *why = "";
	struct tls_context *first = tls_server(certificate, key, false, &why);
	take(k, first, why);
	return k;
}

void
tls_keeper_start(struct tls_keeper *k)
{
	timer_start(&k->timer, k->loop, LOOK_MS, on_minute);
}

void
tls_keeper_reload(struct tls_keeper *k)
{
	look_start(k);
}

struct tls_context **
tls_keeper_now(struct tls_keeper *k)
{
	return &k->context;
}

const char *
tls_keeper_trouble(const struct tls_keeper *k)
{
	return k->trouble;
}

void
tls_keeper_free(struct tls_keeper *k)
{
	if (!k)
		return;
	timer_stop(&k->timer);
	if (k->look)
		k->look->keeper = NULL;
	tls_free(k->context);
	free(k->files[0]);
	free(k->files[1]);
	free(k);
}
