/* wire.c - broken HTTP on purpose: bytes that are no answer, connections that die.
 *
 * The one place outside http/ that looks into the server: an honest server has no such
 * function, and the production interface must not get one for the sake of a simulator.
 */
#include "sim.h"

#include <sys/socket.h>

#include "http/server_private.h"

void
wire_write(struct http_req *req, struct slice bytes)
{
	struct http_exchange *r = (struct http_exchange *)(void *)req;

	if (r->conn == NULL)
		return;
	buf_add(&r->conn->out, bytes);
	http_conn_mark(r->conn);
}

void
wire_close(struct http_req *req, bool reset)
{
	struct http_exchange *r = (struct http_exchange *)(void *)req;
	struct http_conn *c = r->conn;

	r->is_replied = true;
	if (c != NULL) {
		/* No linger: close(2) then sends RST instead of FIN. */
		const struct linger now = {.l_onoff = 1, .l_linger = 0};

		if (reset)
			(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		c->state = CONN_CLOSING;
		c->is_refused = false;
		c->r = NULL;
		http_conn_mark(c);
	}
	if (r->s != NULL)
		r->s->running_count--;
	http_exchange_free(r);
}
