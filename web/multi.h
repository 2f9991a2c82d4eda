/*
 * multi.h - libcurl's transfers on our loop: its sockets are watches, its time
 * is a timer.
 *
 * It knows libcurl's handles and nothing of what is transferred.
 */
#ifndef WEB_MULTI_H
#define WEB_MULTI_H

#include "lib/net/loop.h"

#include <curl/curl.h>

struct multi; /* one per process */

struct multi_member { /* of whoever has the handle; {0} is idle */
	CURL *easy; /* the owner's */
	CURLcode code; /* how it ended */
	void (*done)(struct multi_member *);
	struct multi *multi; /* private */
	struct list_node node; /* private */
	struct later later; /* private */
};

struct multi *multi_new(struct loop *);
void multi_free(struct multi *); /* without members */
/* done() runs once and later; then, or after the removal, the handle is the
   owner's alone. */
void multi_add(
    struct multi *, struct multi_member *, void (*done)(struct multi_member *));
void multi_remove(struct multi_member *); /* free on an idle one */

#endif
