/*
 * login_sasl.c - libsasl2 with our users: no files, no plain text kept.
 *
 * Its plug-ins ask for the property *authPassword; our auxprop plug-in sets
 * it from the snapshot, and our check of plain passwords reads it again, so
 * that another plug-in (sql, ldapdb) could take its place.
 */
#include "smtpd/local/login_private.h"
#include "smtpd/local/login_verifier.h"

#include <sasl/saslplug.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char property[] = "*authPassword";
static const char prefix[] = "SCRAM-SHA-256$";

/* The library knows callbacks of one type alone. */
#define CALLBACK(f) ((int (*)(void))(void (*)(void))(f))

/* ---- locks ---- */

static void *
lock_new(void)
{
	pthread_mutex_t *lock = mem_alloc(sizeof *lock);
	pthread_mutex_init(lock, NULL);
	return lock;
}

static int
lock_take(void *lock)
{
	return pthread_mutex_lock(lock) == 0 ? SASL_OK : SASL_FAIL;
}

static int
lock_give(void *lock)
{
	return pthread_mutex_unlock(lock) == 0 ? SASL_OK : SASL_FAIL;
}

static void
lock_free(void *lock)
{
	pthread_mutex_destroy(lock);
	free(lock);
}

/* ---- callbacks of the process ---- */

static int
on_getopt(void *context, const char *plugin, const char *option,
    const char **result, unsigned *length)
{
	static const struct {
		const char *name, *value;
	} options[] = {
		{ "auxprop_plugin", "postern" },
		{ "mech_list", "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" },
		/* What our own check refuses, nobody else is asked about. */
		{ "pwcheck_method", "none" },
		{ "auto_transition", "no" },
	};
	(void)context, (void)plugin;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		if (strcmp(option, options[i].name) != 0)
			continue;
		*result = options[i].value;
		if (length)
			*length = (unsigned)strlen(*result);
		return SASL_OK;
	}
	return SASL_FAIL;
}

/* Whoever decides logs: not the library. */
static int
on_log(void *context, int level, const char *message)
{
	(void)context, (void)level, (void)message;
	return SASL_OK;
}

/* Of the plug-ins only ours; of configuration files none. */
static int
on_verify_file(void *context, const char *file, sasl_verify_type_t type)
{
	static const char *const plugins[] = { "/libscram.", "/libplain.",
		"/liblogin." };
	(void)context;
	for (int i = 0; type == SASL_VRFY_PLUGIN && i < 3; i++)
		if (strstr(file, plugins[i]))
			return SASL_OK;
	return SASL_CONTINUE;
}

static const sasl_callback_t process_callbacks[] = {
	{ SASL_CB_GETOPT, CALLBACK(on_getopt), NULL },
	{ SASL_CB_LOG, CALLBACK(on_log), NULL },
	{ SASL_CB_VERIFYFILE, CALLBACK(on_verify_file), NULL },
	{ SASL_CB_LIST_END, NULL, NULL },
};

/* ---- the property ---- */

static bool
wants(const struct propval *value, unsigned flags)
{
	bool set = value->values && value->values[0];
	return strcmp(value->name, property) == 0 &&
	    (!set || flags & SASL_AUXPROP_OVERRIDE);
}

static void
set_property(
    struct logins *logins, sasl_server_params_t *params, struct str account)
{
	char verifier[LOGIN_VERIFIER];
	char text[sizeof prefix + LOGIN_VERIFIER];
	snapshot_verifier(&logins->snapshot, account, verifier);
	struct str keys = str_of(verifier);
	struct str iterations = str_cut(&keys, ',');
	struct str salt = str_cut(&keys, ',');
	struct str stored_key = str_cut(&keys, ',');
	snprintf(text, sizeof text, "%s%.*s:%.*s$%.*s:%.*s", prefix,
	    STR_ARG(iterations), STR_ARG(salt), STR_ARG(stored_key),
	    STR_ARG(keys));
	params->utils->prop_erase(params->propctx, property);
	params->utils->prop_set(params->propctx, property, text, -1);
}

