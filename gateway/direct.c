/* direct.c - see direct.h. */
#include "direct.h"

#include "gaps.h"
#include "gateway.h"
#include "instances.h"
#include "provider_failed.h"

#include "base/arena.h"
#include "base/clock.h"
#include "model/dialect.h"
#include "model/message_ref.h"

struct direct *
direct_new(struct gw_req *req, void *user)
{
	struct direct *d = arena_alloc(req->a, sizeof(*d));

	d->req = req;
	d->user = user;
	d->deadline_us = clock_mono_us() + req->gw->conf->common.sending_deadline_us;
	req->user = d;
	return d;
}

/* ---- the instance ---- */

static void
instance_add(struct direct *d, struct db_unit *u)
{
	instance_get_add(u, d->req->who.company_id, d->req->who.instance_id);
}

/* Of statement 0; answers itself when it is gone since the token was checked. */
static bool
instance_read(struct direct *d, const struct db_unit *u)
{
	struct slice type;

	if (instance_row_count(u, 0) == 0) {
		gw_error(d->req, GW_E_INSTANCE_DELETED, NULL);
		return false;
	}
	instance_row_read(u, 0, 0, d->req->a, &d->instance);
	type = d->instance.provider_type;
	d->provider = provider_find(type);
	if (d->provider != NULL)
		return true;
	gw_error(d->req, GW_E_NOT_SUPPORTED,
		 arena_printf(d->req->a, "Providers of type %.*s are not supported yet",
			      S_FMT(type)));
	return false;
}

/* ---- messages ---- */

/* What we stored of it. */
static void
message_known(struct direct *d, struct direct_message *m, const struct message_ref *row)
{
	const struct json *payload = NULL;
	struct provider_chat own;
	struct slice full = SLICE_NONE;

	m->is_found = true;
	m->id = row->id;
	/* An incoming message is known by the name the provider gave it. */
	if (row->payload.n > 0 &&
	    json_parse(row->payload, d->req->a, &payload, NULL, NULL) == GH_OK)
		full = json_str(json_get(payload, "id"));
	if (full.n > 0)
		m->ref = d->provider->split_id(full);
	if (m->ref.full.n > 0 && m->ref.chat.n > 0)
		return;
	/* Of what that name leaves out our row tells. */
	m->ref = (struct provider_message_ref){.full = m->ref.full,
					       .bare = row->external_id,
					       .chat = row->chat_key,
					       .is_from_me = row->is_outgoing};
	/* In a group the author is part of the name. */
	if (slice_ends(row->chat_key, S("@g.us")) &&
	    provider_chat_parse(row->is_outgoing ? d->instance.phone_number : row->phone_from,
				d->req->a, &own) == GH_OK &&
	    own.kind != PROVIDER_CHAT_GROUP)
		m->ref.participant = own.key;
}

static void
messages_read(struct direct *d, const struct db_unit *u)
{
	for (unsigned i = 0; i < message_ref_count(u, 1); i++) {
		struct message_ref row;

		message_ref_read(u, 1, i, d->req->a, &row);
		message_known(d, &d->message[row.key], &row);
	}
	/* Not ours, and yet it says all that a call needs. */
	for (unsigned i = 0; i < d->message_count; i++)
		if (!d->message[i].is_found && d->message[i].ref.full.n > 0)
			d->message[i].is_found = true;
}

static void
found(struct gw_req *req, const struct db_unit *u)
{
	struct direct *d = req->user;

	if (!instance_read(d, u))
		return;
	messages_read(d, u);
	d->done(d);
}

