/* envelope.c - the fixed text of a hint; see envelope.h. Pure functions. */
#include "mq/envelope.h"

static const char *const kind_names[] = {
	[MQ_KIND_SEND] = "send",
	[MQ_KIND_INBOUND] = "inbound",
	[MQ_KIND_DELIVERY] = "delivery",
};

static const char *const class_names[] = {
	[MQ_CLASS_HIGH] = "high",
	[MQ_CLASS_NORMAL] = "normal",
	[MQ_CLASS_LOW] = "low",
};

const char *
mq_kind_name(enum mq_kind k)
{
	return (unsigned)k < GH_COUNT(kind_names) ? kind_names[k] : NULL;
}

const char *
mq_class_name(enum mq_class c)
{
	return (unsigned)c < GH_COUNT(class_names) ? class_names[c] : NULL;
}

void
mq_envelope_write(const struct mq_envelope *e, struct buf *out)
{
	const char *kind = mq_kind_name(e->kind);
	const char *class = mq_class_name(e->class);

	if (kind == NULL || class == NULL || e->company_id <= 0 || e->target_count == 0 ||
	    e->target_count > MQ_TARGET_MAX)
		gh_panic("mq_envelope_write: kind %d class %d targets %u", (int)e->kind,
			 (int)e->class, e->target_count);
	buf_add(out, S("{\"v\":1,\"kind\":\""));
	buf_add_cstr(out, kind);
	buf_add(out, S("\",\"company\":"));
	buf_add_i64(out, e->company_id);
	buf_add(out, S(",\"class\":\""));
	buf_add_cstr(out, class);
	buf_add(out, S("\",\"targets\":["));
	for (unsigned i = 0; i < e->target_count; i++) {
		if (e->target_id[i] <= 0)
			gh_panic("mq_envelope_write: target %lld", (long long)e->target_id[i]);
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_i64(out, e->target_id[i]);
	}
	buf_add(out, S("]}"));
}

/* Take want from the front of *s; false when something else stands there. */
static bool
take(struct slice *s, struct slice want)
{
	if (!slice_starts(*s, want))
		return false;
	*s = slice_from(*s, want.n);
	return true;
}

/* A positive decimal without leading zero. */
static bool
take_id(struct slice *s, int64_t *out)
{
	uint64_t v;
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 0 || s->p[0] == '0' || parse_u64(slice_sub(*s, 0, n), 1, INT64_MAX, &v) != GH_OK)
		return false;
	*out = (int64_t)v;
	*s = slice_from(*s, n);
	return true;
}

/* One word of a name table, closing quote included; 0 when none matches. */
static unsigned
take_name(struct slice *s, const char *const *names, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		struct slice rest = *s;

		if (take(&rest, slice_of(names[i])) && take(&rest, S("\""))) {
			*s = rest;
			return i;
		}
	}
	return 0;
}

static enum gh_code
take_targets(struct slice *s, struct mq_envelope *e)
{
	e->target_count = 0;
	do {
		if (e->target_count == MQ_TARGET_MAX)
			return GH_ELIMIT;
		if (!take_id(s, &e->target_id[e->target_count]))
			return GH_EINVAL;
		e->target_count++;
	} while (take(s, S(",")));
	return GH_OK;
}

enum gh_code
mq_envelope_parse(struct slice s, struct mq_envelope *e)
{
	enum gh_code rc;

	if (s.n > MQ_ENVELOPE_MAX)
		return GH_ELIMIT;
	if (!take(&s, S("{\"v\":1,\"kind\":\"")))
		return GH_EINVAL;
	e->kind = (enum mq_kind)take_name(&s, kind_names, GH_COUNT(kind_names));
	if (e->kind == 0 || !take(&s, S(",\"company\":")) || !take_id(&s, &e->company_id))
		return GH_EINVAL;
	if (!take(&s, S(",\"class\":\"")))
		return GH_EINVAL;
	e->class = (enum mq_class)take_name(&s, class_names, GH_COUNT(class_names));
	if (e->class == 0 || !take(&s, S(",\"targets\":[")))
		return GH_EINVAL;
	rc = take_targets(&s, e);
	if (rc != GH_OK)
		return rc;
	return slice_eq(s, S("]}")) ? GH_OK : GH_EINVAL;
}
