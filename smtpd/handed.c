#include "smtpd/handed.h"

#include <string.h>

struct handed {
	char name[HANDOVER_NAME];
	int fd;
};

enum {
	HANDED_MAX = 128
};

static struct handed handed[HANDED_MAX];
static size_t handed_count;

bool
handed_receive(void)
{
	for (;;) {
		struct handed *h = &handed[handed_count];
		if (handover_receive(HANDOVER_FD, h->name, &h->fd) != 1)
			return false;
		if (strcmp(h->name, "go") == 0)
			return true;
		if (++handed_count == HANDED_MAX)
			return false;
	}
}

static struct handed *
find(const char *name)
{
	for (size_t i = 0; i < handed_count; i++)
		if (strcmp(handed[i].name, name) == 0)
			return &handed[i];
	return NULL;
}

bool
handed_has(const char *name)
{
	return find(name) != NULL;
}

int
handed_take(const char *name)
{
	struct handed *h = find(name);
	int fd = h ? h->fd : -1;
	if (h)
		h->fd = -1;
	return fd;
}

bool
handed_next(size_t *at, const char **name, int *fd)
{
	if (*at == handed_count)
		return false;
	*name = handed[*at].name;
	*fd = handed[(*at)++].fd;
	return true;
}