static void
find_keys(struct gw_req *req, const struct instance_ref *instance)
{
	struct direct *d = req->user;
	const struct provider *provider = provider_find(slice_of(instance->provider_type));
	struct message_ref_key *keys = arena_alloc_array(req->a, d->message_count, sizeof(*keys));
	struct db_unit *u = db_unit_new();

	for (unsigned i = 0; i < d->message_count; i++) {
		struct direct_message *m = &d->message[i];
		struct slice bare;

		/* UAZAPI's clients write the owner before whatever id they were given. */
		bare = dialect_bare_id(m->text);
		if (uuid_parse(bare, &keys[i].id) == GH_OK)
			continue;
		keys[i].id = (struct uuid){0};
		if (provider != NULL)
			m->ref = provider->split_id(m->text);
		if (provider != NULL && m->ref.full.n == 0)
			m->ref = provider->split_id(bare);
		keys[i].external_id = m->ref.bare;
	}
	instance_add(d, u);
	message_ref_add(u, req->who.company_id, req->who.instance_id, keys, d->message_count);
	gw_submit(req, req->gw->read, u, found, NULL);
}

void
direct_find(struct direct *d, const struct slice *ids, unsigned count, direct_fn *done)
{
	d->done = done;
	d->message_count = count;
	d->message = arena_alloc_array(d->req->a, count, sizeof(*d->message));
	for (unsigned i = 0; i < count; i++)
		d->message[i] = (struct direct_message){.text = ids[i]};
	instances_find(d->req, d->req->who.instance_id, find_keys);
}

/* direct_find_one keeps the handler's next step while it looks at the message. */
struct finding_one {
	direct_fn *done;
	void *user;
};

static void
found_one(struct direct *d)
{
	const struct finding_one *f = d->user;

	d->user = f->user;
	if (!d->message[0].is_found)
		gw_error(d->req, GW_E_NOT_FOUND, "No such message");
	else if (d->message[0].ref.full.n == 0 && d->message[0].ref.bare.n == 0)
		gw_error(d->req, GW_E_CONFLICT, "The message is not at the provider yet");
	else
		f->done(d);
}

void
direct_find_one(struct direct *d, struct slice id, direct_fn *done)
{
	struct finding_one *f = arena_alloc(d->req->a, sizeof(*f));
	struct slice *ids = arena_alloc(d->req->a, sizeof(*ids));

	f->done = done;
	f->user = d->user;
	d->user = f;
	*ids = id;
	direct_find(d, ids, 1, found_one);
}

/* ---- calls ---- */

static void pump(struct direct *d);

/* A step and whose it is, for the callback. */
struct stepping {
	struct direct *d;
	struct direct_step *step;
	struct provider_call call;
};

static void
step_failed(struct direct *d, struct direct_step *step)
{
	if (step < d->step + d->needed && d->failed == NULL)
		d->failed = step;
}

static void
step_done(void *arg, const struct provider_result *result, int64_t elapsed_us)
{
	struct stepping *s = arg;
	struct direct *d = s->d;
	struct provider_result *r = &s->step->result;

	*r = *result;
	r->external_id = arena_dup(d->req->a, result->external_id);
	r->chat = arena_dup(d->req->a, result->chat);
	r->data = arena_dup(d->req->a, result->data);
	instances_call_log(&d->instance, &s->call, result, elapsed_us);
	d->in_flight--;
	if (r->is_lacking)
		gaps_note(d->req->gw->gaps, d->instance.provider_id, s->step->act.action,
			  clock_mono_us());
	if (r->outcome != PROVIDER_OK)
		step_failed(d, s->step);
	pump(d);
}

static void
step_start(struct direct *d, struct direct_step *step)
{
	const struct provider_address address = instances_address(&d->instance);
	struct stepping *s = arena_alloc(d->req->a, sizeof(*s));
	int64_t left_us = d->deadline_us - clock_mono_us();

	s->d = d;
	s->step = step;
	s->call = (struct provider_call){
		.op = PROVIDER_OP_ACTION, .session = d->instance.external_id, .act = &step->act};
	d->in_flight++;
	/* Past the deadline the client still says so itself, in its own words. */
	provider_client_call(d->req->gw->providers, &address, &s->call, left_us > 1 ? left_us : 1,
			     step_done, s);
}

