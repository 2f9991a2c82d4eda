#include "lib/net/resolver_pool.h"

#include "lib/base/file.h"

enum {
	PORT = 53,
	SYSTEM_SERVERS = 3, /* of /etc/resolv.conf, as in libc */
	CONF_MAX = 65536,
};

static bool
add_server(struct pool *pool, struct loop *loop, struct str text)
{
	struct ip ip;
	uint16_t port;
	if (pool->count == POOL_SERVERS ||
	    !ip_parse_endpoint(str_trim(text), PORT, &ip, &port))
		return false;
	pool->servers[pool->count++] = resolver_server_new(loop, ip, port);
	return true;
}

static void
add_system_servers(struct pool *pool, struct loop *loop)
{
	static const struct str word = { "nameserver", 10 };
	struct buf conf = { 0 };
	file_read("/etc/resolv.conf", CONF_MAX, &conf);
	struct str rest = buf_str(&conf);
	while (rest.n > 0 && pool->count < SYSTEM_SERVERS) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (str_starts(line, word))
			add_server(pool, loop, str_from(line, word.n));
	}
	buf_free(&conf);
	if (pool->count == 0)
		add_server(pool, loop, STR("127.0.0.1"));
}

bool
pool_fill(struct pool *pool, struct loop *loop, const char *servers)
{
	struct str rest = str_of(servers);
	bool good = true;
	if (str_empty(rest))
		add_system_servers(pool, loop);
	while (good && rest.n > 0)
		good = add_server(pool, loop, str_cut(&rest, ','));
	return good;
}

void
pool_empty(struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++)
		resolver_server_free(pool->servers[i]);
	pool->count = 0;
}
