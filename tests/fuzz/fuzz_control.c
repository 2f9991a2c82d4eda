/*
 * JSON: requests to the control socket, before a queue that is only a shelf.
 * Each answer is whole JSON, and ends the request it belongs to: no more ends
 * than requests, and none behind the last line.
 */
#include "smtpd/control/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* It stands in for the rooms that are asked. */
#include "tests/fakes/shelf.c"

enum {
	ITEMS = 5,
	TURNS = 40
};

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct settings settings = { .hostname = { "mail.a.test", 11 } };
static char reports; /* stands for those who send them */
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_size = sizeof address;
static struct loop *the_loop;
static struct later stop;
static int turns;

static void
must(bool right)
{
	if (!right)
		abort();
}

static void
on_reload(struct control *control)
{
	(void)control;
}

static void
on_stop(struct later *later)
{
	(void)later;
	if (fake_shelf.looks > 0)
		fake_shelf_looked();
	if (--turns > 0)
		loop_later(the_loop, &stop, on_stop);
	else
		loop_stop(the_loop);
}

static void
run(void)
{
	turns = TURNS;
	loop_later(the_loop, &stop, on_stop);
	loop_run(the_loop);
}

static struct control *
open_control(void)
{
	struct control *control = control_new(&(struct control_parts){
	    .loop = the_loop,
	    .settings = &settings,
	    .reports = (struct reports *)(void *)&reports,
	    .reload = on_reload,
	});
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	address_size = sizeof address;
	must(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	must(listen(fd, 4) == 0);
	must(getsockname(fd, (struct sockaddr *)&address, &address_size) == 0);
	control_listen(control, fd);
	return control;
}

static size_t
count_lines(struct str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void
check(struct str answers, size_t requests)
{
	size_t ends = 0;
	while (answers.n > 0) {
		struct str line = str_cut(&answers, '\n');
		json_t *object = json_loadb(line.p, line.n, 0, NULL);
		must(json_is_object(object));
		ends += json_is_boolean(json_object_get(object, "ok"));
		json_decref(object);
	}
	must(ends <= requests);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf heard = { 0 };
	ssize_t got;
	if (n > 65536)
		return 0;
	if (!the_loop)
		the_loop = loop_new();
	fake_shelf_use(the_loop);
	fake_shelf.items = ITEMS;
	struct control *control = open_control();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(connect(fd, (struct sockaddr *)&address, address_size) == 0);
	must(send(fd, data, n, MSG_NOSIGNAL) == (ssize_t)n);
	run();
	while ((got = recv(fd, buf_reserve(&heard, 65536), 65536, 0)) > 0) {
		heard.n += (size_t)got;
		run();
	}
	check(buf_str(&heard),
	    count_lines((struct str){ (const char *)data, n }));
	control_free(control);
	fake_shelf_let_go();
	run();
	close(fd);
	buf_free(&heard);
	return 0;
}
