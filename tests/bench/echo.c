#include "echo.h"

#include <signal.h>
#include <stdio.h>

#include "http/server.h"
#include "loop/loop.h"

static const char answer[] =
	"{\"success\":true,\"message\":\"Message queued for sending\",\"data\":{"
	"\"id\":\"0199d2c4-7b1e-7c3a-9f00-2f6a1c5e8d01\",\"instance_id\":1,\"company_id\":1,"
	"\"direction\":\"outbound\",\"phone_to\":\"5511900000000\",\"phone_from\":"
	"\"5511900000000\","
	"\"message_type\":\"text\",\"content\":\"Ol\xc3\xa1! Your order 00000000 has left our "
	"store "
	"and should arrive tomorrow before noon. Reply 1 to follow it, 2 to talk to us.\","
	"\"media_url\":null,\"status\":\"queued\",\"priority\":5,\"external_id\":null,"
	"\"reference\":null,\"error_code\":null,\"error_message\":null,\"attempts\":0,"
	"\"created_at\":\"2026-01-01T00:00:00.000Z\",\"scheduled_at\":null,\"sent_at\":null,"
	"\"delivered_at\":null,\"read_at\":null}}";

static void
echo_request(void *arg GH_UNUSED, struct http_req *req)
{
	static const struct http_header type[] = {{S("Content-Type"), S("application/json")}};

	http_reply(req, 201, type, GH_COUNT(type), slice_make(answer, sizeof(answer) - 1));
}

static void
echo_stop(void *arg)
{
	loop_stop(arg);
}

enum gh_code
echo_run(struct loop *l, struct gh_err *err)
{
	const struct http_server_opts opts = {.on_request = echo_request};
	struct http_server *server;
	struct loop_signal *term;

	if (http_server_new(&server, l, &opts, err) != GH_OK)
		return GH_EINVAL;
	term = loop_signal_new(l, SIGTERM, echo_stop, l);
	printf("http://127.0.0.1:%u\n", (unsigned)http_server_port(server));
	(void)fflush(stdout);
	loop_run(l);
	loop_signal_free(term);
	http_server_free(server);
	return GH_OK;
}