/* Properties with a star belong to whoever logs in, not to whom it acts for. */
static int
on_lookup(void *context, sasl_server_params_t *params, unsigned flags,
    const char *user, unsigned length)
{
	const struct propval *value = params->utils->prop_get(params->propctx);
	if (flags & SASL_AUXPROP_AUTHZID)
		return SASL_OK;
	for (; value && value->name; value++)
		if (wants(value, flags))
			set_property(
			    context, params, (struct str){ user, length });
	return SASL_OK;
}

static sasl_auxprop_plug_t auxprop;

static int
on_auxprop_init(const sasl_utils_t *utils, int most, int *version,
    sasl_auxprop_plug_t **plug, const char *name)
{
	(void)utils, (void)name;
	if (most < SASL_AUXPROP_PLUG_VERSION)
		return SASL_BADVERS;
	*version = SASL_AUXPROP_PLUG_VERSION;
	*plug = &auxprop;
	return SASL_OK;
}

/* ---- callbacks of an exchange ---- */

/* In lower case, with the first domain when there is none. */
static int
on_canonical(sasl_conn_t *sasl, void *context, const char *in, unsigned length,
    unsigned flags, const char *realm, char *out, unsigned most, unsigned *n)
{
	struct login_work *work = context;
	struct buf name = buf_of((struct str){ in, length });
	(void)sasl, (void)realm;
	if (!str_has(buf_str(&name), '@'))
		buf_addf(&name, "@%s", buf_cstr(&work->realm));
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			name.p[i] = (char)(name.p[i] - 'A' + 'a');
	bool fits = name.n < most;
	if (fits) {
		memcpy(out, name.p, name.n);
		out[name.n] = '\0';
		*n = (unsigned)name.n;
	}
	if (fits && flags & SASL_CU_AUTHID) {
		buf_free(&work->account);
		work->account = buf_take(&name);
	}
	buf_free(&name);
	return fits ? SASL_OK : SASL_BUFOVER;
}

/* Nobody acts for somebody else. */
static int
on_authorize(sasl_conn_t *sasl, void *context, const char *wanted,
    unsigned wanted_length, const char *known, unsigned known_length,
    const char *realm, unsigned realm_length, struct propctx *properties)
{
	(void)sasl, (void)context, (void)realm, (void)realm_length;
	(void)properties;
	return str_eq((struct str){ wanted, wanted_length },
		   (struct str){ known, known_length })
	    ? SASL_OK
	    : SASL_NOAUTHZ;
}

static int
on_check(sasl_conn_t *sasl, void *context, const char *user,
    const char *password, unsigned length, struct propctx *properties)
{
	const char *names[] = { property, NULL };
	struct propval values[2] = { { 0 } };
	struct verifier verifier;
	(void)sasl, (void)context, (void)user;
	if (prop_getnames(properties, names, values) < 1 || !values[0].values ||
	    !values[0].values[0])
		return SASL_NOUSER;
	struct str text = str_of(values[0].values[0]);
	if (!str_starts(text, str_of(prefix)) ||
	    !verifier_parse(
		str_from(text, sizeof prefix - 1), ":$:", &verifier))
		return SASL_NOVERIFY;
	return verifier_matches(&verifier, (struct str){ password, length })
	    ? SASL_OK
	    : SASL_BADAUTH;
}

/* ---- an exchange ---- */

static int
set_properties(struct login_work *work)
{
	static const sasl_security_properties_t security = {
		.security_flags = SASL_SEC_NOANONYMOUS,
	};
	static const sasl_ssf_t tls = 256;
	const char *names[] = { property, NULL };
	int code = sasl_auxprop_request(work->sasl, names);
	if (code == SASL_OK)
		code = sasl_setprop(work->sasl, SASL_SEC_PROPS, &security);
	if (code == SASL_OK)
		code = sasl_setprop(work->sasl, SASL_SSF_EXTERNAL, &tls);
	if (code == SASL_OK && work->binding_type.n > 0)
		code = sasl_setprop(
		    work->sasl, SASL_CHANNEL_BINDING, &work->binding);
	return code;
}

