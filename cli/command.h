/*
 * command.h - what a command is: a row of a table.
 *
 * One file a command.  main.c finds it by name, parses its options into its
 * settings, and runs it; a command returns an enum exit_status.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>

#include "options.h"

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;   /* one line, no full stop */
	const char *details;   /* paragraphs, wrapped; an empty line between */
	const char *examples;  /* shown as they are */
	const struct option_spec *options;
	size_t settings; /* bytes; they begin with struct common */
	size_t min_args, max_args;
	int (*run)(void *settings, size_t nargs, char **args);
};

extern const struct command ingest_command, init_command, known_command,
	get_command, search_command, stats_command, prune_command,
	delete_command, export_command, embed_command, doctor_command,
	migrate_command, index_command;

#endif
