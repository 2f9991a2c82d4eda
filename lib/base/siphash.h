/*
 * siphash.h - SipHash-2-4 (Aumasson and Bernstein): a hash that nobody can aim
 * without its key.
 */
#ifndef LIB_BASE_SIPHASH_H
#define LIB_BASE_SIPHASH_H

#include "lib/base/str.h"

uint64_t siphash(const uint64_t key[2], struct str);

#endif
