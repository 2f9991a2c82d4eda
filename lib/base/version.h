/*
 * version.h - which Postern this is.
 */
#ifndef LIB_BASE_VERSION_H
#define LIB_BASE_VERSION_H

#define POSTERN_VERSION "0.1.0"

#endif
