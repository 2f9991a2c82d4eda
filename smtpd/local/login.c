#include "smtpd/local/login.h"

#include "smtpd/local/directory_private.h"
#include "smtpd/local/login_private.h"

#include <openssl/crypto.h>
#include <stdlib.h>

const char *const login_mechanisms[] = { "SCRAM-SHA-256", "PLAIN", "LOGIN",
	NULL };

/* ---- the process ---- */

static void
on_changed(struct directory_listener *listener, const struct directory *d)
{
	struct logins *logins = container_of(listener, struct logins, listener);
	snapshot_take(&logins->snapshot, d);
}

struct logins *
logins_new(struct directory_keeper *keeper, const char *hostname,
    const struct secret *secret, const char **why)
{
	struct logins *logins = mem_alloc(sizeof *logins);
	logins->keeper = keeper;
	logins->hostname = hostname;
	snapshot_open(&logins->snapshot, secret);
	if (!login_sasl_open(logins, why)) {
		snapshot_close(&logins->snapshot);
		free(logins);
		return NULL;
	}
	snapshot_take(&logins->snapshot, directory_now(keeper));
	directory_listen(keeper, &logins->listener, on_changed);
	return logins;
}

void
logins_lane(struct logins *logins, struct lane *cpu)
{
	logins->cpu = cpu;
}

void
logins_free(struct logins *logins)
{
	if (!logins)
		return;
	list_remove(&logins->listener.node);
	login_sasl_close();
	snapshot_close(&logins->snapshot);
	free(logins);
}

/* ---- an exchange ---- */

static void
wipe(struct buf *secret)
{
	if (secret->cap > 0)
		OPENSSL_cleanse(secret->p, secret->cap);
	buf_free(secret);
}

static void
work_free(struct login_work *work)
{
	later_cancel(&work->busy);
	sasl_dispose(&work->sasl);
	wipe(&work->input);
	buf_free(&work->mechanism);
	buf_free(&work->realm);
	buf_free(&work->binding_type);
	buf_free(&work->binding_data);
	buf_free(&work->account);
	buf_free(&work->challenge);
	free(work);
}

/* The work stays for the next step as long as there is one. */
static void
answer(struct login_work *work)
{
	struct login *login = work->login;
	buf_free(&login->challenge);
	login->challenge = buf_take(&work->challenge);
	login->result = work->result;
	if (work->result != LOGIN_CONTINUE) {
		buf_free(&login->account);
		login->account = buf_take(&work->account);
		login->work = NULL;
		work_free(work);
	}
	login->done(login);
}

static void
on_stepped(struct job *job)
{
	struct login_work *work = container_of(job, struct login_work, job);
	wipe(&work->input);
	if (work->login)
		answer(work);
	else
		work_free(work);
}

static void
run_step(struct job *job)
{
	login_sasl_step(container_of(job, struct login_work, job));
}

static void
on_busy(struct later *later)
{
	struct login_work *work = container_of(later, struct login_work, busy);
	work->result = LOGIN_BUSY;
	answer(work);
}

static void
step(struct login_work *work)
{
	struct logins *logins = work->logins;
	bool usable = !directory_now(logins->keeper)->broken;
	if (!usable || !logins->cpu ||
	    !job_start(logins->cpu, &work->job, run_step, on_stepped))
		loop_later(
		    directory_loop(logins->keeper), &work->busy, on_busy);
}

void
login_start(struct logins *logins, struct login *login, const char *mechanism,
    struct str initial, const char *binding_type, struct str binding,
    void (*done)(struct login *))
{
	struct login_work *work = mem_alloc(sizeof *work);
	work->logins = logins;
	work->login = login;
	work->mechanism = buf_of(str_of(mechanism));
	work->input = buf_of(initial);
	work->has_input = initial.p;
	work->realm =
	    buf_of(directory_domain(directory_now(logins->keeper), 0));
	work->binding_type = buf_of(str_of(binding_type));
	work->binding_data = buf_of(binding);
	login->work = work;
	login->done = done;
	step(work);
}

void
login_step(
    struct login *login, struct str response, void (*done)(struct login *))
{
	login->work->input = buf_of(response);
	login->work->has_input = true;
	login->done = done;
	step(login->work);
}

void
login_cancel(struct login *login)
{
	struct login_work *work = login->work;
	if (work && job_cancel(&work->job))
		work_free(work);
	else if (work)
		work->login = NULL;
	buf_free(&login->challenge);
	buf_free(&login->account);
	login->work = NULL;
}
