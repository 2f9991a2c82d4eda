/*
 * tree.h - removes a folder with all that is in it; links are not followed.
 */
#ifndef TESTS_UNIT_TREE_H
#define TESTS_UNIT_TREE_H

int tree_remove(const char *path); /* 0, or -1 when something is left */

#endif
