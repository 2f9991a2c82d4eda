#include "smtpd/store/environment.h"

#include "lib/base/arena.h"
#include "lib/base/log.h"

#include <db.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	CHECKPOINT_KB = 8192, /* of log between two checkpoints */
	CHECKPOINT_MINUTES = 1,
	MESSAGES = 50, /* of libdb that are logged */
};

const struct environment_kind environment_queue = {
	.cache = 3 << 20,
	.log_buffer = 1 << 20,
	.log_file = 16 << 20,
};

const struct environment_kind environment_soft = {
	.cache = 1 << 20,
	.log_buffer = 256 << 10,
	.log_file = 4 << 20,
	.soft = true,
};

struct environment {
	const struct environment_kind *kind;
	bool lost;
	DB_ENV *env;
	DB *db;
};

/* A damaged file makes libdb say the same hundreds of times. */
static void
on_message(const DB_ENV *env, const char *prefix, const char *text)
{
	static atomic_uint said; /* by two threads */
	(void)env, (void)prefix;
	if (said++ < MESSAGES)
		log_note(LOG_WARN, "store", "%s", text);
}

/* After a failed sync nobody knows what the disk holds: recovery, which is the
   next start, finds out. */
static void
fail(struct environment *environment, const char *what, int error)
{
	log_note(LOG_ERROR, "store", "%s%s: %s",
	    environment->kind->soft ? "soft: " : "", what, db_strerror(error));
	if (!environment->kind->soft)
		_exit(EX_IOERR);
	environment->lost = true;
}

const char *
environment_error(int error)
{
	return db_strerror(error);
}

static struct str
str_of_dbt(const DBT *dbt)
{
	return (struct str){ dbt->data, dbt->size };
}

static DBT
dbt_of(const struct buf *buf)
{
	return (DBT){ .data = buf->p, .size = (u_int32_t)buf->n };
}

/* ---- opening ---- */

static int
open_env(DB_ENV **out, const char *folder, const struct environment_kind *kind)
{
	DB_ENV *env;
	int e = db_env_create(&env, 0);
	if (e)
		return e;
	*out = env;
	env->set_errcall(env, on_message);
	env->set_lg_bsize(env, kind->log_buffer);
	env->set_lg_max(env, kind->log_file);
	env->set_cachesize(env, 0, kind->cache, 1);
	e = env->open(env, folder,
	    DB_CREATE | DB_INIT_MPOOL | DB_INIT_LOG | DB_INIT_TXN | DB_PRIVATE |
		DB_RECOVER,
	    0600);
	if (e == 0)
		e = env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1);
	/* A row that survived a kill is durable from here on. */
	return e ? e : env->txn_checkpoint(env, 0, 0, DB_FORCE);
}

static int
open_tree(DB **out, DB_ENV *env)
{
	DB *db;
	int e = db_create(&db, env, 0);
	if (e)
		return e;
	*out = db;
	e = db->set_flags(db, DB_CHKSUM);
	return e ? e
		 : db->open(db, NULL, "rows.db", NULL, DB_BTREE,
		       DB_CREATE | DB_AUTO_COMMIT, 0600);
}

/* Each pair to the reader, when there is one; the error that ended it. */
static int
walk(struct environment *environment, struct store_reader *reader)
{
	DBC *cursor;
	DBT key = { 0 }, value = { 0 };
	int e = environment->db->cursor(environment->db, NULL, &cursor, 0);
	if (e)
		return e;
	while ((e = cursor->get(cursor, &key, &value, DB_NEXT)) == 0)
		if (reader)
			reader->pair(
			    reader, str_of_dbt(&key), str_of_dbt(&value));
	cursor->close(cursor);
	return e == DB_NOTFOUND ? 0 : e;
}

struct environment *
environment_open(
    const char *folder, const struct environment_kind *kind, int *error)
{
	struct environment *environment = mem_alloc(sizeof *environment);
	environment->kind = kind;
	int e = open_env(&environment->env, folder, kind);
	if (e == 0)
		e = open_tree(&environment->db, environment->env);
	if (e == 0)
		e = walk(environment, NULL);
	if (e == 0)
		return environment;
	*error = e;
	environment_close(environment);
	return NULL;
}

void
environment_close(struct environment *environment)
{
	if (environment->db)
		environment->db->close(environment->db, 0);
	if (environment->env)
		environment->env->close(environment->env, 0);
	free(environment);
}

void
environment_walk(struct environment *environment, struct store_reader *reader)
{
	int e = walk(environment, reader);
	if (e)
		fail(environment, "reading", e);
}

/* ---- writing ---- */

static int
apply_one(DB *db, DB_TXN *txn, const struct store_write *write)
{
	DBT key = dbt_of(&write->key), value = dbt_of(&write->value);
	if (value.size)
		return db->put(db, txn, &key, &value, 0);
	int e = db->del(db, txn, &key, 0);
	return e == DB_NOTFOUND ? 0 : e;
}

static int
apply_all(DB *db, DB_TXN *txn, struct list *writes)
{
	int e = 0;
	for (struct list_node *n = list_first(writes); n && e == 0;
	     n = list_next(writes, n))
		e = apply_one(
		    db, txn, container_of(n, struct store_write, node));
	return e;
}

/* The commit doesn't sync, so that the pages are free before the disk is
   touched; the flush that follows does. */
static int
commit(struct environment *environment, struct list *writes)
{
	DB_ENV *env = environment->env;
	DB_TXN *txn;
	int e = env->txn_begin(env, NULL, &txn, 0);
	if (e)
		return e;
	e = apply_all(environment->db, txn, writes);
	if (e)
		txn->abort(txn);
	else
		e = txn->commit(txn, DB_TXN_NOSYNC);
	return e ? e : env->log_flush(env, NULL);
}

enum store_result
environment_apply(struct environment *environment, struct list *writes)
{
	if (environment->lost)
		return STORE_LOST;
	int e = commit(environment, writes);
	if (e == ENOSPC || e == EDQUOT)
		return STORE_FULL;
	if (e)
		fail(environment, "committing", e);
	return e ? STORE_LOST : STORE_DONE;
}

void
environment_checkpoint(struct environment *environment, bool now)
{
	DB_ENV *env = environment->env;
	if (environment->lost)
		return;
	int e = env->txn_checkpoint(
	    env, CHECKPOINT_KB, CHECKPOINT_MINUTES, now ? DB_FORCE : 0);
	if (e && e != ENOSPC && e != EDQUOT)
		fail(environment, "checkpoint", e);
}
