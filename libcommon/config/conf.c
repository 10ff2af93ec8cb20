/* conf.c - load a configuration file against its tables, and load it again. See conf.h. */
#include "config/conf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libconfig.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "config/conf_private.h"

#define CONF_SHOWN_MAX 64 /* characters of a value in an error line */

/* One key of one table, and what was found for it. */
struct conf_slot {
	const struct conf_param *param;
	size_t offset; /* in the daemon's struct */
	bool is_seen;
	struct conf_items items; /* count 0 and v NULL when unset */
};

/* What an earlier load or reload left behind for the readers of the live struct. */
struct conf_gen {
	struct arena *a;
	struct conf_gen *older;
};

struct conf {
	struct conf_spec spec;
	char *path;
	void *live;
	struct conf_slot *slots;
	size_t slot_count;
	struct conf_gen *gens;
	const char **changed; /* twice slot_count: applied, then restart */
};

/* A load in progress. */
struct conf_load {
	struct conf *c;
	struct arena *a;
	void *dst;
	struct conf_source *source;
	struct conf_errors *errs;
};

void
conf_errors_add(struct conf_errors *errs, const char *fmt, ...)
{
	va_list ap;

	if (errs->count == CONF_ERRORS_MAX) {
		errs->dropped_count++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(errs->text[errs->count++], CONF_ERROR_SIZE, fmt, ap);
	va_end(ap);
}

/* Text of a setting's value for an error line; secrets are not shown. */
static const char *
conf_shown(struct conf_load *l, const struct conf_param *p, const config_setting_t *set)
{
	switch (config_setting_type(set)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return arena_printf(l->a, "%lld", config_setting_get_int64(set));
	case CONFIG_TYPE_FLOAT:
		return arena_printf(l->a, "%g", config_setting_get_float(set));
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(set) ? "true" : "false";
	case CONFIG_TYPE_STRING:
		/* Of an unknown key nothing is known, so it might be a secret. */
		if (p == NULL || conf_type_ops(p)->is_secret)
			return "\"***\"";
		return arena_printf(l->a, "\"%.*s\"", CONF_SHOWN_MAX,
				    config_setting_get_string(set));
	case CONFIG_TYPE_GROUP:
		return "{...}";
	default:
		return "(...)";
	}
}

static const struct conf_file *
conf_where(struct conf_load *l, const config_setting_t *set, unsigned *line)
{
	*line = config_setting_source_line(set);
	return conf_source_find(l->source, line);
}

/* "file:line: key = value: reason" */
static void
conf_complain(struct conf_load *l, const char *key, const struct conf_param *p,
	      const config_setting_t *set, const char *reason)
{
	unsigned line;
	const struct conf_file *f = conf_where(l, set, &line);

	conf_errors_add(l->errs, "%s:%u: %s = %s: %s", f->path, line, key, conf_shown(l, p, set),
			reason);
}

static const char *
conf_range_reason(struct conf_load *l, const struct conf_param *p)
{
	struct buf b;

	buf_init(&b, l->a, CONF_ERROR_SIZE);
	buf_add_cstr(&b, "must be ");
	conf_type_ops(p)->range(p, &b);
	return buf_cstr(&b);
}

/* ---- text of a setting ---- */

/* "file:PATH" of a secret: the content, or NULL and the reason. */
static const char *
conf_read_secret(struct conf_load *l, const struct conf_file *from, struct slice path,
		 const char **why)
{
	const char *name = conf_expand_env(path, l->a, why);
	bool is_world_readable = false;
	struct buf b;

	if (name == NULL)
		return NULL;
	name = conf_file_resolve(l->a, from, slice_of(name));
	/* Room for a block beyond the maximum: the reader measures itself. */
	buf_init(&b, l->a, CONF_SECRET_MAX + 8192);
	if (conf_file_read(name, CONF_SECRET_MAX, &b, &is_world_readable, why) != GH_OK) {
		*why = arena_printf(l->a, "%s: %s", name, *why);
		return NULL;
	}
	if (is_world_readable) {
		*why = arena_printf(l->a, "%s: readable by others (chmod o-r)", name);
		return NULL;
	}
	if (slice_ends(buf_slice(&b), S("\n")))
		b.n--;
	return buf_cstr(&b);
}

static const char *
conf_string_text(struct conf_load *l, const struct conf_param *p, const config_setting_t *set,
		 const char **why)
{
	struct slice raw = slice_of(config_setting_get_string(set));
	unsigned line;
	const struct conf_file *f = conf_where(l, set, &line);

	if (conf_type_ops(p)->is_secret) {
		/* Looked for before substitution: a variable's value names no file. */
		if (slice_starts(raw, S("file:")))
			return conf_read_secret(l, f, slice_from(raw, 5), why);
		if (f->is_world_readable && !conf_has_env(raw)) {
			*why = "secret in a file readable by others (chmod o-r, or use file:PATH)";
			return NULL;
		}
	}
	return conf_expand_env(raw, l->a, why);
}

/* One scalar setting as an item; false when its type does not fit (why stays NULL) or text is
 * wrong (why says so). */
static bool
conf_scalar_item(struct conf_load *l, const struct conf_param *p, const config_setting_t *set,
		 struct conf_items *items, const char **why)
{
	int type = config_setting_type(set);
	const char *text = NULL;

	if (p->type == CONF_TYPE_INT) {
		if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
			text = arena_printf(l->a, "%lld", config_setting_get_int64(set));
	} else if (p->type == CONF_TYPE_BOOL) {
		if (type == CONFIG_TYPE_BOOL)
			text = config_setting_get_bool(set) ? "true" : "false";
	} else if (type == CONFIG_TYPE_STRING) {
		text = conf_string_text(l, p, set, why);
	}
	if (text == NULL)
		return false;
	items->v[items->count++] = text;
	return true;
}

static bool
conf_gather(struct conf_load *l, const struct conf_param *p, config_setting_t *set,
	    struct conf_items *items, const char **why)
{
	bool is_list = config_setting_is_list(set) || config_setting_is_array(set);
	int count = is_list ? config_setting_length(set) : 1;

	items->v = arena_alloc_array(l->a, (size_t)count + 1, sizeof(char *));
	items->count = 0;
	if (!is_list)
		return conf_scalar_item(l, p, set, items, why);
	if (!conf_type_ops(p)->is_list)
		return false;
	for (int i = 0; i < count; i++) {
		config_setting_t *elem = config_setting_get_elem(set, (unsigned)i);

		if (!conf_scalar_item(l, p, elem, items, why))
			return false;
	}
	return true;
}

static void
conf_take_setting(struct conf_load *l, struct conf_slot *slot, config_setting_t *set)
{
	const struct conf_param *p = slot->param;
	const char *why = NULL;

	slot->is_seen = true;
	if (!conf_gather(l, p, set, &slot->items, &why)) {
		if (why == NULL)
			why = arena_printf(l->a, "must be %s", conf_type_ops(p)->expects);
	} else {
		why = conf_type_ops(p)->parse(p, l->a, &slot->items, (char *)l->dst + slot->offset);
		if (why == NULL)
			return;
		if (*why == '\0')
			why = conf_range_reason(l, p);
	}
	conf_complain(l, p->name, p, set, why);
}

/* ---- walk of the file ---- */

static struct conf_slot *
conf_find_slot(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->slot_count; i++) {
		if (strcmp(c->slots[i].param->name, name) == 0)
			return &c->slots[i];
	}
	return NULL;
}

