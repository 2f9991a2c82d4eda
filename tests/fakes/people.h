/*
 * people.h - the image's users and groups, on any host.
 *
 * It stands in for lib/host/spawn.c, which looks names up: name it in
 * tests/unit/fakes.mk.
 */
#ifndef TESTS_FAKES_PEOPLE_H
#define TESTS_FAKES_PEOPLE_H

enum {
	PEOPLE_POSTERN = 50801,
	PEOPLE_TLS = 50802,
	PEOPLE_VMAIL = 50810,
	PEOPLE_SMTPD = 50811,
	PEOPLE_SIGNER = 50812,
	PEOPLE_UNBOUND = 50815,
};

#endif