/* What the provider has no call for, or its server turned out to lack, fails without one. */
static bool
step_is_lacking(struct direct *d, struct direct_step *step)
{
	struct provider_result *r = &step->result;

	if (d->provider->action_gap(step->act.action, d->instance.engine) != NULL) {
		*r = (struct provider_result){.outcome = PROVIDER_REJECTED,
					      .code = "not_supported"};
	} else if (gaps_has(d->req->gw->gaps, d->instance.provider_id, step->act.action,
			    clock_mono_us())) {
		*r = (struct provider_result){.outcome = PROVIDER_REJECTED, .code = "unsupported"};
		provider_text_set(r->text, S("the server has no such call"));
	} else {
		return false;
	}
	step_failed(d, step);
	return true;
}

/* The drain: a call may end before it returns. */
static void
pump(struct direct *d)
{
	if (d->is_pumping)
		return;
	d->is_pumping = true;
	while (d->failed == NULL && d->next < d->step_count && d->in_flight < d->width) {
		struct direct_step *step = &d->step[d->next++];

		if (!step_is_lacking(d, step))
			step_start(d, step);
	}
	d->is_pumping = false;
	if (d->in_flight > 0)
		return;
	if (d->failed != NULL)
		provider_failed(d->req, d->instance.provider_type, d->instance.engine,
				&d->failed->result);
	else
		d->done(d);
}

static void
calls_start(struct direct *d)
{
	const char *gap = d->provider->action_gap(d->step[0].act.action, d->instance.engine);
	struct slice status = d->instance.status;

	if (gap != NULL)
		gw_error(d->req, GW_E_NOT_SUPPORTED,
			 arena_printf(d->req->a,
				      "The provider (%.*s) has no call for this (its contract, %s)",
				      S_FMT(provider_words(d->instance.provider_type,
							   d->instance.engine, d->req->a)),
				      gap));
	else if (!slice_eq(status, S("connected")))
		gw_error(d->req, GW_E_INSTANCE_NOT_CONNECTED,
			 arena_printf(d->req->a, "The instance is not connected: %.*s",
				      S_FMT(status)));
	else
		pump(d);
}

static void
instance_found(struct gw_req *req, const struct db_unit *u)
{
	struct direct *d = req->user;

	if (instance_read(d, u))
		calls_start(d);
}

void
direct_call(struct direct *d, struct direct_step *steps, unsigned count, unsigned width,
	    unsigned needed, direct_fn *done)
{
	struct db_unit *u;

	d->step = steps;
	d->step_count = count;
	d->width = width;
	d->needed = needed;
	d->next = 0;
	d->done = done;
	if (d->provider != NULL) {
		calls_start(d);
		return;
	}
	u = db_unit_new();
	instance_add(d, u);
	gw_submit(d->req, d->req->gw->read, u, instance_found, NULL);
}

void
direct_act(struct direct *d, const struct provider_act *act, direct_fn *done)
{
	struct direct_step *step = arena_alloc(d->req->a, sizeof(*step));

	step->act = *act;
	direct_call(d, step, 1, 1, 1, done);
}

/* ---- ids in bodies ---- */

#define KIND(k)      (1u << PROVIDER_CHAT_##k)
#define KINDS_PEOPLE (KIND(PERSON) | KIND(LID))

static struct slice
chat_read(struct gw_req *req, const char *path, struct slice text, unsigned kinds, const char *what)
{
	struct provider_chat chat;

	if (text.p == NULL)
		return SLICE_NONE; /* absent: the rules have said so where it must not be */
	if (provider_chat_parse(text, req->a, &chat) == GH_OK && (kinds & 1u << chat.kind) != 0)
		return chat.key;
	gw_field_error(req, path, what);
	return SLICE_NONE;
}

struct slice
direct_chat(struct gw_req *req, const char *path, struct slice text)
{
	return chat_read(req, path, text, ~0u, "must be a phone number or a chat id");
}

struct slice
direct_person(struct gw_req *req, const char *path, struct slice text)
{
	return chat_read(req, path, text, KINDS_PEOPLE, "must be a phone number or a person's id");
}

struct slice
direct_group(struct gw_req *req, const char *path, struct slice text)
{
	return chat_read(req, path, text, KIND(GROUP), "must be a group id (...@g.us)");
}
