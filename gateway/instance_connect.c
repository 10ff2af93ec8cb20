/* instance_connect.c - POST /instance/connect: bring a session to where a person can pair it,
 * or to "connected", and answer with what the person needs.
 *
 * A provider that pairs from rest is given the phone then, and one that shows a QR code is taken
 * down for it: there is no pairing code beside.
 *
 * The session is asked for its state; started when it is stopped, restarted when it failed,
 * logged out once when a restart does not help (its pairing is gone for good then); and the
 * code is asked for until it is there or the deadline passes. Then the answer says
 * "connecting" and the client asks /instance/status: nothing is lost by that.
 */
#include "gateway.h"
#include "session.h"

#include "base/arena.h"
#include "base/clock.h"
#include "loop/loop.h"

#define ASK_AGAIN_US (300 * CLOCK_MS)
#define PHONE_MIN    7
#define PHONE_MAX    15
/* So many restarts by healthd did not bring it back: nor will another one. */
#define RESTARTS_ENOUGH 3

struct connecting {
	struct slice phone; /* absent: pair by QR code */
	bool was_restarted, was_reset;
	struct loop_timer *timer; /* set while it waits to ask again */
};

static const char *
check_phone(struct slice s)
{
	if (s.n > 0 && s.p[0] == '+')
		s = slice_from(s, 1);
	if (s.n < PHONE_MIN || s.n > PHONE_MAX)
		return "must be a phone number of 7 to 15 digits";
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return "must be a phone number of 7 to 15 digits";
	return NULL;
}

static const struct json_rule connect_rules[] = {
	{"phone", JSON_RULE_STRING, JSON_RULE_NUMBER_OK, .pattern = check_phone,
	 .offset = offsetof(struct connecting, phone),
	 .text = "Pair by a code typed on this phone instead of a QR code"},
};
const struct json_rules instance_connect_rules = {connect_rules, GH_COUNT(connect_rules)};

static void code_ask(struct session *s);
static void state_told(struct session *s, const struct provider_result *r);

static void
reply_bare(struct session *s, enum provider_session state, struct slice jid)
{
	const struct session_state st = {.state = state, .jid = jid};

	session_reply_state(s, state == PROVIDER_SESSION_CONNECTED ? "Connected" : "Connecting",
			    &st);
}

/* ---- the code ---- */

static void
ask_again(void *arg)
{
	struct session *s = arg;
	struct connecting *c = s->user;

	loop_timer_free(c->timer);
	session_do(s, PROVIDER_OP_SESSION_GET, state_told);
}

static void
wait_more(struct session *s)
{
	struct connecting *c = s->user;

	if (clock_mono_us() + ASK_AGAIN_US >= s->deadline_us) {
		reply_bare(s, PROVIDER_SESSION_CONNECTING, SLICE_NONE);
		return;
	}
	c->timer = loop_timer_new(s->req->gw->loop, ask_again, s);
	loop_timer_set(c->timer, ASK_AGAIN_US);
}

static void
code_told(struct session *s, const struct provider_result *r)
{
	struct session_state st = {.state = PROVIDER_SESSION_QR, .paircode = r->pair_code};

	/* The state moved on since it was asked: look again. */
	if (r->outcome != PROVIDER_OK && (r->session == PROVIDER_SESSION_CONNECTING ||
					  r->session == PROVIDER_SESSION_CONNECTED)) {
		wait_more(s);
		return;
	}
	if (session_refused(s, r))
		return;
	if (r->qr.p != NULL)
		st.qrcode = session_data_url(s, r);
	session_reply_state(s, "Waiting to be paired", &st);
}

static void
code_ask(struct session *s)
{
	const struct connecting *c = s->user;
	struct provider_call call = {.op = PROVIDER_OP_QR, .want_image = true, .phone = c->phone};

	if (c->phone.p != NULL)
		call.op = PROVIDER_OP_PAIR_CODE;
	session_call(s, &call, code_told);
}

/* ---- the state ---- */

static void
moved(struct session *s, const struct provider_result *r)
{
	if (!session_refused(s, r))
		wait_more(s);
}

static void
logged_out(struct session *s, const struct provider_result *r)
{
	if (!session_refused(s, r))
		session_do(s, PROVIDER_OP_SESSION_RESTART, moved);
}

static void
revive(struct session *s)
{
	struct connecting *c = s->user;

	if (!c->was_restarted && s->row.mend_tries < RESTARTS_ENOUGH) {
		c->was_restarted = true;
		session_do(s, PROVIDER_OP_SESSION_RESTART, moved);
	} else if (!c->was_reset) {
		c->was_reset = true;
		session_do(s, PROVIDER_OP_SESSION_LOGOUT, logged_out);
	} else {
		reply_bare(s, PROVIDER_SESSION_FAILED, SLICE_NONE);
	}
}

static bool
pairs_from_rest(const struct session *s)
{
	const struct connecting *c = s->user;
	const struct provider *provider = provider_find(s->row.provider_type);

	return c->phone.p != NULL && provider != NULL && provider->pairs_from_rest;
}

static void
code_due(struct session *s)
{
	struct connecting *c = s->user;

	if (!pairs_from_rest(s) || c->was_reset) {
		code_ask(s);
		return;
	}
	c->was_reset = true;
	session_do(s, PROVIDER_OP_SESSION_LOGOUT, moved);
}

static void
state_told(struct session *s, const struct provider_result *r)
{
	if (session_refused(s, r))
		return;
	switch (r->session) {
	case PROVIDER_SESSION_CONNECTED:
		reply_bare(s, r->session, r->own_jid);
		break;
	case PROVIDER_SESSION_QR:
		code_due(s);
		break;
	case PROVIDER_SESSION_DISCONNECTED:
		if (pairs_from_rest(s))
			code_ask(s);
		else
			session_do(s, PROVIDER_OP_SESSION_START, moved);
		break;
	case PROVIDER_SESSION_FAILED:
		revive(s);
		break;
	case PROVIDER_SESSION_CONNECTING:
	case PROVIDER_SESSION_UNKNOWN:
		wait_more(s);
		break;
	}
}

static void
connect_found(struct session *s)
{
	session_do(s, PROVIDER_OP_SESSION_GET, state_told);
}

void
instance_connect(struct gw_req *req)
{
	struct connecting *c = arena_alloc(req->a, sizeof(*c));
	struct session *s;

	if (!gw_check(req, connect_rules, GH_COUNT(connect_rules), c, NULL))
		return;
	if (c->phone.n > 0 && c->phone.p[0] == '+')
		c->phone = slice_from(c->phone, 1);
	s = session_new(req);
	s->user = c;
	session_own(s, connect_found);
}