/* Has any table a key "section.something"? */
static bool
conf_has_section(const struct conf *c, const char *section)
{
	size_t n = strlen(section);

	for (size_t i = 0; i < c->slot_count; i++) {
		const char *name = c->slots[i].param->name;

		if (strncmp(name, section, n) == 0 && name[n] == '.')
			return true;
	}
	return false;
}

static bool
conf_has_word(const char *const *words, const char *word)
{
	for (; words != NULL && *words != NULL; words++) {
		if (strcmp(*words, word) == 0)
			return true;
	}
	return false;
}

static void
conf_take_named(struct conf_load *l, const char *name, config_setting_t *set)
{
	struct conf_slot *slot = conf_find_slot(l->c, name);

	if (slot != NULL)
		conf_take_setting(l, slot, set);
	else
		conf_complain(l, name, NULL, set, "unknown key");
}

static void
conf_take_root(struct conf_load *l, config_setting_t *root)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *set = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(set);

		if (!conf_has_section(l->c, name)) {
			if (!conf_has_word(l->c->spec.ignore, name))
				conf_take_named(l, name, set);
			continue;
		}
		if (!config_setting_is_group(set)) {
			conf_complain(l, name, NULL, set, "must be a section: { ... }");
			continue;
		}
		for (int k = 0; k < config_setting_length(set); k++) {
			config_setting_t *member = config_setting_get_elem(set, (unsigned)k);

			conf_take_named(
				l, arena_printf(l->a, "%s.%s", name, config_setting_name(member)),
				member);
		}
	}
}

