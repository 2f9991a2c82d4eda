#include "web/transfer.h"

#include "lib/base/arena.h"
#include "lib/base/version.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONNECT_MS = 30000, /* all addresses together */
	HEADER_MAX = 65536, /* octets; libcurl keeps them all */
	CA_LIFE_S = 3600, /* then the authorities are read anew */
};

/* ---- what libcurl asks us; its contexts have no type ---- */

/* The last gate: whatever libcurl believes the host's address to be. */
static bool
is_allowed(const struct transfer *t, struct ip ip)
{
	if (ip_is_special(ip) && !t->rules->private_allowed)
		return false;
	for (unsigned i = 0; i < t->question.count; i++)
		if (ip_eq(ip, t->question.ips[i]))
			return true;
	return false;
}

static curl_socket_t
on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)purpose;
	uint16_t port;
	struct ip ip = ip_from_sockaddr(&address->addr, &port);
	if (!is_allowed(context, ip))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

/* A look-up of its own would be a thread that asks who knows whom. */
static int
on_resolver(void *resolver, void *reserved, void *context)
{
	(void)resolver, (void)reserved, (void)context;
	return 1;
}

/* Taking less than there is ends the transfer. */
static size_t
on_header(char *p, size_t size, size_t count, void *context)
{
	(void)p;
	struct transfer *t = context;
	t->header_size += size * count;
	t->too_large = t->header_size > HEADER_MAX;
	return t->too_large ? 0 : size * count;
}

static size_t
on_content(char *p, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	size_t n = size * count;
	if (t->question.post)
		return 0; /* its status is all that is asked for */
	t->too_large = n > FETCH_BODY - t->content.n;
	if (t->too_large)
		return 0;
	buf_add(&t->content, (struct str){ p, n });
	return n;
}

/* RFC 8461 3.3: among the DNS-IDs alone is the host looked for.  libcurl, which
   looks too, also takes a common name where there are none. */
static CURLcode
on_tls(CURL *easy, void *ssl_ctx, void *context)
{
	(void)easy;
	const struct transfer *t = context;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl_ctx);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, t->question.host, 0)
	    ? CURLE_OK
	    : CURLE_OUT_OF_MEMORY;
}

/* ---- options ---- */

static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{ CURLOPT_FOLLOWLOCATION, 0 }, /* RFC 8461 3.3 */
	{ CURLOPT_SSL_VERIFYPEER, 1 },
	{ CURLOPT_SSL_VERIFYHOST, 2 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_SSL_SESSIONID_CACHE, 0 },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
	{ CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS },
	{ CURLOPT_FRESH_CONNECT, 1 },
	{ CURLOPT_FORBID_REUSE, 1 },
	{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
	{ CURLOPT_PATH_AS_IS, 1 },
	{ CURLOPT_NOSIGNAL, 1 },
};

static const struct {
	CURLoption option;
	const char *value;
} texts[] = {
	{ CURLOPT_PROTOCOLS_STR, "https" },
	{ CURLOPT_PROXY, "" }, /* none, whatever the environment says */
	{ CURLOPT_USERAGENT, "Postern/" POSTERN_VERSION },
};

static bool
set_fixed(CURL *easy)
{
	CURLcode code = CURLE_OK;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !code; i++)
		code =
		    curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < sizeof texts / sizeof *texts && !code; i++)
		code = curl_easy_setopt(easy, texts[i].option, texts[i].value);
	return code == CURLE_OK;
}

static bool
set_callbacks(struct transfer *t, CURL *easy)
{
	return !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) &&
	    !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t) &&
	    !curl_easy_setopt(
		easy, CURLOPT_RESOLVER_START_FUNCTION, on_resolver) &&
	    !curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls) &&
	    !curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t) &&
	    !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) &&
	    !curl_easy_setopt(easy, CURLOPT_HEADERDATA, t) &&
	    !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_content) &&
	    !curl_easy_setopt(easy, CURLOPT_WRITEDATA, t) &&
	    !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->trouble);
}

/* An answer to a POST may be of any size: it isn't read. */
static bool
set_limits(const struct transfer *t, CURL *easy)
{
	const struct fetch_question *q = &t->question;
	return !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)q->ms) &&
	    (q->post ||
		!curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)FETCH_BODY));
}

/* "host:port:192.0.2.1,[2001:db8::1]", in a table of names of its own */
static bool
pin_addresses(struct transfer *t, CURL *easy)
{
	const struct fetch_question *q = &t->question;
	struct buf line = { 0 };
	buf_addf(&line, "%s:%u:", q->host, (unsigned)q->port);
	for (unsigned i = 0; i < q->count; i++) {
		char text[IP_TEXT];
		ip_print(q->ips[i], text);
		buf_addf(&line, q->ips[i].family == 6 ? "%s[%s]" : "%s%s",
		    i ? "," : "", text);
	}
	t->pinned = curl_slist_append(NULL, buf_cstr(&line));
	buf_free(&line);
	t->names = curl_share_init();
	return t->pinned && t->names &&
	    !curl_share_setopt(t->names, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) &&
	    !curl_easy_setopt(easy, CURLOPT_SHARE, t->names) &&
	    !curl_easy_setopt(easy, CURLOPT_RESOLVE, t->pinned);
}

