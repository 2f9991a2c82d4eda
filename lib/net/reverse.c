#include "lib/net/reverse.h"

static void
add_nibbles(struct buf *out, struct ip ip)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 16; i-- > 0;) {
		buf_addc(out, digits[ip.bytes[i] & 15]);
		buf_addc(out, '.');
		buf_addc(out, digits[ip.bytes[i] >> 4]);
		if (i > 0)
			buf_addc(out, '.');
	}
}

void
reverse_labels(struct buf *out, struct ip ip)
{
	const uint8_t *b = ip.bytes;
	if (ip.family == 6)
		add_nibbles(out, ip);
	else
		buf_addf(out, "%u.%u.%u.%u", (unsigned)b[3], (unsigned)b[2],
		    (unsigned)b[1], (unsigned)b[0]);
}

void
reverse_name(struct buf *out, struct ip ip)
{
	reverse_labels(out, ip);
	buf_adds(out, ip.family == 6 ? ".ip6.arpa" : ".in-addr.arpa");
}
