/*
 * why_story.h - a line of the history, in words for people.
 *
 * It knows the log's events and keys, and asks nobody.
 */
#ifndef CLI_WHY_STORY_H
#define CLI_WHY_STORY_H

#include <jansson.h>

/* What happened and when, and below it how; with the advice for a reply that
   small senders meet often. */
void why_story_print(json_t *line);

#endif
