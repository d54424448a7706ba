#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "output.h"

static int wake[2] = { -1, -1 };
static volatile sig_atomic_t asked;

static void handle(int signal)
{
	static const char message[] = "\nwindrow: abandoned\n";
	int saved = errno;

	(void)signal;
	if (asked) {
		if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
			_exit(EXIT_CANNOT);
		_exit(EXIT_CANNOT);
	}
	asked = 1;
	if (write(wake[1], "", 1) < 0)
		errno = saved;
	errno = saved;
}

void signals_ignore(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void signals_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = handle, .sa_flags = SA_RESTART };
	struct sigaction before;
	size_t i;

	if (wake[0] < 0 && pipe2(wake, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		/* What nohup and a shell's "&" ignore stays ignored. */
		if (!sigaction(signals[i], NULL, &before) &&
		    before.sa_handler != SIG_IGN)
			sigaction(signals[i], &sa, NULL);
	}
}

int signals_fd(void)
{
	return wake[0];
}

bool signals_asked(void)
{
	return asked != 0;
}