/* libconfig says where, not at what: add the first word of the line, never more, since a
 * secret may follow it. */
static void
conf_complain_syntax(struct conf_load *l, const config_t *cfg)
{
	unsigned at = config_error_line(cfg) > 0 ? (unsigned)config_error_line(cfg) : 1, line = at;
	const struct conf_file *f = conf_source_find(l->source, &line);
	struct slice rest = slice_of(conf_source_text(l->source)), text = SLICE_NONE;
	const char *reason = config_error_text(cfg);

	while (at-- > 0 && rest.p != NULL)
		text = slice_cut(rest, '\n', &rest);
	text = slice_trim(text);
	text.n = text.p != NULL ? strcspn(text.p, " \t\r\n=:;\"{}()[],#/") : 0;
	if (text.n > CONF_SHOWN_MAX)
		text.n = CONF_SHOWN_MAX;
	conf_errors_add(l->errs, "%s:%u: %s%s%.*s", f->path, line,
			reason != NULL ? reason : "syntax error", text.n > 0 ? " at " : "",
			S_FMT(text));
}

/* Keys the file does not have: defaults, or errors for the required ones. */
static void
conf_fill_rest(struct conf_load *l)
{
	for (size_t i = 0; i < l->c->slot_count; i++) {
		struct conf_slot *slot = &l->c->slots[i];
		const struct conf_param *p = slot->param;

		if (slot->is_seen)
			continue;
		if ((p->flags & CONF_REQUIRED) || conf_has_word(l->c->spec.require, p->name)) {
			conf_errors_add(l->errs, "%s: %s: required key is missing", l->c->path,
					p->name);
			continue;
		}
		if (p->dflt == NULL)
			continue;
		slot->items = conf_items_default(p, l->a);
		if (conf_type_ops(p)->parse(p, l->a, &slot->items, (char *)l->dst + slot->offset) !=
		    NULL)
			gh_panic("conf: default of %s breaks its own rule", p->name);
	}
}

static void
conf_run_load(struct conf_load *l)
{
	config_t cfg;

	l->source = conf_source_new(l->c->path, l->errs);
	/* Text with a hole where an include failed would only give misleading errors. */
	if (l->errs->count == 0) {
		config_init(&cfg);
		if (config_read_string(&cfg, conf_source_text(l->source)) == CONFIG_TRUE) {
			conf_take_root(l, config_root_setting(&cfg));
			conf_fill_rest(l);
		} else {
			conf_complain_syntax(l, &cfg);
		}
		config_destroy(&cfg);
	}
	conf_source_free(l->source);
}

/* ---- life of a loaded configuration ---- */

static struct conf *
conf_new(const struct conf_spec *spec, const char *path, void *live)
{
	struct conf *c = gh_alloc(sizeof(*c));
	size_t count = 0;

	for (size_t t = 0; t < spec->table_count; t++) {
		for (const struct conf_param *p = spec->tables[t].params; p->name != NULL; p++)
			count++;
	}
	c->spec = *spec;
	c->path = gh_strdup(path);
	c->live = live;
	c->slots = gh_alloc_array(count, sizeof(*c->slots));
	c->changed = gh_alloc_array(count * 2, sizeof(*c->changed));
	for (size_t t = 0; t < spec->table_count; t++) {
		const struct conf_table *table = &spec->tables[t];

		for (const struct conf_param *p = table->params; p->name != NULL; p++) {
			struct conf_slot slot = {.param = p, .offset = table->base + p->offset};

			if (slot.offset + conf_type_ops(p)->size > spec->struct_size ||
			    conf_find_slot(c, p->name) != NULL)
				gh_panic("conf: %s is in two tables or outside its struct",
					 p->name);
			c->slots[c->slot_count++] = slot;
		}
	}
	return c;
}

