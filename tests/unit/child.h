/* child.h - run a function in a child process whose death is the expected result. */
#ifndef GH_TEST_CHILD_H
#define GH_TEST_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Run fn(arg) in a child; the first bytes of its stderr come back in text (NUL-terminated).
 * Returns the wait status; a child whose fn returns exits with 0. */
static inline int
child_run(void (*fn)(void *arg), void *arg, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got = 1;
	int status = -1;
	int fds[2];
	pid_t pid;

	if (pipe(fds) != 0)
		abort();
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		fn(arg);
		_exit(0);
	}
	close(fds[1]);
	while (got > 0 && n + 1 < size) {
		got = read(fds[0], text + n, size - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	text[n] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return status;
}

/* Whether fn(arg) ends in gh_panic with a message that contains `part`. */
static inline bool
child_panics(void (*fn)(void *arg), void *arg, const char *part)
{
	char text[512];
	int status = child_run(fn, arg, text, sizeof(text));

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
	       strncmp(text, "panic: ", 7) == 0 && strstr(text, part) != NULL;
}

#endif
