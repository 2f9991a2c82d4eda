#include "lib/base/ip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What is read and printed is read as the same address again. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct ip ip, again;
	uint16_t port;
	char text[IP_TEXT];
	if (!ip_parse_endpoint(
		(struct str){ (const char *)p, n }, 25, &ip, &port))
		return 0;
	ip_print(ip, text);
	if (port == 0 || !ip_parse(str_of(text), &again) || !ip_eq(ip, again))
		abort();
	if (ip_is_loopback(ip) && !ip_is_special(ip))
		abort();
	return 0;
}
