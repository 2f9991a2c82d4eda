/*
 * story.h - what fakes were asked to do, in order, as lines of text that a
 * test compares.
 */
#ifndef TESTS_FAKES_STORY_H
#define TESTS_FAKES_STORY_H

void story_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What was told since the last call; valid until the next one. */
const char *story_take(void);
void story_free(void);

#endif
