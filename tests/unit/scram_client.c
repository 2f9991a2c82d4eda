#include "tests/unit/scram_client.h"

#include "lib/base/arena.h"

#include <stdlib.h>
#include <string.h>

#define CALLBACK(f) ((int (*)(void))(void (*)(void))(f))

static void
check(bool good)
{
	if (!good)
		abort();
}

static int
on_name(void *context, int id, const char **result, unsigned *length)
{
	struct scram_client *client = context;
	(void)id;
	*result = client->user;
	if (length)
		*length = (unsigned)strlen(client->user);
	return SASL_OK;
}

static int
on_password(sasl_conn_t *sasl, void *context, int id, sasl_secret_t **secret)
{
	struct scram_client *client = context;
	(void)sasl, (void)id;
	*secret = client->password;
	return SASL_OK;
}

static void
set_callbacks(struct scram_client *c)
{
	c->callbacks[0] =
	    (sasl_callback_t){ SASL_CB_AUTHNAME, CALLBACK(on_name), c };
	c->callbacks[1] =
	    (sasl_callback_t){ SASL_CB_USER, CALLBACK(on_name), c };
	c->callbacks[2] =
	    (sasl_callback_t){ SASL_CB_PASS, CALLBACK(on_password), c };
	c->callbacks[3] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
}

static void
set_binding(struct scram_client *c, struct str binding)
{
	c->binding = (sasl_channel_binding_t){
		.name = "tls-exporter",
		.critical = 1,
		.len = binding.n,
		.data = (const unsigned char *)binding.p,
	};
	check(sasl_setprop(c->sasl, SASL_CHANNEL_BINDING, &c->binding) ==
	    SASL_OK);
}

void
scram_client_open(struct scram_client *c, const char *user,
    const char *password, struct str binding)
{
	size_t n = strlen(password);
	*c = (struct scram_client){ .user = user };
	c->password = mem_alloc(sizeof *c->password + n);
	c->password->len = n;
	memcpy(c->password->data, password, n);
	set_callbacks(c);
	check(sasl_client_init(NULL) == SASL_OK);
	check(sasl_client_new("smtp", "mail.example.test", NULL, NULL,
		  c->callbacks, 0, &c->sasl) == SASL_OK);
	if (binding.n > 0)
		set_binding(c, binding);
}

void
scram_client_close(struct scram_client *c)
{
	sasl_dispose(&c->sasl);
	sasl_client_done();
	free(c->password);
}

struct str
scram_client_start(struct scram_client *c, const char *mechanism)
{
	const char *out = "", *name;
	unsigned n = 0;
	check(sasl_client_start(c->sasl, mechanism, NULL, &out, &n, &name) ==
	    SASL_CONTINUE);
	return (struct str){ out, n };
}

struct str
scram_client_step(struct scram_client *c, struct str challenge)
{
	const char *out = NULL;
	unsigned n = 0;
	char *in = mem_cstr(challenge);
	int code = sasl_client_step(
	    c->sasl, in, (unsigned)challenge.n, NULL, &out, &n);
	check(code == SASL_OK || code == SASL_CONTINUE);
	free(in);
	return (struct str){ out ? out : "", n };
}
