#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"

/* A path, or a name in the abstract name space written with a leading '@'. */
static bool
fill_address(struct notify *n, struct slice name)
{
	if (name.n < 2 || name.n >= sizeof(n->addr.sun_path) ||
	    (name.p[0] != '/' && name.p[0] != '@'))
		return false;
	n->addr.sun_family = AF_UNIX;
	memcpy(n->addr.sun_path, name.p, name.n);
	n->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name.n);
	if (name.p[0] == '@')
		n->addr.sun_path[0] = '\0';
	else
		n->addr_len++;
	return true;
}

/* WATCHDOG_PID keeps a child from pinging for its parent. */
static int64_t
read_watchdog(void)
{
	struct slice pid_text = slice_of(getenv("WATCHDOG_PID"));
	uint64_t usec;
	uint64_t pid;

	if (parse_u64(slice_of(getenv("WATCHDOG_USEC")), 1, INT64_MAX, &usec) != GH_OK)
		return 0;
	if (pid_text.p != NULL &&
	    (parse_u64(pid_text, 1, INT32_MAX, &pid) != GH_OK || (pid_t)pid != getpid()))
		return 0;
	return (int64_t)usec;
}

void
notify_init(struct notify *n)
{
	struct slice name = slice_of(getenv("NOTIFY_SOCKET"));

	memset(n, 0, sizeof(*n));
	n->fd = -1;
	if (name.p == NULL || !fill_address(n, name))
		return;
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->fd >= 0)
		n->watchdog_us = read_watchdog();
}

void
notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void
notify_send(const struct notify *n, const char *text)
{
	if (n->fd < 0)
		return;
	if (sendto(n->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&n->addr,
		   n->addr_len) < 0)
		log_debug("daemon.notify_failed", LOG_STR("err", gh_errno_text(errno)));
}
