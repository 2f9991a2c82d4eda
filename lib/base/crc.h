/*
 * crc.h - CRC-32C (Castagnoli, RFC 3720 B.4), with the CPU's help if it can.
 */
#ifndef LIB_BASE_CRC_H
#define LIB_BASE_CRC_H

#include "lib/base/str.h"

/* Start with 0 (or with a seed); feed the result back in for more bytes. */
uint32_t crc32c(uint32_t crc, struct str);

#endif
