/*
 * signals.h - Ctrl-C and its like: the first asks a command to come to an end,
 * the second ends it at once with EXIT_CANNOT.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/* A reader that went away and a file-size limit are errors, not deaths. */
void signals_ignore(void);

/* From now on SIGINT, SIGTERM and SIGHUP only ask. */
void signals_catch(void);
/* Polls readable from the first of them on. */
int signals_fd(void);
bool signals_asked(void);

#endif
