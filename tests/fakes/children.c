#include "tests/fakes/children.h"

#include <errno.h>
#include <signal.h>

struct fake_child fake_children[SERVICE_COUNT];
unsigned fake_statuses;

static pid_t last_pid = 1000000;

pid_t
child_start(enum service_name name)
{
	struct fake_child *c = &fake_children[name];
	c->started++;
	c->gone = false;
	c->signal = 0;
	c->pid = c->broken ? -1 : ++last_pid;
	return c->pid;
}

bool
child_wanted(enum service_name name)
{
	return !fake_children[name].unwanted;
}

void
child_gone(enum service_name name)
{
	fake_children[name].gone = true;
}

void
status_write(void)
{
	fake_statuses++;
}

int
kill(pid_t pid, int number)
{
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (fake_children[i].pid == pid && !fake_children[i].gone) {
			fake_children[i].signal = number;
			return 0;
		}
	errno = ESRCH;
	return -1;
}
