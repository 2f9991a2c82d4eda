/*
 * data_folder.h - a data folder with config/ for one test program, and the
 * settings that name it.
 */
#ifndef TESTS_UNIT_DATA_FOLDER_H
#define TESTS_UNIT_DATA_FOLDER_H

#include "lib/base/settings.h"

/* The verifiers of "correct horse" and "battery staple". */
#define HORSE \
	"15000,MDEyMzQ1Njc4OWFiY2RlZg==,2jLIJLf9X/" \
	"y8uDJx+f+c/Yr0sMPqg1JZecIGzoQev8M=," \
	"3DBrRqXLHbAya0X8izWvWi+4zFsrhnxA5eZRJwRHZQY="
#define STAPLE \
	"20000,ZmVkY2JhOTg3NjU0MzIxMA==," \
	"eA3jYuC7YxyLqckdCQlnNTRtPmTnoQZoE3wz3e0kA/Y=," \
	"DyQihF4YGSzxNiru+aUIUfygBx5DkD9tx8LA3bw14rU="
/* A line of config/users. */
#define USER(address, verifier) address ":{SCRAM-SHA-256}" verifier "::::::\n"

struct data_folder {
	char path[32];
	struct settings settings; /* of example.test and other.test */
};

void data_folder_make(struct data_folder *);
void data_folder_remove(struct data_folder *);
/* Writes config/NAME; NULL removes it. */
void data_folder_write(
    struct data_folder *, const char *name, const char *text);

#endif
