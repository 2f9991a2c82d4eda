/*
 * said.h - a reply as if a server had said it, for tests.
 */
#ifndef TESTS_FAKES_SAID_H
#define TESTS_FAKES_SAID_H

#include "lib/mail/reply.h"

static inline struct reply
said(struct reply reply)
{
	reply.received = true;
	return reply;
}

#endif
