/*
 * thread.h - starts a thread that takes no signals: they are the loop's.
 *
 * Whoever starts it joins it.  It knows nothing of what the thread does.
 */
#ifndef LIB_NET_THREAD_H
#define LIB_NET_THREAD_H

#include <pthread.h>

/* 0, or an errno. */
int thread_start(pthread_t *, void *(*work)(void *), void *context);

#endif
