/*
 * source.h - from which address of ours a connection to the Internet would
 * come.
 */
#ifndef LIB_NET_SOURCE_H
#define LIB_NET_SOURCE_H

#include "lib/base/ip.h"

/* The kernel's choice; nothing is sent.  Family 0: there is no way there.
   Behind NAT it isn't what others see. */
struct ip source_address(uint8_t family);

#endif