static void
conf_add_gen(struct conf *c, struct arena *a)
{
	struct conf_gen *g = gh_alloc(sizeof(*g));

	g->a = a;
	g->older = c->gens;
	c->gens = g;
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	while (c->gens != NULL) {
		struct conf_gen *g = c->gens;

		c->gens = g->older;
		arena_free(g->a);
		gh_free(g);
	}
	gh_free(c->changed);
	gh_free(c->slots);
	gh_free(c->path);
	gh_free(c);
}

enum gh_code
conf_load(struct conf **out, const struct conf_spec *spec, const char *path, void *live,
	  struct conf_errors *errs)
{
	struct conf_load l = {.dst = live, .errs = errs};

	memset(errs, 0, sizeof(*errs));
	memset(live, 0, spec->struct_size);
	l.c = conf_new(spec, path, live);
	l.a = arena_new(0);
	conf_add_gen(l.c, l.a);
	conf_run_load(&l);
	if (errs->count > 0) {
		memset(live, 0, spec->struct_size);
		conf_free(l.c);
		*out = NULL;
		return GH_EINVAL;
	}
	*out = l.c;
	return GH_OK;
}

static bool
conf_slot_eq(const struct conf *a, const struct conf *b, size_t at)
{
	const struct conf_slot *x = &a->slots[at], *y = &b->slots[at];
	const struct conf_type_ops *ops = conf_type_ops(x->param);

	if (!ops->has_pointer)
		return memcmp((char *)a->live + x->offset, (char *)b->live + y->offset,
			      ops->size) == 0;
	if (x->items.v == NULL || y->items.v == NULL)
		return x->items.v == y->items.v;
	if (x->items.count != y->items.count)
		return false;
	for (size_t i = 0; i < x->items.count; i++) {
		if (strcmp(x->items.v[i], y->items.v[i]) != 0)
			return false;
	}
	return true;
}

enum gh_code
conf_reload(struct conf *c, struct conf_changes *changes, struct conf_errors *errs)
{
	void *shadow = gh_alloc(c->spec.struct_size);
	struct conf *fresh;
	enum gh_code rc = conf_load(&fresh, &c->spec, c->path, shadow, errs);

	*changes =
		(struct conf_changes){.applied = c->changed, .restart = c->changed + c->slot_count};
	if (rc != GH_OK)
		goto out;
	for (size_t i = 0; i < c->slot_count; i++) {
		struct conf_slot *slot = &c->slots[i];

		if (conf_slot_eq(c, fresh, i))
			continue;
		if (!(slot->param->flags & CONF_RELOADABLE)) {
			c->changed[c->slot_count + changes->restart_count++] = slot->param->name;
			continue;
		}
		memcpy((char *)c->live + slot->offset, (char *)shadow + slot->offset,
		       conf_type_ops(slot->param)->size);
		slot->items = fresh->slots[i].items;
		c->changed[changes->applied_count++] = slot->param->name;
	}
	/* The values applied live in the fresh arena; without any, it is not kept. */
	if (changes->applied_count > 0) {
		conf_add_gen(c, fresh->gens->a);
		gh_free(fresh->gens);
		fresh->gens = NULL;
	}
	conf_free(fresh);
out:
	gh_wipe(shadow, c->spec.struct_size);
	gh_free(shadow);
	return rc;
}

enum gh_code
conf_split_listen(struct slice s, struct conf_listen *out)
{
	struct conf_listen l = {.port = 0};
	struct slice host = s, port;
	struct addr a;
	uint64_t n;

	while (host.n > 0 && host.p[host.n - 1] != ':')
		host.n--;
	if (host.n == 0)
		return GH_EINVAL;
	port = slice_from(s, host.n);
	host.n--;
	if (parse_u64(port, 1, UINT16_MAX, &n) != GH_OK)
		return GH_EINVAL;
	l.port = (uint16_t)n;
	if (host.n > 0 && !slice_eq(host, S("*"))) {
		bool is_bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

		if (is_bracketed)
			host = slice_sub(host, 1, host.n - 2);
		else if (slice_eq(host, S("localhost")))
			host = S("127.0.0.1");
		/* Brackets belong to IPv6 and only to it: "::1:80" would be ambiguous. */
		if (addr_parse(host, &a) != GH_OK || (slice_index(host, ':') >= 0) != is_bracketed)
			return GH_EINVAL;
		addr_text(&a, l.host);
	}
	*out = l;
	return GH_OK;
}