/* One file of them, without a folder beside it: so libcurl reads them once for
   all transfers, which else costs each one 60 ms and a megabyte. */
static bool
set_authorities(const struct transfer *t, CURL *easy)
{
	const char *file = t->rules->ca_file;
	return !curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) &&
	    !curl_easy_setopt(
		easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_LIFE_S) &&
	    (!*file || !curl_easy_setopt(easy, CURLOPT_CAINFO, file));
}

static bool
set_url(const struct transfer *t, CURL *easy)
{
	struct buf url = { 0 };
	buf_addf(&url, "https://%s:%u%s", t->question.host,
	    (unsigned)t->question.port, t->question.path);
	bool good = !curl_easy_setopt(easy, CURLOPT_URL, buf_cstr(&url));
	buf_free(&url);
	return good;
}

static bool
add_field(struct transfer *t, const char *text)
{
	struct curl_slist *longer = curl_slist_append(t->fields, text);
	if (longer)
		t->fields = longer;
	return longer != NULL;
}

static bool
set_post(struct transfer *t, CURL *easy)
{
	char type[sizeof "Content-Type: " + FETCH_TYPE];
	if (!t->question.post)
		return true;
	snprintf(type, sizeof type, "Content-Type: %s", t->question.type);
	/* Without waiting for "100 Continue". */
	return add_field(t, type) && add_field(t, "Expect:") &&
	    !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->fields) &&
	    !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)t->body.n) &&
	    !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_cstr(&t->body));
}

/* ---- the end ---- */

static enum fetch_result
result_of(const struct transfer *t, CURLcode code)
{
	static const struct {
		CURLcode code;
		enum fetch_result result;
	} results[] = {
		{ CURLE_OK, FETCH_DONE },
		{ CURLE_PEER_FAILED_VERIFICATION, FETCH_CERTIFICATE },
		{ CURLE_SSL_ISSUER_ERROR, FETCH_CERTIFICATE },
		{ CURLE_SSL_CONNECT_ERROR, FETCH_TLS },
		{ CURLE_SSL_CIPHER, FETCH_TLS },
		{ CURLE_FILESIZE_EXCEEDED, FETCH_TOO_LARGE },
		{ CURLE_OPERATION_TIMEDOUT, FETCH_TIMEOUT },
	};
	if (t->too_large)
		return FETCH_TOO_LARGE;
	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
		if (results[i].code == code)
			return results[i].result;
	return FETCH_NO_CONNECTION;
}

/* "Text/Plain; charset=utf-8" is "text/plain"; one that is too long, or holds
   what no type has, is none. */
static void
set_type(struct transfer *t, CURL *easy)
{
	const char *text = NULL;
	struct arena arena = { 0 };
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text);
	struct str rest = str_of(text);
	struct str type = arena_lower(&arena, str_trim(str_cut(&rest, ';')));
	if (!fetch_wire_set_type(t->type, type))
		memset(t->type, 0, sizeof t->type);
	arena_free(&arena);
}

/* Where libcurl hasn't found words, or not the right ones. */
static void
explain(struct transfer *t, CURLcode code)
{
	const char *why =
	    t->too_large ? "the answer is too large" : curl_easy_strerror(code);
	if (t->too_large || !*t->trouble)
		snprintf(t->trouble, sizeof t->trouble, "%s", why);
}

/* 0: there is none. */
static unsigned
status_of(CURL *easy)
{
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status > 0 && status < 1000 ? (unsigned)status : 0;
}

/* RFC 8460 5.4: what the status of an upload says holds, whatever becomes of
   the rest of the answer */
static bool
is_settled(const struct transfer *t, unsigned status)
{
	return t->question.post && status >= 200;
}

static void
on_end(struct multi_member *member)
{
	struct transfer *t = container_of(member, struct transfer, member);
	unsigned status = status_of(member->easy);
	t->result =
	    is_settled(t, status) ? FETCH_DONE : result_of(t, member->code);
	if (t->result == FETCH_DONE) {
		t->status = status;
		set_type(t, member->easy);
	} else {
		buf_clear(&t->content);
		explain(t, member->code);
	}
	t->done(t);
}

/* ---- for the owner ---- */

static bool
prepare(struct transfer *t, CURL *easy)
{
	return set_fixed(easy) && set_limits(t, easy) &&
	    set_callbacks(t, easy) && pin_addresses(t, easy) &&
	    set_authorities(t, easy) && set_url(t, easy) && set_post(t, easy);
}

/* Out of memory is all that can fail here. */
void
transfer_start(struct transfer *t, struct multi *multi,
    const struct transfer_rules *rules, void (*done)(struct transfer *))
{
	t->rules = rules;
	t->done = done;
	t->member.easy = curl_easy_init();
	if (!t->member.easy || !prepare(t, t->member.easy))
		abort();
	multi_add(multi, &t->member, on_end);
}

void
transfer_free(struct transfer *t)
{
	multi_remove(&t->member);
	curl_easy_cleanup(t->member.easy);
	curl_share_cleanup(t->names);
	curl_slist_free_all(t->pinned);
	curl_slist_free_all(t->fields);
	buf_free(&t->body);
	buf_free(&t->content);
	*t = (struct transfer){ 0 };
}
