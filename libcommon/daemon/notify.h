/* notify.h - tell the supervisor (systemd's sd_notify protocol) how we are.
 *
 * Datagrams to $NOTIFY_SOCKET; without it every call does nothing. A full socket loses
 * the datagram rather than stopping the loop: states are repeated by the next change and
 * watchdog pings are sent at twice the rate asked for.
 */
#ifndef GH_DAEMON_NOTIFY_H
#define GH_DAEMON_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct notify {
	int fd; /* -1: nobody listens */
	struct sockaddr_un addr;
	socklen_t addr_len;
	int64_t watchdog_us; /* from $WATCHDOG_USEC; 0: none asked for */
};

/* Read the environment. A malformed value counts as absent. */
void notify_init(struct notify *n);
void notify_close(struct notify *n);

/* Send newline-separated assignments: "READY=1\nSTATUS=serving". */
void notify_send(const struct notify *n, const char *text);

#endif
