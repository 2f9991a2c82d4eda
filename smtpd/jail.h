/*
 * jail.h - what smtpd may still touch once everything is open.
 */
#ifndef SMTPD_JAIL_H
#define SMTPD_JAIL_H

#include "lib/base/settings.h"

/* Before the first thread is started. */
void jail_enter(const struct settings *);

#endif
