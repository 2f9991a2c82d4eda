/*
 * file.h - whole files, atomic replacement, folders.
 *
 * Everything here blocks.  On error functions return false with errno set.
 */
#ifndef LIB_BASE_FILE_H
#define LIB_BASE_FILE_H

#include "lib/base/buf.h"

#include <sys/types.h>

/* Appends the whole file; EFBIG beyond limit bytes.  Regular files only. */
bool file_read(const char *path, size_t limit, struct buf *);
/* Temporary file beside it, fsync, rename, fsync of the folder: readers see
   the old bytes or the new.  uid or gid -1: left alone. */
bool file_replace(const char *path, struct str bytes, mode_t, uid_t, gid_t);
/* Creates it and fails with EEXIST when it is there; synced as above. */
bool file_create(const char *path, struct str bytes, mode_t, uid_t, gid_t);
/* mkdir -p; the last folder gets exactly this mode when it is made. */
bool file_mkdirs(const char *path, mode_t);
bool file_exists(const char *path);
bool file_sync_folder(const char *path); /* fsync of the folder itself */
bool fd_write_all(int fd, struct str); /* through EINTR and short writes */
/* "/a" of "/a/b", "/" of "/a", "." of "a". */
struct str file_folder(struct str path);

#endif
