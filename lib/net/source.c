#include "lib/net/source.h"

#include <sys/socket.h>
#include <unistd.h>

enum {
	PORT = 53 /* any; connect() of a datagram socket sends nothing */
};

struct ip
source_address(uint8_t family)
{
	struct ip to, from = { 0 };
	struct sockaddr_storage address;
	uint16_t port;
	/* RFC 5737 3, RFC 3849: of nobody, and reached by the default route */
	ip_parse(family == 4 ? STR("192.0.2.1") : STR("2001:db8::1"), &to);
	socklen_t n = ip_to_sockaddr(to, PORT, &address);
	int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return from;
	bool there = connect(fd, (struct sockaddr *)&address, n) == 0;
	n = sizeof address;
	if (there && getsockname(fd, (struct sockaddr *)&address, &n) == 0)
		from = ip_from_sockaddr((struct sockaddr *)&address, &port);
	close(fd);
	return from;
}
