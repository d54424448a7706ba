/*
 * The command line of Windrow: finds the command, parses its options, runs it.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "memory.h"
#include "output.h"
#include "signals.h"
#include "store.h"
#include "windrow.h"

static const struct command *const commands[] = {
	&ingest_command,  &init_command,  &known_command,  &get_command,
	&search_command,  &stats_command, &export_command, &prune_command,
	&delete_command,  &embed_command, &index_command,  &doctor_command,
	&migrate_command,
};
enum { NCOMMANDS = sizeof(commands) / sizeof(*commands) };

static void add_overview(struct text *t)
{
	size_t i;

	text_puts(t, "Usage: windrow COMMAND [OPTION]... [ARGUMENT]...\n\n"
		     "Stores scraped pages, and finds them again.\n\n"
		     "Commands:\n");
	for (i = 0; i < NCOMMANDS; i++)
		text_printf(t, "  %-9s %s\n", commands[i]->name,
			    commands[i]->summary);
	text_puts(t, "\nOptions:\n"
		     "  -h, --help     Show this help; windrow COMMAND --help "
		     "shows a command's.\n"
		     "      --version  Show the version.\n\n"
		     "The store is --db URL, else $WINDROW_DB, else "
		     "sqlite:///windrow.db in this folder.\n"
		     "Exit status: 0; 1 if some records failed or were not "
		     "found; 2 if it could not run.\n");
}

static void add_paragraphs(struct text *t, const char *s, size_t columns)
{
	while (*s) {
		const char *end = strstr(s, "\n\n");
		size_t n = end ? (size_t)(end - s) : strlen(s);

		text_putc(t, '\n');
		output_wrap(t, (struct wr_str){ s, n }, 0, columns, false, 0,
			    0);
		s += n;
		s += strspn(s, "\n");
	}
}

static int help_command(const struct command *command)
{
	size_t columns = output_columns(stdout);
	struct text t = { 0 };

	if (columns > 100)
		columns = 100;
	text_printf(&t, "Usage: windrow %s %s\n\n%s.\n", command->name,
		    command->arguments, command->summary);
	if (command->details)
		add_paragraphs(&t, command->details, columns);
	text_puts(&t, "\nOptions:\n");
	options_describe(&t, command->options, columns);
	options_describe(&t, common_options, columns);
	if (command->examples)
		text_printf(&t, "\nExamples:\n%s", command->examples);
	output_print(&t);
	text_release(&t);
	return EXIT_FINE;
}

static int help(FILE *f, int status)
{
	struct text t = { 0 };

	add_overview(&t);
	fputs(t.ptr, f);
	text_release(&t);
	return status;
}

static int version(void)
{
	uint32_t v = wr_version();

	printf("windrow %s", WR_VERSION_STRING);
	if (v != WR_VERSION)
		printf(" (library %u.%u.%u)", v >> 16, v >> 8 & 0xff, v & 0xff);
	printf("\n");
	return EXIT_FINE;
}

static const struct command *find(const char *name)
{
	const char *names[NCOMMANDS], *near;
	size_t i;

	for (i = 0; i < NCOMMANDS; i++) {
		names[i] = commands[i]->name;
		if (!strcmp(names[i], name))
			return commands[i];
	}
	near = options_nearest(name, names, NCOMMANDS);
	if (near)
		output_error("there is no command '%s'; did you mean '%s'?",
			     name, near);
	else
		output_error("there is no command '%s' (see windrow --help)",
			     name);
	return NULL;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct common *common = memory_new(1, command->settings);
	char name[STORE_NAME];
	int n, status = EXIT_CANNOT;

	n = options_parse(command->name, command->options, common, argc, argv);
	if (n < 0)
		goto out;
	output_set_json(common->json);
	if (common->help)
		status = help_command(command);
	else if ((size_t)n < command->min_args)
		output_cannot(WR_EINVAL,
			      "%s: something is missing; usage: "
			      "windrow %s %s",
			      command->name, command->name, command->arguments);
	else if ((size_t)n > command->max_args)
		output_cannot(WR_EINVAL,
			      "%s: '%s' is too much; usage: "
			      "windrow %s %s",
			      command->name,
			      store_name(name, argv[command->max_args]),
			      command->name, command->arguments);
	else
		status = command->run(common, (size_t)n, argv);
out:
	options_release(command->options, common);
	memory_free(common);
	return status;
}

static int start(int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name)
		return help(stderr, EXIT_CANNOT);
	if (!strcmp(name, "--version"))
		return version();
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		return help(stdout, EXIT_FINE);
	if (!strcmp(name, "help") && argc == 2)
		return help(stdout, EXIT_FINE);
	if (*name == '-') {
		output_error("'%s' comes before the command: say windrow "
			     "COMMAND %s ...",
			     name, name);
		return EXIT_CANNOT;
	}
	if (!strcmp(name, "help")) {
		command = find(argv[2]);
		return command ? help_command(command) : EXIT_CANNOT;
	}
	command = find(name);
	return command ? run(command, argc - 1, argv + 1) : EXIT_CANNOT;
}

int main(int argc, char **argv)
{
	signals_ignore();
	output_init();
	return output_finish(start(argc, argv));
}
