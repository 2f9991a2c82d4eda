#include "smtpd/store/store.h"

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/net/thread.h"
#include "smtpd/store/environment.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

enum {
	BATCH_WRITES = 256,
	BATCH_BYTES = 1 << 20,
	OPENING_SPACE = 16 << 20, /* octets that recovery may take */
};

struct store {
	struct loop *loop;
	struct environment *environment; /* NULL: a soft one, lost */
	const char *name; /* of the thread */
	pthread_t thread;
	bool started;
	struct later later; /* posted when the first answer is there */

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t work;
	struct list waiting, finished;
	bool closing;
};

/* ---- opening ---- */

/* True when moving the environment away may help. */
static bool
is_damage(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case ENOMEM:
	case EACCES:
	case EPERM:
	case EROFS:
	case EMFILE:
	case ENFILE:
		return false;
	default:
		return true;
	}
}

/* For want of space libdb's recovery fails, and calls that damage. */
static bool
is_cramped(const char *folder)
{
	struct statvfs s;
	return statvfs(folder, &s) == 0 &&
	    s.f_bavail * s.f_frsize < OPENING_SPACE;
}

static bool
move_away(const char *folder, const char *bad_folder, const char *name)
{
	struct buf to = { 0 };
	buf_addf(
	    &to, "%s/%s.%lld", bad_folder, name, (long long)clock_wall_ms());
	bool moved = file_mkdirs(bad_folder, 0700) &&
	    rename(folder, buf_cstr(&to)) == 0 && file_mkdirs(folder, 0700);
	log_note(LOG_ERROR, "damaged", "the store %s moved to %s",
	    moved ? "was" : "can't be", buf_cstr(&to));
	buf_free(&to);
	return moved;
}

/* NULL with an error. */
static struct environment *
open_environment(const char *folder, const char *bad_folder, const char *name,
    const struct environment_kind *kind, int *error)
{
	struct environment *environment = NULL;
	if (!file_mkdirs(folder, 0700))
		*error = errno;
	else
		environment = environment_open(folder, kind, error);
	if (!environment && is_cramped(folder))
		*error = ENOSPC;
	if (!environment && is_damage(*error) &&
	    move_away(folder, bad_folder, name))
		environment = environment_open(folder, kind, error);
	return environment;
}

static struct store *
store_new(struct loop *loop, struct environment *environment, const char *name)
{
	struct store *store = mem_alloc(sizeof *store);
	store->loop = loop;
	store->environment = environment;
	store->name = name;
	list_init(&store->waiting);
	list_init(&store->finished);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->work, NULL);
	return store;
}

struct store *
store_open(struct loop *loop, const char *folder, const char *bad_folder,
    const char **why)
{
	int error = 0;
	struct environment *environment = open_environment(
	    folder, bad_folder, "store", &environment_queue, &error);
	if (environment)
		return store_new(loop, environment, "store");
	*why = environment_error(error);
	return NULL;
}

struct store *
store_open_soft(struct loop *loop, const char *folder, const char *bad_folder)
{
	int error = 0;
	struct environment *environment = open_environment(
	    folder, bad_folder, "soft", &environment_soft, &error);
	if (!environment)
		log_note(LOG_ERROR, "store", "%s can't be used: %s", folder,
		    environment_error(error));
	return store_new(loop, environment, "soft");
}

void
store_scan(struct store *store, struct store_reader *reader)
{
	if (store->environment)
		environment_walk(store->environment, reader);
}

/* ---- the committing thread ---- */

/* Moves what waits, up to the limits of one transaction. */
static void
take_batch(struct store *store, struct list *batch)
{
	size_t bytes = 0;
	for (unsigned count = 0; count < BATCH_WRITES && bytes < BATCH_BYTES;
	     count++) {
		struct list_node *node = list_pop(&store->waiting);
		if (!node)
			return;
		struct store_write *w =
		    container_of(node, struct store_write, node);
		bytes += w->key.n + w->value.n;
		list_push(batch, node);
	}
}

static void
on_finished(struct later *later)
{
	struct store *store = container_of(later, struct store, later);
	struct list_node *node;
	struct list done;
	list_init(&done);
	pthread_mutex_lock(&store->lock);
	list_take(&done, &store->finished);
	pthread_mutex_unlock(&store->lock);
	while ((node = list_pop(&done))) {
		struct store_write *w =
		    container_of(node, struct store_write, node);
		if (w->result == STORE_DONE) {
			buf_free(&w->key);
			buf_free(&w->value);
		}
		w->done(w);
	}
}

static void
finish_batch(struct store *store, struct list *batch, enum store_result result)
{
	if (list_empty(&store->finished))
		loop_post(store->loop, &store->later, on_finished);
	struct list_node *node;
	while ((node = list_pop(batch))) {
		container_of(node, struct store_write, node)->result = result;
		list_push(&store->finished, node);
	}
}

static enum store_result
apply_batch(struct store *store, struct list *batch)
{
	if (!store->environment)
		return STORE_LOST;
	enum store_result result = environment_apply(store->environment, batch);
	environment_checkpoint(store->environment, false);
	return result;
}

static void *
work(void *context)
{
	struct store *store = context;
	struct list batch;
	list_init(&batch);
	pthread_setname_np(pthread_self(), store->name);
	pthread_mutex_lock(&store->lock);
	for (;;) {
		while (list_empty(&store->waiting) && !store->closing)
			pthread_cond_wait(&store->work, &store->lock);
		take_batch(store, &batch);
		if (list_empty(&batch))
			break;
		pthread_mutex_unlock(&store->lock);
		enum store_result result = apply_batch(store, &batch);
		pthread_mutex_lock(&store->lock);
		finish_batch(store, &batch, result);
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

void
store_start(struct store *store)
{
	if (thread_start(&store->thread, work, store))
		abort();
	store->started = true;
}

void
store_write(struct store *store, struct store_write *w,
    void (*done)(struct store_write *))
{
	w->done = done;
	pthread_mutex_lock(&store->lock);
	list_push(&store->waiting, &w->node);
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
}

void
store_close(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->closing = true;
	pthread_cond_signal(&store->work);
	pthread_mutex_unlock(&store->lock);
	if (store->started)
		pthread_join(store->thread, NULL);
	loop_unpost(store->loop, &store->later);
	if (store->environment) {
		environment_checkpoint(store->environment, true);
		environment_close(store->environment);
	}
	pthread_cond_destroy(&store->work);
	pthread_mutex_destroy(&store->lock);
	free(store);
}
