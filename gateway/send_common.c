#include "send_common.h"

#include "endpoints.h"
#include "gateway.h"
#include "waits.h"

#include "base/arena.h"
#include "model/dialect.h"
#include "model/dialect_content.h"
#include "model/message_row.h"

/* ---- the reply ---- */

const struct gw_schema send_outcome_schema = {
	.name = "SendOutcome",
	.fields = GW_FIELDS(
		GW_FIELD("id", UUID), GW_FIELD("message_id", UUID, .text = "The same as id"),
		GW_FIELD("status", STRING, .words = GW_WORDS("sent", "queued", "in_doubt")),
		GW_FIELD("external_id", STRING, .flags = GW_F_NULL,
			 .text = "The message's id at the provider"),
		GW_FIELD("messageid", STRING, .flags = GW_F_NULL,
			 .text = "The same as external_id")),
};

/* The same, as UAZAPI tells it. */
static void
write_uazapi(struct gw_req *req, struct json_w *w, const struct message_row *row)
{
	const struct sending *s = req->user;
	const struct send_job *x = s->user;
	char id[UUID_TEXT_SIZE];
	struct uazapi_message m = {
		.owner = s->owner,
		.id = row->external_id.n > 0 ? row->external_id : slice_of(uuid_text(row->id, id)),
		.chat = s->row.chat_key,
		.is_from_me = true,
		.type = dialect_sent_type(row->kind, &x->r.payload),
		.status = uazapi_message_status(row->status),
		.at_us = row->sent_at_us != 0 ? row->sent_at_us : uuid7_time_us(row->id),
		.text = dialect_text(row->content, &x->r.payload),
		.options = dialect_options(&x->r.payload, req->a),
		.content = dialect_content(row->kind, row->content, row->media_url, &x->r.payload,
					   req->a),
		.quoted = s->row.reply_to,
		.track_source = x->r.payload.track_source,
		.track_id = row->reference,
	};

	if (m.owner.n > 0)
		m.sender = slice_of(arena_printf(req->a, "%.*s@c.us", S_FMT(m.owner)));
	/* It is on its way to the receiver, whose news come by webhook. */
	if (row->status > MSG_SENT && row->status < MSG_FAILED)
		m.status = uazapi_message_status(MSG_SENT);
	uazapi_message_members(w, &m, req->a);
}

static void
reply_outcome(struct gw_req *req, unsigned http_status, const char *message, const char *status,
	      const struct message_row *row)
{
	struct json_w *w = gw_begin(req, message);

	json_w_open(w, GW_DATA, '{');
	json_w_uuid(w, "id", row->id);
	json_w_uuid(w, "message_id", row->id);
	json_w_str(w, "status", slice_of(status));
	json_w_str(w, "external_id", row->external_id);
	json_w_str(w, "messageid", row->external_id);
	json_w_close(w, '}');
	write_uazapi(req, w, row);
	gw_send(req, http_status);
}

/* It will not be sent: which message, and why. */
static void
refuse_outcome(struct gw_req *req, enum gw_code code, const char *dflt,
	       const struct message_row *row)
{
	char id[UUID_TEXT_SIZE];

	gw_field_error(req, "message_id", uuid_text(row->id, id));
	if (row->error_code.p != NULL)
		gw_field_error(req, "error_code", arena_cstr(req->a, row->error_code));
	gw_error(req, code,
		 row->error_message.n > 0 ? arena_cstr(req->a, row->error_message) : dflt);
}

static void
outcome(struct gw_req *req, const struct message_row *row)
{
	const struct sending *s = req->user;
	const struct send_job *x = s->user;
	unsigned on_its_way = x->is_async ? 200 : 202;

	switch (row->status) {
	case MSG_SENT:
	case MSG_DELIVERED:
	case MSG_READ:
	case MSG_PLAYED:
		reply_outcome(req, 200, "Message sent", "sent", row);
		return;
	case MSG_FAILED:
		refuse_outcome(req, GW_E_PROVIDER_REJECTED, NULL, row);
		return;
	case MSG_CANCELLED:
		refuse_outcome(req, GW_E_CONFLICT, "The message was cancelled", row);
		return;
	case MSG_IN_DOUBT:
		reply_outcome(req, on_its_way, "The provider's answer is awaited", "in_doubt", row);
		return;
	default:
		reply_outcome(req, on_its_way, "Message queued for sending", "queued", row);
	}
}

static void
accepted(struct gw_req *req, const struct message_row *row)
{
	const struct sending *s = req->user;
	const struct send_job *x = s->user;
	int64_t wait_us;

	if (!waits_preferred(req, &wait_us))
		wait_us = x->is_async ? 0 : WAITS_DEFAULT_US;
	waits_add(req, row, wait_us, outcome);
}

struct slice
send_none_if_empty(struct slice s)
{
	return s.n > 0 ? s : SLICE_NONE;
}

struct send_job *
send_start(struct gw_req *req, enum idem_route route, const struct json_rules *rules, void *target,
	   struct send_common *c)
{
	struct send_job *x = arena_alloc(req->a, sizeof(*x));

	x->s = sending_new(req, route, accepted);
	if (x->s == NULL)
		return NULL;
	x->s->user = x;
	x->c = c;
	x->s->row.priority = SEND_PRIORITY_DEFAULT;
	x->r = (struct send_reading){.a = req->a,
				     .e = gw_errors(req),
				     .policy = endpoints_policy(req),
				     .row = &x->s->row};
	(void)json_check(req->body, rules->v, rules->count, "", target, NULL, x->r.e);
	return x;
}

void
send_read_common(struct send_job *x)
{
	struct accept_row *row = x->r.row;
	const struct send_common *c = x->c;

	if (c->number.p == NULL && c->to.p == NULL)
		send_complain(&x->r, "number", "is required");
	send_read_chat(&x->r, c->number.p != NULL ? "number" : "to",
		       c->number.p != NULL ? c->number : c->to);
	send_read_times(&x->r, 0, 0);
	send_read_mentions(&x->r, "mentions", c->mentions);
	row->reply_to = send_none_if_empty(c->replyid);
	row->reference = send_none_if_empty(c->track_id);
	x->is_async = c->is_async;
	x->r.payload.delay_ms = c->delay_ms;
	x->r.payload.track_source = send_none_if_empty(c->track_source);
}

void
send_finish(struct send_job *x)
{
	if (gw_refuse_fields(x->s->req))
		return;
	send_read_end(&x->r);
	sending_commit(x->s);
}