static int
open_exchange(struct login_work *work)
{
	work->callbacks[0] = (sasl_callback_t){ SASL_CB_CANON_USER,
		CALLBACK(on_canonical), work };
	work->callbacks[1] = (sasl_callback_t){ SASL_CB_PROXY_POLICY,
		CALLBACK(on_authorize), NULL };
	work->callbacks[2] = (sasl_callback_t){ SASL_CB_SERVER_USERDB_CHECKPASS,
		CALLBACK(on_check), NULL };
	work->callbacks[3] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
	work->binding = (sasl_channel_binding_t){
		.name = buf_cstr(&work->binding_type),
		.len = work->binding_data.n,
		.data = (const unsigned char *)buf_cstr(&work->binding_data),
	};
	int code = sasl_server_new("smtp", work->logins->hostname,
	    buf_cstr(&work->realm), NULL, NULL, work->callbacks, 0,
	    &work->sasl);
	return code == SASL_OK ? set_properties(work) : code;
}

/* When all is done the library may still hold its last output: that isn't a
   challenge. */
static enum login_result
judge(struct login_work *work, int code, const char *out, unsigned length)
{
	if (code == SASL_CONTINUE) {
		buf_clear(&work->challenge);
		buf_add(&work->challenge, (struct str){ out, length });
		return LOGIN_CONTINUE;
	}
	return code == SASL_OK ? LOGIN_DONE : LOGIN_REFUSED;
}

void
login_sasl_step(struct login_work *work)
{
	const char *in = work->has_input ? buf_cstr(&work->input) : NULL;
	unsigned n = (unsigned)work->input.n;
	const char *out = NULL;
	unsigned length = 0;
	int code = SASL_OK;
	if (work->sasl) {
		code = sasl_server_step(work->sasl, in, n, &out, &length);
	} else {
		code = open_exchange(work);
		if (code == SASL_OK)
			code = sasl_server_start(work->sasl,
			    buf_cstr(&work->mechanism), in, n, &out, &length);
	}
	work->result = judge(work, code, out, length);
}

/* ---- the process ---- */

/* All four, for a connection with a binding. */
static bool
has_mechanisms(struct logins *logins)
{
	static const char *const needed[] = { " SCRAM-SHA-256-PLUS ",
		" SCRAM-SHA-256 ", " PLAIN ", " LOGIN " };
	struct login_work work = { .logins = logins };
	const char *list = "";
	buf_adds(&work.binding_type, "tls-exporter");
	bool good = open_exchange(&work) == SASL_OK &&
	    sasl_listmech(work.sasl, NULL, " ", " ", " ", &list, NULL, NULL) ==
		SASL_OK;
	for (int i = 0; good && i < 4; i++)
		good = strstr(list, needed[i]);
	sasl_dispose(&work.sasl);
	buf_free(&work.binding_type);
	buf_free(&work.binding_data);
	buf_free(&work.realm);
	return good;
}

bool
login_sasl_open(struct logins *logins, const char **why)
{
	static char name[] = "postern";
	auxprop = (sasl_auxprop_plug_t){
		.glob_context = logins,
		.auxprop_lookup = on_lookup,
		.name = name,
	};
	sasl_set_mutex(lock_new, lock_take, lock_give, lock_free);
	*why = "libsasl2 can't be started";
	if (sasl_server_init(process_callbacks, "postern") != SASL_OK)
		return false;
	*why = "SCRAM-SHA-256, PLAIN or LOGIN is missing (libsasl2-modules)";
	if (sasl_auxprop_add_plugin("postern", on_auxprop_init) == SASL_OK &&
	    has_mechanisms(logins))
		return true;
	sasl_server_done();
	return false;
}

void
login_sasl_close(void)
{
	sasl_server_done();
}
