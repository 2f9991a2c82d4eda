#include "smtpd/names.h"

/* True: all of them are on loopback, and there is one. */
static bool
write_servers(const struct endpoint_list *list, struct buf *out)
{
	bool local = list->count > 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct endpoint *e = &list->endpoints[i];
		char text[IP_TEXT];
		ip_print(e->ip, text);
		buf_addf(out, e->ip.family == 6 ? "%s[%s]:%u" : "%s%s:%u",
		    i ? "," : "", text, (unsigned)e->port);
		local = local && ip_is_loopback(e->ip);
	}
	return local;
}

struct resolver *
names_open(struct loop *loop, const struct settings *s, bool bundled)
{
	struct buf servers = { 0 };
	bool local = write_servers(&s->resolver, &servers);
	bool trust = s->trust_ad == YES || (s->trust_ad == AUTO && local);
	if (s->dane == YES && !trust)
		log_note(LOG_WARN, "dns",
		    "the resolver's DNSSEC verdict isn't believed, so DANE is "
		    "off");
	struct resolver *resolver =
	    resolver_new(loop, buf_cstr(&servers), trust);
	buf_free(&servers);
	if (resolver && bundled)
		resolver_add_spare(resolver, "");
	return resolver;
}
