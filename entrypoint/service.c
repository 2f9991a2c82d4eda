/*
 * service.c - each child as a small machine: states down, events across.
 */
#include "entrypoint/entrypoint.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <signal.h>
#include <sys/wait.h>

enum {
	FIRST_WAIT_MS = 1000, /* then 2, 4 ... s */
	LONGEST_WAIT_MS = 60000,
	STEADY_MS = 60000, /* up this long: the next wait is short again */
	END_MS = STOP_MS, /* to end in before a restart */
};

enum state {
	OFF, /* not wanted, or stopped for good */
	UP,
	WAITING, /* until its back-off is over: next_ms */
	RESTARTING, /* told to end until next_ms, to be started at once */
	STOPPING,
	STATES,
};

enum event {
	START,
	EXITED,
	TIME,
	RESTART,
	STOP,
	EVENTS
};

struct service {
	const char *name;
	enum state state;
	pid_t pid;
	int64_t since_ms, next_ms;
	int64_t wait_ms; /* the next back-off */
	unsigned restarts;
};

static struct service services[SERVICE_COUNT] = {
	[SERVICE_UNBOUND] = { .name = "unbound" },
	[SERVICE_SIGNER] = { .name = "signer" },
	[SERVICE_WEB] = { .name = "web" },
	[SERVICE_SMTPD] = { .name = "smtpd" },
	[SERVICE_DOVECOT] = { .name = "dovecot" },
};

static const char *const state_names[STATES] = {
	[OFF] = "off",
	[UP] = "up",
	[WAITING] = "waiting",
	[RESTARTING] = "restarting",
	[STOPPING] = "stopping",
};

static enum service_name
name_of(const struct service *s)
{
	return (enum service_name)(s - services);
}

/* ---- what is done; each returns the new state ---- */

static enum state
wait_a_little(struct service *s)
{
	if (clock_mono_ms() - s->since_ms >= STEADY_MS || !s->wait_ms)
		s->wait_ms = FIRST_WAIT_MS;
	s->next_ms = clock_mono_ms() + s->wait_ms;
	s->wait_ms *= 2;
	if (s->wait_ms > LONGEST_WAIT_MS)
		s->wait_ms = LONGEST_WAIT_MS;
	return WAITING;
}

static enum state
run(struct service *s)
{
	s->since_ms = clock_mono_ms();
	s->pid = child_start(name_of(s));
	if (s->pid < 0) {
		s->pid = 0;
		return wait_a_little(s);
	}
	return UP;
}

static enum state
run_again(struct service *s)
{
	s->restarts++;
	return run(s);
}

static enum state
end_and_run(struct service *s)
{
	kill(s->pid, SIGTERM);
	s->next_ms = clock_mono_ms() + END_MS;
	return RESTARTING;
}

static enum state
end_at_last(struct service *s)
{
	kill(s->pid, SIGKILL);
	s->next_ms = INT64_MAX;
	return RESTARTING;
}

static enum state
end(struct service *s)
{
	kill(s->pid, SIGTERM);
	return STOPPING;
}

static enum state
off(struct service *s)
{
	(void)s;
	return OFF;
}

static enum state
same(struct service *s)
{
	return s->state;
}

static enum state
stopping(struct service *s)
{
	(void)s;
	return STOPPING;
}

typedef enum state action(struct service *);

static action *const actions[STATES][EVENTS] = {
	[OFF] = {
	    [START] = run,
	    [EXITED] = same,
	    [TIME] = same,
	    [RESTART] = same,
	    [STOP] = same,
	},
	[UP] = {
	    [START] = same,
	    [EXITED] = wait_a_little,
	    [TIME] = same,
	    [RESTART] = end_and_run,
	    [STOP] = end,
	},
	[WAITING] = {
	    [START] = run_again,
	    [EXITED] = same,
	    [TIME] = run_again,
	    [RESTART] = run_again,
	    [STOP] = off,
	},
	[RESTARTING] = {
	    [START] = same,
	    [EXITED] = run,
	    [TIME] = end_at_last,
	    [RESTART] = same,
	    [STOP] = stopping,
	},
	[STOPPING] = {
	    [START] = same,
	    [EXITED] = off,
	    [TIME] = same,
	    [RESTART] = same,
	    [STOP] = same,
	},
};

static void
happen(struct service *s, enum event event)
{
	const struct service before = *s;
	s->state = actions[s->state][event](s);
	if (s->state != before.state || s->restarts != before.restarts)
		status_write();
}

/* ---- what the outside sees ---- */

void
services_start(void)
{
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (child_wanted((enum service_name)i))
			happen(&services[i], START);
}

void
service_restart(enum service_name name)
{
	happen(&services[name], RESTART);
}

void
service_signal(enum service_name name, int number)
{
	if (services[name].state == UP)
		kill(services[name].pid, number);
}

static void
tell_end(const struct service *s, int status)
{
	bool wanted = s->state == RESTARTING || s->state == STOPPING;
	struct log_line l = log_begin(wanted ? LOG_INFO : LOG_ERROR, "stop");
	log_c(&l, "service", s->name);
	if (WIFSIGNALED(status))
		log_d(&l, "signal", WTERMSIG(status));
	else
		log_d(&l, "status", WEXITSTATUS(status));
	log_end(&l);
}

void
services_reaped(pid_t pid, int status)
{
	for (int i = 0; i < SERVICE_COUNT; i++) {
		struct service *s = &services[i];
		if (!s->pid || s->pid != pid)
			continue;
		tell_end(s, status);
		s->pid = 0;
		child_gone(name_of(s));
		happen(s, EXITED);
	}
}

static bool
is_timed(const struct service *s)
{
	return s->state == WAITING || s->state == RESTARTING;
}

void
services_tick(int64_t now_ms)
{
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (is_timed(&services[i]) && services[i].next_ms <= now_ms)
			happen(&services[i], TIME);
}

int64_t
services_next_ms(void)
{
	int64_t next = INT64_MAX;
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (is_timed(&services[i]) && services[i].next_ms < next)
			next = services[i].next_ms;
	return next;
}

/* smtpd first: it has promises to write down, and still asks the others. */
void
services_stop(void)
{
	struct service *first = &services[SERVICE_SMTPD];
	if (first->state != OFF && first->state != STOPPING) {
		happen(first, STOP);
		happen(&services[SERVICE_DOVECOT], STOP);
	}
	if (first->state == OFF)
		for (int i = 0; i < SERVICE_COUNT; i++)
			happen(&services[i], STOP);
}

void
services_kill(void)
{
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (services[i].pid)
			kill(services[i].pid, SIGKILL);
}

bool
services_stopped(void)
{
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (services[i].state != OFF)
			return false;
	return true;
}

void
services_status(struct buf *out)
{
	for (int i = 0; i < SERVICE_COUNT; i++) {
		const struct service *s = &services[i];
		if (s->state == OFF && !child_wanted(name_of(s)))
			continue;
		buf_addf(out, "service\t%s\t%s\t%u\n", s->name,
		    state_names[s->state], s->restarts);
	}
}
