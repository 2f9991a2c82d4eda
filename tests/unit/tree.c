#include "tests/unit/tree.h"

#include <ftw.h>
#include <stdio.h>

static int
on_found(const char *path, const struct stat *s, int type, struct FTW *walk)
{
	(void)s, (void)type, (void)walk;
	return remove(path);
}

int
tree_remove(const char *path)
{
	return nftw(path, on_found, 16, FTW_DEPTH | FTW_PHYS);
}
