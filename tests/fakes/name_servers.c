#include "tests/fakes/name_servers.h"

#include "lib/base/cursor.h"
#include "lib/net/dns_message.h"

#include <stdlib.h>

enum {
	PORTS = 4,
	HEADER = 12,
	BEHIND_NAME = 4, /* type and class */
	SERVFAIL = 2,
	TTL = 300,
};

struct server {
	struct loop *loop;
	uint16_t port;
	struct server_question *held;
};

static struct {
	uint16_t port;
	enum fake_state state;
	unsigned asked;
} ports[PORTS];

static size_t
slot_of(uint16_t port)
{
	size_t i = 0;
	while (ports[i].port && ports[i].port != port)
		if (++i == PORTS)
			abort();
	ports[i].port = port;
	return i;
}

void
fake_server_set(uint16_t port, enum fake_state state)
{
	ports[slot_of(port)].state = state;
}

unsigned
fake_server_asked(uint16_t port)
{
	unsigned asked = ports[slot_of(port)].asked;
	ports[slot_of(port)].asked = 0;
	return asked;
}

struct server *
resolver_server_new(struct loop *loop, struct ip ip, uint16_t port)
{
	(void)ip;
	struct server *server = mem_alloc(sizeof *server);
	server->loop = loop;
	server->port = port;
	return server;
}

void
resolver_server_free(struct server *server)
{
	if (server->held)
		server->held->answered(server->held, (struct str){ 0 });
	free(server);
}

static void
put_record(struct buf *out, bool root, uint16_t port)
{
	put_u16(out, HEADER | 0xc000);
	put_u16(out, root ? DNS_NS : DNS_A);
	put_u16(out, 1);
	put_u32(out, TTL);
	put_u16(out, root ? 3 : 4);
	if (root) {
		buf_add(out, STR("\1n\0"));
	} else {
		put_u16(out, 0xc000);
		put_u16(out, port);
	}
}

static void
answer(const struct server *server, struct server_question *question,
    struct str query, bool failed)
{
	size_t end = HEADER;
	struct buf out = { 0 };
	while (query.p[end])
		end += (unsigned char)query.p[end] + 1U;
	buf_add(&out, str_sub(query, 0, 2));
	put_u16(&out, failed ? 0x8180 | SERVFAIL : 0x81a0);
	put_u16(&out, 1);
	put_u16(&out, !failed);
	put_u32(&out, 0);
	buf_add(&out, str_sub(query, HEADER, end + 1 + BEHIND_NAME - HEADER));
	if (!failed)
		put_record(&out, end == HEADER, server->port);
	question->answered(question, buf_str(&out));
	buf_free(&out);
}

bool
resolver_server_is_full(const struct server *server)
{
	(void)server;
	return false;
}

void
resolver_server_ask(
    struct server *server, struct server_question *question, struct str query)
{
	enum fake_state state = ports[slot_of(server->port)].state;
	ports[slot_of(server->port)].asked++;
	if (state == FAKE_HOLDS)
		server->held = question;
	else if (state == FAKE_SILENT)
		question->answered(question, (struct str){ 0 });
	else
		answer(server, question, query, state == FAKE_SERVFAIL);
}
